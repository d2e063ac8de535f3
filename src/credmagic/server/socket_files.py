"""Where does a server's socket lie, and who cleans up after one that was killed?

In the runtime directory (0700) under a name of its own, so that several servers can work over one home.
Socket paths must be short: where this one is not, it lies in a fresh 0700 directory below the system's
temporary one, whose name stands in `run/socket`, a line for each server.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import tempfile
from pathlib import Path

from credmagic import settings

MAX_PATH = 100
"""Bytes; the systems' own limits lie between 103 and 107."""

_SOCKET = re.compile(r"k-(\d+)-[0-9a-f]{8}\.sock\Z")
_DIRECTORY = re.compile(r"cm-(\d+)-\w+\Z")


class SocketFile:
    """One server's place for its socket. `path` is where to bind; `remove` leaves nothing behind."""

    def __init__(self, directory: Path | None = None) -> None:
        self._run = settings.private_dir(directory or settings.home().run, shared=directory is not None)
        self._pointer = self._run / "socket"
        remove_stale(self._run, self._pointer)
        self._made: Path | None = None
        self.path = self._run / f"k-{os.getpid()}-{secrets.token_hex(4)}.sock"
        if len(os.fsencode(self.path)) > MAX_PATH:
            self._made = Path(tempfile.mkdtemp(prefix=f"cm-{os.getpid()}-"))
            self.path = self._made / "k.sock"
            _rewrite(self._pointer, [*_listed(self._pointer), self._made])

    def remove(self) -> None:
        """Take the socket, and the directory made for it, away again."""
        self.path.unlink(missing_ok=True)
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)
            _rewrite(self._pointer, [path for path in _listed(self._pointer) if path != self._made])


def remove_stale(run: Path, pointer: Path) -> None:
    """Remove sockets whose server is gone: its process no longer exists and nobody answers."""
    for path in run.glob("k-*.sock"):
        match = _SOCKET.match(path.name)
        if match and not _process_exists(int(match[1])) and not _answers(path):
            path.unlink(missing_ok=True)
    ours = [directory for directory in _listed(pointer) if _is_ours(directory)]
    alive = [directory for directory in ours if _is_alive(directory)]
    for directory in ours:
        if directory not in alive:
            shutil.rmtree(directory, ignore_errors=True)
    if pointer.exists():
        _rewrite(pointer, alive)


def _is_ours(directory: Path) -> bool:
    """True for a directory of ours with nothing but a socket: the list is a file, it could say anything."""
    with contextlib.suppress(OSError):
        return (
            directory.lstat().st_uid == os.getuid()
            and bool(_DIRECTORY.match(directory.name))
            and not directory.is_symlink()
            and all(path.name == "k.sock" for path in directory.iterdir())
        )
    return False


def _is_alive(directory: Path) -> bool:
    match = _DIRECTORY.match(directory.name)
    return match is not None and (_process_exists(int(match[1])) or _answers(directory / "k.sock"))


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True


def _listed(pointer: Path) -> list[Path]:
    try:
        return [Path(line) for line in pointer.read_text("utf-8").splitlines() if line]
    except (OSError, UnicodeDecodeError):
        return []


def _rewrite(pointer: Path, directories: list[Path]) -> None:
    if not directories:
        pointer.unlink(missing_ok=True)
        return
    fresh = pointer.with_name(f"socket.{os.getpid()}")
    fresh.write_text("".join(f"{path}\n" for path in directories), "utf-8")
    fresh.chmod(0o600)
    fresh.replace(pointer)
