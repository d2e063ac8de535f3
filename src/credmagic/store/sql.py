"""How are rows kept in a database: one snapshot to read from, one transaction to write in?

SQLAlchemy Core over SQLite (a path) or PostgreSQL (a URL). Nothing that the driver says reaches the caller:
see `refusals`. The hot path of the embedded kernel is `hot_read`; the same questions are answered here for
any database.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, Select, column, inspect, select, table, text

from credmagic.errors import CredmagicError, SealBroken
from credmagic.store import engines, exclusive, refusals, sqlite_file
from credmagic.store.ports import Candidate, Found
from credmagic.store.rows import (
    AssociationRow,
    AuditRow,
    ConfigurationRow,
    CredentialRow,
    DataKeyRow,
    GrantRow,
    KeySlotRow,
    StoreMetaRow,
    UsageRow,
    VersionRow,
)
from credmagic.store.statements import Statements
from credmagic.store.transaction import Reader, Transaction

T = TypeVar("T")
ADVISORY_LOCK = 0x63726564_6D616769
"""The PostgreSQL lock that takes BEGIN IMMEDIATE's place ("credmagi"): one writer at a time, for the audit
chain.
"""


class SqlStore:
    """A store. Implements `ports.HotPort`, safe from several threads; nothing is open while the process
    forks.
    """

    def __init__(self, engine: Engine, path: Path | None, patience: float) -> None:
        self.path = path
        self.url = engine.url.render_as_string(hide_password=True)
        self._where = str(path) if path else self.url
        self._engine = engine
        self._patience = patience
        self._failed = False
        self._statements = Statements(engine.dialect)
        self._lent: set[Connection] = set()
        self._inherited = False
        self._snapshots: Engine = engine
        if path is None:
            self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        _OPEN.add(self)

    @classmethod
    def open(cls, url_or_path: str | Path, *, create: bool, patience: float = sqlite_file.PATIENCE) -> Self:
        """Open the store at a path or URL, bringing its schema up to date.

        With `create` a store is made where there is none. Raises `StoreUnusable`: `not_a_store` (nothing
        there, or somebody else's), `store_newer`, `store_not_writable`, `store_busy` (locked longer than
        `patience` seconds), `disk_full`.
        """
        url = engines.parse(url_or_path)
        path = engines.sqlite_path(url)
        if path is None:
            engine = engines.postgres(url, patience)
        else:
            if create:
                sqlite_file.create(path)
            elif not path.exists():
                raise refusals.missing(str(path))
            engine = engines.sqlite(url, path, patience)
        store = cls(engine, path, patience)
        try:
            store._prepare(create)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """The one way to write. Commits durably at the end, or keeps nothing when the block raises.

        Raises `StoreUnusable`; `Conflict` when a row refers to one that is not there, or when a write of this
        transaction was refused and the block went on nevertheless.
        """
        if self._failed:
            raise refusals.read_only(self._where)
        turn = sqlite_file.turn(self.path, self._patience) if self.path else nullcontext()
        with turn, self._connected(self._engine) as connection:
            self._try(self._lock, connection)
            transaction = Transaction(connection, self._statements, self._refusal)
            yield transaction
            if transaction.failed:
                raise refusals.conflict()
            self._try(connection.commit)

    @contextmanager
    def exclusively(self, name: bytes, patience: float = exclusive.PATIENCE) -> Iterator[None]:
        """Hold `name`, which of all processes one does at a time; its death frees it. Transactions go on meanwhile.

        Raises `StoreUnusable`, with `store_busy` after `patience` seconds.
        """
        if self.path is not None:
            with exclusive.beside(self.path, name, patience):
                yield
            return
        with self._connected(self._engine) as connection, ExitStack() as held:
            self._try(held.enter_context, exclusive.advisory(connection, name, patience))
            yield

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """One snapshot: what others commit meanwhile is not seen."""
        with self._connected(self._snapshots) as connection:
            connection.begin()
            if self.path is not None:
                self._try(_raw(connection).execute, "BEGIN")
            yield Reader(connection, self._statements, self._refusal)

    def find_credential(self, candidates: Sequence[Candidate]) -> Found | None:
        """See `HotPort`."""
        with self.read() as reader:
            for owner_id, environment, name_ix in candidates:
                place = {"owner_id": owner_id, "environment": environment, "name_ix": name_ix}
                for row in reader.find(CredentialRow, place):
                    return _with_version(reader, row)
        return None

    def get_credential(self, credential_id: bytes) -> Found | None:
        """See `HotPort`."""
        with self.read() as reader:
            row = reader.get(CredentialRow, id=credential_id)
            return _with_version(reader, row) if row else None

    def get_version(self, credential_id: bytes, version: int) -> VersionRow | None:
        """See `HotPort`."""
        with self.read() as reader:
            return reader.get(VersionRow, credential_id=credential_id, version=version)

    def append_audit(self, build: Callable[[int, bytes], AuditRow], usage: UsageRow | None = None) -> AuditRow:
        """See `HotPort`."""
        with self.transaction() as transaction:
            seq, mac = transaction.last_audit()
            row = build(seq + 1, mac)
            transaction.insert(row)
            if usage is not None:
                names = ("credential_id", "object_type", "object_ix")
                if not transaction.find(UsageRow, {name: getattr(usage, name) for name in names}, limit=1):
                    transaction.insert(usage)
        return row

    def grants(self, credential_id: bytes) -> list[GrantRow]:
        """See `HotPort`."""
        with self.read() as reader:
            return reader.find(GrantRow, {"credential_id": credential_id}, order=("created_at", "id"))

    def configuration(self, place: Candidate) -> ConfigurationRow | None:
        """See `HotPort`."""
        where = dict(zip(("owner_id", "environment", "app_ix"), place, strict=True))
        with self.read() as reader:
            return next(iter(reader.find(ConfigurationRow, where, limit=1)), None)

    def store_meta(self) -> StoreMetaRow | None:
        """See `HotPort`."""
        with self.read() as reader:
            return reader.get(StoreMetaRow, id=1)

    def key_slots(self) -> list[KeySlotRow]:
        """See `HotPort`."""
        with self.read() as reader:
            return reader.find(KeySlotRow, order=("created_at", "slot_id"))

    def data_keys(self) -> list[DataKeyRow]:
        """See `HotPort`."""
        with self.read() as reader:
            return reader.find(DataKeyRow, order=("id",))

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
        where |= {name: value for name, value in (("owner_id", owner_id), ("kind", kind)) if value is not None}
        if default:
            where["is_default"] = 1
        with self.read() as reader:
            return reader.find(AssociationRow, where, order=("created_at", "id"))

    def close(self) -> None:
        """Drop the connections. A later call opens new ones."""
        self._engine.dispose()

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        """A connection for one block; what was not committed is rolled back at its end."""
        if self._inherited:
            raise refusals.forked()
        connection = self._try(engine.connect)
        self._lent.add(connection)
        try:
            yield connection
        finally:
            self._lent.discard(connection)
            with suppress(*self._statements.errors):  # one that is gone has nothing to roll back
                _raw(connection).rollback()  # a COMMIT that was refused leaves SQLite inside the transaction
            with suppress(*self._statements.errors):
                connection.close()

    def _try(self, call: Callable[..., T], *values: Any) -> T:
        """Call the driver; what it raises leaves as ours."""
        try:
            return call(*values)
        except self._statements.errors as error:
            failure = error
        raise self._refusal(failure)

    def _refusal(self, error: BaseException) -> CredmagicError:
        cause = getattr(error, "orig", None) or error
        self._failed = self._failed or refusals.is_failed_sync(cause)
        return refusals.refusal(cause, self._where)

    def _lock(self, connection: Connection) -> None:
        connection.begin()
        if self.path is not None:
            sqlite_file.begin_immediate(_raw(connection), self._patience)
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})

    def _prepare(self, create: bool) -> None:
        """Look at the schema; bring it up to date under the write lock, once, whoever comes first."""
        with self._connected(self._engine) as connection:
            if self._try(self._revision, connection) == sqlite_file.REVISION:
                return
        from credmagic.store import migrations  # imports Alembic: only when there is something to migrate

        with self._connected(self._engine) as connection:
            self._try(self._lock, connection)
            revision = self._try(self._revision, connection)
            if revision is None and not create:
                raise refusals.missing(self._where)
            if revision is not None and revision not in migrations.known_revisions():
                raise refusals.newer(self._where)
            self._try(migrations.upgrade, connection)
            self._try(connection.commit)

    def _revision(self, connection: Connection) -> str | None:
        if self.path is not None:
            return sqlite_file.revision(_raw(connection))
        if not inspect(connection).has_table(sqlite_file.VERSION_TABLE):
            return None  # a PostgreSQL database may hold other people's tables beside ours
        version: Select[Any] = select(column("version_num")).select_from(table(sqlite_file.VERSION_TABLE))
        return str(connection.scalar(version))


def _raw(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _with_version(reader: Reader, row: CredentialRow) -> Found:
    version = reader.get(VersionRow, credential_id=row.id, version=row.current_version)
    if version is None:
        raise SealBroken()
    return row, version


_OPEN: weakref.WeakSet[SqlStore] = weakref.WeakSet()


def _before_fork() -> None:
    for store in list(_OPEN):
        store.close()


def _in_child() -> None:
    for store in list(_OPEN):
        store._inherited = store._inherited or bool(store._lent)


if hasattr(os, "register_at_fork"):
    # See hot_read: a child must not inherit connections, nor SQLite's table of locks.
    os.register_at_fork(before=_before_fork, after_in_child=_in_child)
