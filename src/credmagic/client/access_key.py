"""With which access key does this process sign in to a credmagic server elsewhere?

`CREDMAGIC_URL`, `CREDMAGIC_AUTH_KEY` and `CREDMAGIC_AUTH_SECRET` say it, for a job on a machine without a store. The
secret is taken out of the environment once, so that child processes do not inherit it, and lives on in this module
only; `CREDMAGIC_AUTH_SECRET_FILE` names a file in its place, which they may read as well.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from credmagic.errors import NotSignedIn
from credmagic.values import SecretStr

URL, KEY = "CREDMAGIC_URL", "CREDMAGIC_AUTH_KEY"
SECRET, SECRET_FILE = "CREDMAGIC_AUTH_SECRET", "CREDMAGIC_AUTH_SECRET_FILE"

_secrets: dict[str, SecretStr] = {}
"""By key id: what was taken out of the environment."""


@dataclass(frozen=True)
class AccessKey:
    """Where to sign in, and as whom."""

    url: str
    id: str
    secret: SecretStr


def hide() -> SecretStr | None:
    """Move the secret from the environment into this process's memory; returns it when it was there."""
    given = os.environ.pop(SECRET, "")
    if not given:
        return None
    kept = _secrets[os.environ.get(KEY, "")] = _masked(given)
    return kept


def take() -> AccessKey | None:
    """The access key this process was given; None when no variable speaks of one.

    Raises `NotSignedIn` naming the variable that is missing or wrong.
    """
    hide()
    url, key = os.environ.get(URL, ""), os.environ.get(KEY, "")
    if key and "" in _secrets:  # the secret was set before the key
        _secrets[key] = _secrets.pop("")
    path = os.environ.get(SECRET_FILE, "")
    secret = _secrets.get(key) or (_read(path) if path else None)
    if not (url or key or secret):
        return None
    missing = [name for name, value in ((URL, url), (KEY, key), (SECRET, secret)) if not value]
    if missing or secret is None:
        raise _half_set(missing)
    return AccessKey(url, key, secret)


def _masked(value: str) -> SecretStr:
    return SecretStr(value, "[access-key.secret]")


def _read(path: str) -> SecretStr:
    content = ""
    with suppress(OSError, ValueError):
        content = Path(path).read_text("utf-8").strip()
    if not content:
        raise NotSignedIn(
            f"the file that {SECRET_FILE} names is empty or cannot be read",
            next_step="It holds the secret of an access key, and nothing else.",
        )
    return _masked(content)


def _half_set(missing: list[str]) -> NotSignedIn:
    said = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    hint = f"{URL}, {KEY} and {SECRET} belong together."
    if missing == [SECRET]:
        hint += f" A process that used it hands it to none it starts; {SECRET_FILE}=PATH serves those as well."
    return NotSignedIn(f"no sign-in elsewhere: {said}", next_step=hint)
