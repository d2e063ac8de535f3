"""Where does a new store keep its key when nobody said so?

`CREDMAGIC_KEY_PROVIDER` decides; else a passphrase in the environment; else an OS keyring that really
answers; else a key file, and then one line says what that means. An existing store is never asked this: its
slots know.
"""

from __future__ import annotations

from credmagic import settings
from credmagic.errors import VaultLocked
from credmagic.keys.base import providers
from credmagic.keys.given import is_set
from credmagic.keys.passphrase import VARIABLE


def choose_default() -> tuple[str, str | None]:
    """The key provider for a new store, and the line to print when it is only a fall-back.

    Raises `VaultLocked` when `CREDMAGIC_KEY_PROVIDER` names none that is installed.
    """
    if wanted := settings.key_provider():
        if wanted not in providers.names():
            raise VaultLocked(
                f"CREDMAGIC_KEY_PROVIDER names {wanted!r}, which is not installed",
                next_step=f"Set it to one of: {', '.join(providers.names())}",
            )
        return wanted, None
    if is_set(VARIABLE):
        return "passphrase", None
    reason = providers.get("os_keyring")().available()
    if reason is None:
        return "os_keyring", None
    return "key_file", (
        f"The key of this store is in the file {settings.home().key_file} ({reason}); whoever copies both "
        "can read your credentials. Better: credmagic protect passphrase"
    )
