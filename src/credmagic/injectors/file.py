"""How does a value get into a file for a tool that reads nothing else, and out of it again?

Files lie 0600 in a 0700 directory `run/files-<pid>-<random>` of credmagic's runtime directory (memory-backed where
the platform has one). They go at `take_back`, at exit, and those of processes that died go at the next start.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from credmagic import settings
from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential, StoreUnusable, word
from credmagic.injectors.base import Injector

_PREFIX = "files-"
_lock = threading.Lock()
_directory: tuple[int, Path] | None = None
"""(pid, directory) of this process; a forked child makes its own and leaves its parent's alone."""


class FileInjector(Injector):
    """Writes the contents a kind hands over as files and points its variables at them."""

    name: ClassVar[str] = "file"

    def __init__(self) -> None:
        self._written: list[Path] = []
        self._environ: Any = None

    def apply(self, credential: Credential, **options: Any) -> list[str]:
        """Write the credential's files and set their variables; returns the variables' names."""
        from credmagic.injectors.environ import EnvironInjector  # it writes files, too: a cycle at import only

        contents = credential.files(options.get("prefix"))
        if not contents:
            raise InvalidCredential(
                f"{credential.name}: a credential of kind {credential.kind} has nothing to hand over as a file",
                next_step=f"Variables instead: %cred use {word(credential.name)} --export",
            )
        self._environ = self._environ or EnvironInjector()
        return list(self._environ.set(self.write(credential, contents)))

    def write(self, credential: Credential, contents: Mapping[str, str]) -> dict[str, str]:
        """Write each content to a file of its own. Returns variable → path. Raises `StoreUnusable`."""
        directory = _own_directory()
        paths: dict[str, str] = {}
        for variable, content in contents.items():
            path = directory / f"{secrets.token_hex(8)}-{_plain(variable)}"
            _write_private(path, str(content).encode())
            self._written.append(path)
            paths[variable] = str(path)
        return paths

    def take_back(self) -> None:
        if self._environ is not None:
            self._environ.take_back()
        while self._written:
            with contextlib.suppress(OSError):
                self._written.pop().unlink()


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)[:64]


def _write_private(path: Path, content: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError as error:
        problem = error.strerror
    else:
        return
    raise StoreUnusable(
        f"cannot write to {path.parent} ({problem})",
        code="store_not_writable",
        next_step="Make it yours (chown, chmod 700) or set CREDMAGIC_HOME to a directory you can write to.",
    )


def _own_directory() -> Path:
    global _directory
    with _lock:
        root = settings.private_dir(settings.home().run)
        mine = _directory
        if mine is None or mine[0] != os.getpid() or mine[1].parent != root or not mine[1].is_dir():
            remove_stale(root)
            path = settings.private_dir(root / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}")
            atexit.register(_remove_at_exit, os.getpid(), path)
            _directory = mine = (os.getpid(), path)
        return mine[1]


def _remove_at_exit(pid: int, path: Path) -> None:
    if pid == os.getpid():  # a forked child runs its parent's handlers too
        shutil.rmtree(path, ignore_errors=True)


def remove_stale(root: Path) -> None:
    """Remove the files of processes that are no more (killed before they could). Never raises."""
    for path in root.glob(f"{_PREFIX}*-*"):
        pid = path.name.removeprefix(_PREFIX).split("-")[0]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    if os.name != "posix":  # no harmless question to ask there; leave the files to that process's own exit
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
