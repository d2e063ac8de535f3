"""How is a store's key kept in the keyring of the operating system?

macOS Keychain, Windows Credential Manager, Secret Service and KWallet, through the `keyring` package. That
package also offers backends that keep nothing or keep it in clear, and an environment variable chooses
between them; so the class that took the key is recorded in the slot, and another class later is a hard stop.
Every call runs in a thread of its own with a time limit, because a keyring that wants to show a dialog where
nobody can see it never answers.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from credmagic.errors import VaultLocked
from credmagic.keys.base import KEY_BYTES, OR_RECOVERY, KeyProvider, NewSlot, check_parameters, damaged, entry_name
from credmagic.values import SecretStr

T = TypeVar("T")

SERVICE = "credmagic"
TIMEOUT = 9.5
"""Seconds for one whole operation, so that a caller has its answer within ten."""

_REFUSED = ("keyring.backends.fail.", "keyring.backends.null.", "keyrings.alt.")
_TITLES = {
    "keyring.backends.macOS.Keyring": "macOS Keychain",
    "keyring.backends.Windows.WinVaultKeyring": "Windows Credential Manager",
    "keyring.backends.SecretService.Keyring": "Secret Service keyring",
    "keyring.backends.libsecret.Keyring": "Secret Service keyring",
    "keyring.backends.kwallet.DBusKeyring": "KWallet",
    "keyring.backends.kwallet.DBusKeyringKWallet4": "KWallet",
}
_ELSEWHERE = "Or keep the key elsewhere: credmagic protect passphrase"


class OsKeyring(KeyProvider):
    """32 random bytes in the OS keyring. `timeout` (seconds) is the limit of one operation."""

    name = "os_keyring"
    title = "OS keyring"

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout

    def create(self, store_id: bytes, slot_id: bytes, *, secret: SecretStr | str | None = None) -> NewSlot:
        """Write a new random key and read it back."""
        entry, key = entry_name(store_id, slot_id), bytearray(secrets.token_bytes(KEY_BYTES))
        text = base64.b64encode(key).decode()

        def write() -> str:
            backend = _first_usable()
            _probe(backend)
            backend.set_password(SERVICE, entry, text)
            if backend.get_password(SERVICE, entry) != text:
                raise VaultLocked("the OS keyring did not keep what was written", next_step=_ELSEWHERE)
            return class_name(backend)

        return NewSlot(key, {"backend": self._limited(write), "entry": entry})

    def unlock(
        self,
        store_id: bytes,
        slot_id: bytes,
        parameters: Mapping[str, Any],
        *,
        secret: SecretStr | str | None = None,
    ) -> bytearray:
        """Read the key from the very keyring that took it."""
        check_parameters(parameters, backend=str, entry=str)
        if parameters["entry"] != entry_name(store_id, slot_id):
            raise damaged("it names the entry of another store")
        text = self._limited(lambda: _recorded(parameters).get_password(SERVICE, parameters["entry"]))
        if text is None:
            raise VaultLocked(
                f"the key of this store is not in {self.describe(parameters)}",
                next_step=f"Log in as the user (or on the machine) that made the store, {OR_RECOVERY}",
            )
        return _decoded(text, self.describe(parameters))

    def forget(self, parameters: Mapping[str, Any]) -> None:
        """Delete the entry; an entry that is not there is fine."""
        check_parameters(parameters, backend=str, entry=str)

        def delete() -> None:
            backend = _recorded(parameters)
            if backend.get_password(SERVICE, parameters["entry"]) is not None:
                backend.delete_password(SERVICE, parameters["entry"])

        self._limited(delete)

    def available(self) -> str | None:
        """Find out by writing, reading and deleting an entry: keyrings that only look alive are common."""
        try:
            self._limited(lambda: _probe(_first_usable()))
        except VaultLocked as error:
            return error.message
        return None

    def describe(self, parameters: Mapping[str, Any]) -> str:
        """The keyring by the name its users know."""
        return _TITLES.get(str(parameters.get("backend", "")), self.title)

    def _limited(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread; a hanging keyring costs a thread, not the program."""
        outcome: list[T] = []
        failure: list[VaultLocked] = []

        def run() -> None:
            try:
                outcome.append(work())
            except VaultLocked as error:
                failure.append(error)
            except Exception as error:  # backends raise what they like, and their text may hold anything
                failure.append(_translated(type(error)))

        worker = threading.Thread(target=run, name="credmagic-keyring", daemon=True)
        worker.start()
        worker.join(self._timeout)
        if outcome:
            return outcome[0]
        if failure:
            raise failure[0]
        raise VaultLocked(
            f"the OS keyring gave no answer in {self._timeout:.0f} s: a dialog may be waiting somewhere",
            next_step=f"Unlock it where its dialog can be seen, then try again. {_ELSEWHERE}",
        )


def class_name(backend: object) -> str:
    """The full name of a backend's class, as it is recorded in a slot."""
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _candidates() -> list[Any]:
    """The backends the `keyring` package would use, best first; a chainer stands for those it chains."""
    import keyring  # 60 ms that a store with another key provider does not pay
    from keyring.backends.chainer import ChainerBackend

    chosen = keyring.get_keyring()
    found = list(chosen.backends) if isinstance(chosen, ChainerBackend) else [chosen]
    return [backend for backend in found if not class_name(backend).startswith(_REFUSED)]


def _first_usable() -> Any:
    for backend in _candidates():
        return backend
    raise VaultLocked(
        "there is no OS keyring here that keeps secrets",
        next_step=f"Start one (for example gnome-keyring in a desktop session). {_ELSEWHERE}",
    )


def _recorded(parameters: Mapping[str, Any]) -> Any:
    """The backend that took the key; never another one, wherever an environment variable points."""
    backends = {class_name(backend): backend for backend in _candidates()}
    if parameters["backend"] in backends:
        return backends[parameters["backend"]]
    found = ", ".join(backends) or "none that keeps secrets"
    raise VaultLocked(
        f"the key is in {parameters['backend']}, but the keyring here is {found}",
        next_step="Unset PYTHON_KEYRING_BACKEND, start the keyring that has the key (a desktop session), "
        + OR_RECOVERY,
    )


def _probe(backend: Any) -> None:
    entry, text = f"probe-{secrets.token_hex(8)}", secrets.token_hex(8)
    backend.set_password(SERVICE, entry, text)
    read = backend.get_password(SERVICE, entry)
    backend.delete_password(SERVICE, entry)
    if read != text:
        raise VaultLocked("the OS keyring did not keep what was written", next_step=_ELSEWHERE)


def _translated(kind: type[Exception]) -> VaultLocked:
    from keyring.errors import KeyringLocked

    if issubclass(kind, KeyringLocked):
        return VaultLocked("the OS keyring is locked", next_step=f"Unlock it and try again. {_ELSEWHERE}")
    return VaultLocked(
        f"the OS keyring does not work here ({kind.__name__})",
        next_step=f"Start it (a desktop session, or dbus-run-session) and try again. {_ELSEWHERE}",
    )


def _decoded(text: str, where: str) -> bytearray:
    try:
        key = bytearray(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, TypeError):
        key = bytearray()
    if len(key) != KEY_BYTES:
        raise VaultLocked(
            f"the entry in {where} is not a key of credmagic",
            next_step=f"Restore it from a backup of the keyring, {OR_RECOVERY}",
        )
    return key
