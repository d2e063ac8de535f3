"""How does one holder at a time, of all processes of a store, get a name to itself?

For what must not be done twice although it takes long and happens outside the database: sending a refresh token that is
good for one use. The operating system, or PostgreSQL, holds the lock for the process: its death frees it, `kill -9`
too. A transaction would do as well, but it would make all writers wait for somebody else's network.
"""

from __future__ import annotations

import errno
import hashlib
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from credmagic.errors import StoreUnusable
from credmagic.store import refusals

PATIENCE = 30.0
"""Seconds to wait for another holder: longer than one exchange may take, with its one repetition."""
_SILENCE = 60
"""Seconds after which PostgreSQL takes a holder for gone whose machine vanished without a word."""
_HELD: set[int] = set()
"""Descriptors by which this process holds, or is about to hold, a name."""

_LIMITS = text(
    "SELECT set_config('lock_timeout', :wait, true), set_config('idle_in_transaction_session_timeout', :silence, true)"
)
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _in_child() -> None:
    """A lock and a connection live while anybody has them open, so a child must not: they would outlive their holder.

    Nothing takes the number of a descriptor meanwhile, for the frames that the child inherited close it again.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in _HELD:
        os.dup2(nothing, descriptor, inheritable=False)
    os.close(nothing)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


@contextmanager
def beside(database: Path, name: bytes, patience: float = PATIENCE) -> Iterator[None]:
    """Hold `name` by an empty file beside the SQLite file; it is there only while somebody holds it.

    Raises `StoreUnusable`: `store_busy` after `patience` seconds, `disk_full`, `store_not_writable`.
    """
    path = database.with_name(f"{database.name}-{_digest(name).hex()}.lock")
    deadline = time.monotonic() + patience
    while (descriptor := _taken(path, database)) is None:
        if time.monotonic() > deadline:
            raise refusals.busy(str(database))
        time.sleep(random.uniform(0.001, 0.02))  # noqa: S311
    try:
        yield
    finally:
        if descriptor in _HELD:  # it is still ours: this is no child
            with suppress(OSError):  # Windows keeps the name of an open file
                path.unlink()
        _freed(descriptor)


def _taken(path: Path, database: Path) -> int | None:
    """The descriptor that holds the lock; None while somebody else does."""
    descriptor, problem = -1, None
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600)
        _HELD.add(descriptor)
        _lock(descriptor)
        if _is_there(path, descriptor):  # else its holder has just removed it
            return descriptor
    except BlockingIOError:
        pass
    except OSError as error:
        problem = error
    _freed(descriptor)
    if problem is not None:
        raise _refusal(database, problem)
    return None


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _freed(descriptor: int) -> None:
    _HELD.discard(descriptor)
    with suppress(OSError):
        os.close(descriptor)


def _refusal(database: Path, problem: OSError) -> StoreUnusable:
    return StoreUnusable(
        f"nothing can be locked beside the store {database} ({problem.strerror})",
        code="disk_full" if problem.errno == errno.ENOSPC else "store_not_writable",
        next_step="Free some space, and make the directory yours (chown, chmod 700).",
    )


@contextmanager
def advisory(connection: Connection, name: bytes, patience: float = PATIENCE) -> Iterator[None]:
    """Hold `name` on PostgreSQL until the transaction of `connection`, which does nothing else, ends.

    Raises what the driver raises.
    """
    driver: Any = connection.connection.dbapi_connection
    descriptor = driver.fileno()
    _HELD.add(descriptor)
    try:
        connection.execute(_LIMITS, {"wait": f"{int(patience * 1000)}ms", "silence": f"{_SILENCE}s"})
        connection.execute(_LOCK, {"key": int.from_bytes(_digest(name), "big", signed=True)})
        yield
    finally:
        _HELD.discard(descriptor)


def _digest(name: bytes) -> bytes:
    return hashlib.sha256(b"credmagic exclusively\0" + name).digest()[:8]
