"""What does a database driver's error mean to the user?

One table per database, from the driver's stable code to our error. The driver's own text is never shown: it
may quote values, and "database is locked" helps nobody.
"""

from __future__ import annotations

import sqlite3

from credmagic.errors import Conflict, CredmagicError, NameTaken, StoreUnusable

_BUSY = ("store_busy", "is in use by another program that does not let go",
         "Try again. If it stays so, close other programs that have it open.")  # fmt: skip
_FULL = ("disk_full", "cannot grow: the disk is full", "Free some space. Reading goes on meanwhile.")
_NOT_WRITABLE = (
    "store_not_writable",
    "cannot be written",
    "Make the file and its directory yours (chown, chmod 700) or set CREDMAGIC_HOME.",
)
_FOREIGN = ("not_a_store", "is not a credmagic store",
            "Move it away, or set CREDMAGIC_HOME to another directory.")  # fmt: skip
_DAMAGED = ("not_a_store", "is damaged", "Put a backup of it in its place, and keep the damaged one.")
_FAILED_SYNC = ("store_not_writable", "could not be made durable: the disk reported an error",
                "Nothing was acknowledged. Check the disk, then start credmagic again.")  # fmt: skip
_STRANGE = (
    "store_not_writable",
    "answered in a way that credmagic does not know",
    "Try again; if it stays so, put a backup of it in its place.",
)
_SILENT = ("store_not_writable", "does not answer",
           "Check CREDMAGIC_STORE_URL and that the database is up.")  # fmt: skip

_SQLITE = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_WRITABLE,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_NOTADB: _FOREIGN,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_IOERR: _FAILED_SYNC,
}
_POSTGRES = {
    "55P03": _BUSY,  # lock_not_available
    "57014": _BUSY,  # query_canceled (statement timeout)
    "40001": _BUSY,  # serialization_failure
    "40P01": _BUSY,  # deadlock_detected
    "53300": _BUSY,  # too_many_connections
    "53100": _FULL,
    "42501": _NOT_WRITABLE,
    "25006": _NOT_WRITABLE,
}


def primary_code(error: BaseException) -> int:
    """SQLite's primary result code of `error` (0 when the driver gave none)."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def is_busy(error: BaseException) -> bool:
    """True when somebody else holds the lock, so that waiting helps."""
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_failed_sync(error: BaseException) -> bool:
    """True when the disk itself failed: what it holds now is unknown, so nothing may be written on top."""
    return primary_code(error) == sqlite3.SQLITE_IOERR


def refusal(error: BaseException, where: str) -> CredmagicError:
    """Our error for a driver's `error`; `where` names the store (a path, or a URL without its password)."""
    if isinstance(error, sqlite3.Error):
        if primary_code(error) == sqlite3.SQLITE_CONSTRAINT:
            return conflict()
        return unusable(_SQLITE.get(primary_code(error), _STRANGE), where)
    state = str(getattr(error, "sqlstate", None) or "")
    if state.startswith("23"):
        return conflict()
    if not state or state.startswith(("08", "57P")):
        return unusable(_SILENT, where)
    return unusable(_POSTGRES.get(state, _STRANGE), where)


def unusable(reason: tuple[str, str, str], where: str) -> StoreUnusable:
    """`StoreUnusable` from a (code, what, next step) row."""
    code, what, next_step = reason
    return StoreUnusable(f"the store {where} {what}", code=code, next_step=next_step)


def conflict() -> Conflict:
    """Two rows that may not stand side by side."""
    return Conflict(
        "the store already holds something that excludes this", next_step="Look at it first: credmagic list"
    )


def is_name_taken(error: BaseException | None) -> bool:
    """True when the refused write would have given one owner two credentials of one name and environment."""
    if isinstance(error, sqlite3.Error):
        return "credentials.name_ix" in str(error)
    return getattr(getattr(error, "diag", None), "constraint_name", None) == "credentials_name"


def name_taken() -> NameTaken:
    """The owner already has a credential of that name in that environment."""
    return NameTaken(
        "there is already a credential of that name",
        next_step="Choose another name, or change that one: credmagic edit NAME",
    )


def busy(where: str) -> StoreUnusable:
    """Somebody else has been writing for too long."""
    return unusable(_BUSY, where)


def foreign(where: str) -> StoreUnusable:
    """A file or database that is not ours; it is left as it is."""
    return unusable(_FOREIGN, where)


def newer(where: str) -> StoreUnusable:
    """A store written by a later credmagic."""
    return StoreUnusable(
        f"the store {where} was written by a newer credmagic",
        code="store_newer",
        next_step="Upgrade this one: pip install --upgrade credmagic",
    )


def missing(where: str) -> StoreUnusable:
    """There is nothing to open."""
    return StoreUnusable(
        f"there is no store at {where}", code="not_a_store", next_step="Make one: credmagic add NAME --kind KIND"
    )


def read_only(where: str) -> StoreUnusable:
    """After a failed sync: reading goes on, writing does not."""
    return StoreUnusable(
        f"the store {where} is read-only since the disk reported an error",
        code="store_not_writable",
        next_step="Check the disk, then start credmagic again.",
    )


def forked() -> StoreUnusable:
    """A child process got a connection in the middle of its work: it must not touch it."""
    return StoreUnusable(
        "this process was forked while the store was in use",
        code="store_busy",
        next_step="Start workers before the store is used, or with the spawn method.",
    )
