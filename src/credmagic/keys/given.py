"""Where does a passphrase or a recovery key come from when nobody can be asked?

From the caller, from a variable, or from a file that another variable names, in this order.
"""

from __future__ import annotations

import os

from credmagic.errors import VaultLocked
from credmagic.values import SecretStr

MAX_BYTES = 64 * 1024


def given(secret: SecretStr | str | None, variable: str) -> str:
    """The text, or "" when there is none. Raises `VaultLocked` when the file `variable`_FILE names is
    unusable.
    """
    if secret:
        return str(secret)
    if text := os.environ.get(variable):
        return text
    if path := os.environ.get(f"{variable}_FILE"):
        return _from_file(path, f"{variable}_FILE")
    return ""


def is_set(variable: str) -> bool:
    """Whether the environment gives a text (which may still turn out to be unusable)."""
    return bool(os.environ.get(variable) or os.environ.get(f"{variable}_FILE"))


def _from_file(path: str, variable: str) -> str:
    """The file's text without the one line end that editors add."""
    why = "it is empty"
    try:
        with open(os.path.expanduser(path), "rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            why = "it is too long"
        elif text := raw.decode().removesuffix("\n").removesuffix("\r"):
            return text
    except UnicodeDecodeError:
        why = "it is not text in UTF-8"
    except OSError as error:
        why = error.strerror or "it cannot be read"
    raise VaultLocked(
        f"the file {path} named by {variable} cannot be used ({why})",
        next_step=f"Correct the file or unset {variable}.",
    )
