"""How does an embedded kernel read one credential and record the use in microseconds?

Straight on the standard library's `sqlite3`: no SQL toolkit is imported. The only SQL text outside the tables and
migrations; `StoreSuite` shows that its answers equal the Core queries'.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from credmagic.errors import SealBroken
from credmagic.store import refusals, sqlite_file
from credmagic.store.ports import Candidate, Found, SchemaMismatch
from credmagic.store.rows import (
    AssociationRow,
    AuditRow,
    ConfigurationRow,
    CredentialRow,
    DataKeyRow,
    GrantRow,
    KeySlotRow,
    Row,
    StoreMetaRow,
    UsageRow,
    VersionRow,
    columns,
)

_WIDTH = len(columns(CredentialRow))
T = TypeVar("T")


def _select(row_type: type[Row]) -> str:
    return f"SELECT {', '.join(columns(row_type))} FROM {row_type.table}"  # noqa: S608  (names of our own)


_BOTH = [f"c.{name}" for name in columns(CredentialRow)] + [f"v.{name}" for name in columns(VersionRow)]
_WITH_VERSION = (
    f"SELECT {', '.join(_BOTH)} FROM credentials c LEFT JOIN credential_versions v"  # noqa: S608
    " ON v.credential_id = c.id AND v.version = c.current_version"
)
_BY_NAME = _WITH_VERSION + " WHERE c.owner_id = ? AND c.environment = ? AND c.name_ix = ?"
_BY_ID = _WITH_VERSION + " WHERE c.id = ?"
_VERSION = _select(VersionRow) + " WHERE credential_id = ? AND version = ?"
_LAST_AUDIT = "SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1"
_APPEND = f"INSERT INTO audit ({', '.join(columns(AuditRow))}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_USAGE = f"INSERT OR IGNORE INTO usages ({', '.join(columns(UsageRow))}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608


class HotRead:
    """The hot path over one SQLite file: implements `ports.HotPort`.

    Connections are kept in a last-in-first-out pool: one thread always gets the same warm one, and a reader
    never waits for another thread's commit. Raises `SchemaMismatch` when the file is not a store of this very
    schema.
    """

    def __init__(self, path: str | Path, *, patience: float = sqlite_file.PATIENCE) -> None:
        self.path = Path(path).absolute()
        self._patience = patience
        self._idle: list[sqlite3.Connection] = []
        self._lent: set[sqlite3.Connection] = set()
        self._inherited = False
        self._failed = False
        self._idle.append(self._connect())
        _OPEN.add(self)

    def find_credential(self, candidates: Sequence[Candidate]) -> Found | None:
        """See `HotPort`. One statement per candidate."""

        def look(connection: sqlite3.Connection) -> tuple[Any, ...] | None:
            for candidate in candidates:
                row: tuple[Any, ...] | None = connection.execute(_BY_NAME, candidate).fetchone()
                if row is not None:
                    return row
            return None

        return _found(self._run(look))

    def get_credential(self, credential_id: bytes) -> Found | None:
        """See `HotPort`."""
        return _found(self._run(lambda connection: connection.execute(_BY_ID, (credential_id,)).fetchone()))

    def get_version(self, credential_id: bytes, version: int) -> VersionRow | None:
        """See `HotPort`."""
        row = self._run(lambda connection: connection.execute(_VERSION, (credential_id, version)).fetchone())
        return VersionRow(*row) if row is not None else None

    def append_audit(self, build: Callable[[int, bytes], AuditRow], usage: UsageRow | None = None) -> AuditRow:
        """See `HotPort`. After a failed sync nothing more is written until the store is opened again."""
        if self._failed:
            raise refusals.read_only(str(self.path))

        def append(connection: sqlite3.Connection) -> AuditRow:
            sqlite_file.begin_immediate(connection, self._patience)
            seq, mac = connection.execute(_LAST_AUDIT).fetchone() or (0, b"")
            row = build(seq + 1, mac)
            connection.execute(_APPEND, (row.seq, row.ts, row.action, row.outcome, row.object_id, row.body, row.mac))
            if usage is not None:
                connection.execute(_USAGE, [getattr(usage, name) for name in columns(UsageRow)])
            connection.execute("COMMIT")
            return row

        with sqlite_file.turn(self.path, self._patience):
            return self._run(append)

    def grants(self, credential_id: bytes) -> list[GrantRow]:
        """See `HotPort`."""
        return self._all(GrantRow, "WHERE credential_id = ? ORDER BY created_at, id", credential_id)

    def configuration(self, place: Candidate) -> ConfigurationRow | None:
        """See `HotPort`."""
        found = self._all(ConfigurationRow, "WHERE owner_id = ? AND environment = ? AND app_ix = ?", *place)
        return found[0] if found else None

    def store_meta(self) -> StoreMetaRow | None:
        """See `HotPort`."""
        return next(iter(self._all(StoreMetaRow, "WHERE id = 1")), None)

    def key_slots(self) -> list[KeySlotRow]:
        """See `HotPort`."""
        return self._all(KeySlotRow, "ORDER BY created_at, slot_id")

    def data_keys(self) -> list[DataKeyRow]:
        """See `HotPort`."""
        return self._all(DataKeyRow, "ORDER BY id")

    def find_associations(
        self,
        object_type: str,
        object_ix: bytes,
        *,
        owner_id: bytes | None = None,
        kind: str | None = None,
        default: bool = False,
    ) -> list[AssociationRow]:
        """See `HotPort`."""
        where: dict[str, Any] = {"object_type": object_type, "object_ix": object_ix}
        if owner_id is not None:
            where["owner_id"] = owner_id
        if kind is not None:
            where["kind"] = kind
        if default:
            where["is_default"] = 1
        tests = " AND ".join(f"{name} = ?" for name in where)
        return self._all(AssociationRow, f"WHERE {tests} ORDER BY created_at, id", *where.values())

    def close(self) -> None:
        """Close what is idle. A later call opens anew."""
        while self._idle:
            self._idle.pop().close()

    def _all(self, row_type: Any, rest: str, *values: object) -> list[Any]:
        rows = self._run(lambda connection: connection.execute(f"{_select(row_type)} {rest}", values).fetchall())
        return [row_type(*row) for row in rows]

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` with a connection of its own. What the driver raises leaves as ours."""
        if self._inherited:
            raise refusals.forked()
        connection = self._idle_one() or self._connect()
        self._lent.add(connection)
        try:
            return work(connection)
        except sqlite3.Error as error:
            failure = error
        finally:
            self._give_back(connection)
        self._failed = self._failed or refusals.is_failed_sync(failure)
        raise refusals.refusal(failure, str(self.path))

    def _idle_one(self) -> sqlite3.Connection | None:
        try:
            return self._idle.pop()  # one atomic step: no lock needed
        except IndexError:
            return None

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.rollback()
        self._lent.discard(connection)
        self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        failure: sqlite3.Error | None = None
        try:
            connection = sqlite_file.connect(self.path, self._patience)
            try:
                self._check(connection)
            except BaseException:
                connection.close()
                raise
            return connection
        except sqlite3.Error as error:
            failure = error
        if not self.path.exists() or refusals.primary_code(failure) == sqlite3.SQLITE_NOTADB:
            raise SchemaMismatch(str(self.path))
        raise refusals.refusal(failure, str(self.path))

    def _check(self, connection: sqlite3.Connection) -> None:
        try:
            ours = sqlite_file.revision(connection) == sqlite_file.REVISION
        except LookupError:
            ours = False
        if not ours or connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            raise SchemaMismatch(str(self.path))


def _found(row: tuple[Any, ...] | None) -> Found | None:
    if row is None:
        return None
    if row[_WIDTH] is None:  # the credential is there and its current version is not: somebody took it away
        raise SealBroken()
    return CredentialRow(*row[:_WIDTH]), VersionRow(*row[_WIDTH:])


_OPEN: weakref.WeakSet[HotRead] = weakref.WeakSet()


def _before_fork() -> None:
    for store in list(_OPEN):
        store.close()


def _in_child() -> None:
    for store in list(_OPEN):
        store._inherited = store._inherited or bool(store._lent)


if hasattr(os, "register_at_fork"):
    # SQLite keeps its file locks in a table of the process; a child that inherits that table believes in locks
    # it does not have. So nothing may be open while a fork happens; both sides open anew afterwards.
    os.register_at_fork(before=_before_fork, after_in_child=_in_child)
