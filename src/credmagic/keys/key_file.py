"""How is a store's key kept in a file?

One small JSON file outside the data directory (`CREDMAGIC_HOME/config/credmagic.key`), `{"format": 1, "keys":
{"<store id>.<slot id>": base64 of 32 bytes}}`: several stores of one home share it, and each finds its own
entry, so no path is stored and a copied home opens where it stands. It protects against whoever gets the
store *without* this file; so it is refused where the two would travel together (data directory, git work
tree, served notebook folder) or where others can read it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from credmagic import settings
from credmagic.errors import VaultLocked
from credmagic.keys.base import KEY_BYTES, OR_RECOVERY, KeyProvider, NewSlot, check_parameters, damaged, entry_name
from credmagic.values import SecretStr

FORMAT = 1
MAX_BYTES = 1 << 20
_ABOUT = "Keys of credmagic stores: whoever has this file and a store can read its credentials. Keep a copy apart."
_ASK_COPY = f"Put it back from your copy, {OR_RECOVERY}"
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_READ = os.O_RDONLY | _SAFE | getattr(os, "O_NONBLOCK", 0)
"""Without O_NONBLOCK, opening a named pipe put in the file's place would wait for ever."""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE


class KeyFile(KeyProvider):
    """32 random bytes in a private file. `path` is `settings.home().key_file` unless given; `notebook_root`
    is a folder that a Jupyter server serves.
    """

    name = "key_file"
    title = "a key file"

    def __init__(self, path: Path | None = None, notebook_root: Path | None = None) -> None:
        self._path = path
        self._notebook_root = notebook_root

    @property
    def path(self) -> Path:
        """The file in use now."""
        return self._path or settings.home().key_file

    def create(self, store_id: bytes, slot_id: bytes, *, secret: SecretStr | str | None = None) -> NewSlot:
        """Add a new random key to the file, which is made when it is missing."""
        entry, key = entry_name(store_id, slot_id), bytearray(secrets.token_bytes(KEY_BYTES))
        self._check_place()
        settings.private_dir(self.path.parent)
        with self._locked():
            keys = self._read() if os.path.lexists(self.path) else {}
            if entry in keys:
                raise damaged("the key file already has a key for it")
            self._write({**keys, entry: base64.b64encode(key).decode()})
        return NewSlot(key, {"entry": entry})

    def unlock(
        self,
        store_id: bytes,
        slot_id: bytes,
        parameters: Mapping[str, Any],
        *,
        secret: SecretStr | str | None = None,
    ) -> bytearray:
        """Read the key of this slot."""
        check_parameters(parameters, entry=str)
        if parameters["entry"] != entry_name(store_id, slot_id):
            raise damaged("it names the key of another store")
        self._check_place()
        text = self._read().get(parameters["entry"])
        if text is None:
            raise VaultLocked(
                f"the key file {self.path} has no key for this store",
                next_step=_ASK_COPY,
            )
        return self._decoded(text)

    def forget(self, parameters: Mapping[str, Any]) -> None:
        """Take the key out of the file, and remove a file that has no key left."""
        check_parameters(parameters, entry=str)
        if not os.path.lexists(self.path):
            return
        with self._locked():
            keys = self._read()
            if keys.pop(parameters["entry"], None) is None:
                return
            if keys:
                self._write(keys)
            else:
                self.path.unlink(missing_ok=True)

    def available(self) -> str | None:
        """A key file can be made wherever the place is safe."""
        try:
            self._check_place()
        except VaultLocked as error:
            return error.message
        return None

    def _check_place(self) -> None:
        """Raise `VaultLocked` where the file would be copied, committed or served together with the store."""
        folder = Path(os.path.realpath(self.path.parent))
        move = "Set CREDMAGIC_HOME to a private directory elsewhere, or: credmagic protect passphrase"
        if folder.is_relative_to(os.path.realpath(settings.home().data)):
            raise VaultLocked(f"the key file {self.path} would lie inside the data directory", next_step=move)
        if any((parent / ".git").exists() for parent in (folder, *folder.parents)):
            raise VaultLocked(f"the key file {self.path} would lie in a git work tree", next_step=move)
        if self._notebook_root and _served(folder, Path(os.path.realpath(self._notebook_root))):
            raise VaultLocked(f"the key file {self.path} would lie in the notebook folder", next_step=move)

    def _read(self) -> dict[str, str]:
        """All keys of the file, by entry. Raises `VaultLocked` for every file that is not a private key
        file.
        """
        try:
            descriptor = os.open(self.path, _READ)
            try:
                _check_private(self.path, os.fstat(descriptor))
                raw = _read_all(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unreadable(self.path, error) from None
        try:
            body = json.loads(raw) if len(raw) <= MAX_BYTES else None
        except (ValueError, RecursionError):
            body = None
        keys = body.get("keys") if isinstance(body, dict) and body.get("format") == FORMAT else None
        if not isinstance(keys, dict) or not all(isinstance(text, str) for text in keys.values()):
            raise VaultLocked(
                f"{self.path} is not a key file of credmagic",
                next_step=_ASK_COPY,
            )
        return keys

    def _write(self, keys: Mapping[str, str]) -> None:
        """Put a whole new file in the old one's place, so that a crash leaves one of the two."""
        body = json.dumps({"about": _ABOUT, "format": FORMAT, "keys": keys}, indent=1).encode()
        fresh = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}")
        try:
            descriptor = os.open(fresh, _CREATE, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise VaultLocked(
                f"the key file {self.path} cannot be written ({error.strerror})",
                next_step="Make its directory writable for you, or: credmagic protect passphrase",
            ) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: two new stores of one home must not lose each other's key."""
        if os.name != "posix":
            yield
            return
        import fcntl

        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | _SAFE, 0o600)
        except OSError as error:
            raise _unreadable(self.path, error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _decoded(self, text: str) -> bytearray:
        try:
            key = bytearray(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            key = bytearray()
        if len(key) != KEY_BYTES:
            raise VaultLocked(
                f"the key in {self.path} is damaged",
                next_step=_ASK_COPY,
            )
        return key


def _served(folder: Path, root: Path) -> bool:
    """True when a Jupyter server with this root would hand out files of `folder` (it hides dot folders)."""
    if not folder.is_relative_to(root):
        return False
    return not any(part.startswith(".") for part in folder.relative_to(root).parts)


def _check_private(path: Path, opened: os.stat_result) -> None:
    if not stat.S_ISREG(opened.st_mode):
        raise VaultLocked(f"{path} is not a regular file", next_step="Put the key file back in its place.")
    if os.name != "posix":
        return
    if os.geteuid() not in (0, opened.st_uid):
        raise VaultLocked(f"the key file {path} belongs to another user", next_step=f"chown {os.geteuid()} {path}")
    if stat.S_IMODE(opened.st_mode) & 0o077:
        raise VaultLocked(f"others can read the key file {path}", next_step=f"Close it: chmod 600 {path}")
    if stat.S_IMODE(path.parent.stat().st_mode) & 0o077:
        raise VaultLocked(
            f"others can enter the key file's directory {path.parent}",
            next_step=f"Close it: chmod 700 {path.parent}",
        )


def _read_all(descriptor: int) -> bytes:
    """The file's bytes; of one that is too long to be a key file just enough to see that."""
    raw = b""
    while len(raw) <= MAX_BYTES and (part := os.read(descriptor, MAX_BYTES + 1)):
        raw += part
    return raw


def _unreadable(path: Path, error: OSError) -> VaultLocked:
    if isinstance(error, FileNotFoundError):
        return VaultLocked(
            f"the key file {path} is missing",
            next_step=_ASK_COPY,
        )
    why = "it is a symbolic link" if path.is_symlink() else error.strerror
    return VaultLocked(f"the key file {path} cannot be opened ({why})", next_step=f"Look at it: ls -l {path}")


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a directory cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
