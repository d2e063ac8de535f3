"""How is a SQLite file made and opened so that no acknowledged write is lost and nobody else can read it?

Both ways in (`hot_read`, `sql`) get their connections here. A warning for whoever comes later: never open the
database file by hand (`open`, `shutil.copy`) in a process that has the store open; closing such a handle
drops SQLite's POSIX locks of the whole process.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from credmagic.errors import StoreUnusable
from credmagic.settings import private_dir
from credmagic.store import refusals

REVISION = "0004"
"""The schema this code reads and writes: the head of `migrations/versions`."""
VERSION_TABLE = "credmagic_version"
PATIENCE = 10.0
"""Seconds to wait for somebody else's write before `store_busy`."""

_SETTINGS = {
    # FULL: with NORMAL a power cut loses acknowledged commits (tests/security/test_power_cut.py)
    "synchronous": 2,
    "fullfsync": 1,  # macOS: fsync alone does not reach the platter
    "checkpoint_fullfsync": 1,
    "foreign_keys": 1,
    "secure_delete": 1,
    "temp_store": 2,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,
}
_TURNS: dict[str, threading.Lock] = {}

if hasattr(os, "register_at_fork"):  # a thread that the child does not have may hold one of them
    os.register_at_fork(after_in_child=_TURNS.clear)


def create(path: Path) -> None:
    """Make an empty private file (0600) if there is none. Raises `StoreUnusable` when that cannot be done."""
    if not path.parent.exists():  # one that exists may be shared (/tmp): its modes are its owner's business
        private_dir(path.parent)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        reason = error.strerror
    else:
        _sync_names(path.parent)
        _sync_names(path.parent.parent)
        return
    raise StoreUnusable(
        f"cannot make the store {path} ({reason})",
        code="store_not_writable",
        next_step="Make the directory yours (chown, chmod 700) or set CREDMAGIC_HOME.",
    )


def _sync_names(directory: Path) -> None:
    """Make the names in `directory` durable: a synced file without a name is lost all the same."""
    with suppress(OSError):  # Windows cannot, and a directory above ours may not be readable
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def connect(path: Path, patience: float = PATIENCE) -> sqlite3.Connection:
    """A connection in autocommit mode with every setting made and read back; never creates the file.

    Raises `sqlite3.Error` (callers translate it) and `StoreUnusable` for a SQLite without STRICT tables or a
    setting that does not hold.
    """
    if sqlite3.sqlite_version_info < (3, 37):
        raise StoreUnusable(
            f"SQLite {sqlite3.sqlite_version} has no STRICT tables",
            code="store_not_writable",
            next_step="Use a Python that comes with SQLite 3.37 or newer.",
        )
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=patience, isolation_level=None,
        check_same_thread=False, cached_statements=256,
    )  # fmt: skip
    try:
        for name, value in _SETTINGS.items():
            connection.execute(f"PRAGMA {name}={value}")
            hold(connection, name, value)
    except BaseException:
        connection.close()
        raise
    return connection


def hold(connection: sqlite3.Connection, name: str, value: object) -> None:
    """Read a setting back. Raises `StoreUnusable` when SQLite has another value than `value`."""
    row = connection.execute(f"PRAGMA {name}").fetchone()
    if row is not None and row[0] != value:
        raise StoreUnusable(
            f"this SQLite does not accept the setting {name}={value}",
            code="store_not_writable",
            next_step="Use a Python that comes with a standard SQLite.",
        )


def journal(connection: sqlite3.Connection, mode: str = "wal", patience: float = PATIENCE) -> None:
    """Put the file into journal mode `mode`. `delete` (network file systems) comes with synchronous=EXTRA.

    The switch does not wait for other connections by itself, so it is tried until `patience` is over.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode={mode}").fetchone()
            break
        except sqlite3.OperationalError as error:
            if not refusals.is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)
    hold(connection, "journal_mode", mode)
    if mode != "wal":
        connection.execute("PRAGMA synchronous=EXTRA")
        hold(connection, "synchronous", 3)


def revision(connection: sqlite3.Connection) -> str | None:
    """The schema revision of the file, None for an empty one. Raises `LookupError` for somebody else's file."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")}
    if VERSION_TABLE in tables:
        row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608
        return str(row[0]) if row else None
    if tables:
        raise LookupError(VERSION_TABLE)
    return None


@contextmanager
def turn(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Wait for this process's turn to write `path`: threads queue here, instead of asking SQLite again and again.

    Raises `StoreUnusable` (`store_busy`) after `patience` seconds.
    """
    lock = _TURNS.setdefault(str(path), threading.Lock())
    if not lock.acquire(timeout=patience):
        raise refusals.busy(str(path))
    try:
        yield
    finally:
        lock.release()


def begin_immediate(connection: sqlite3.Connection, patience: float = PATIENCE) -> None:
    """Take the write lock, waiting up to `patience` seconds.

    SQLite's own waiting backs off to 100 ms between tries: beside a busy writer it starves for seconds. So the lock is
    asked for in short steps here, and SQLite waits by itself only for everything else.
    """
    deadline = 0.0
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                deadline = deadline or time.monotonic() + patience
                if not refusals.is_busy(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.0005)
    finally:
        connection.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
