"""How are rows kept in a database: one snapshot to read from, one transaction to write in?

SQLAlchemy Core over SQLite (a path) or PostgreSQL (a URL). Nothing that the driver says reaches the caller:
see `refusals`. The hot path of the embedded kernel is `hot_read`; the same questions are answered here for
any database.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, QueuePool, create_engine, inspect, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from credmagic.errors import SealBroken, StoreUnusable
from credmagic.store import refusals, sqlite_file
from credmagic.store.ports import Candidate, Found
from credmagic.store.rows import (
    AssociationRow,
    AuditRow,
    CredentialRow,
    DataKeyRow,
    KeySlotRow,
    StoreMetaRow,
    VersionRow,
)
from credmagic.store.statements import Statements
from credmagic.store.transaction import Reader, Transaction

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
        url = _url(url_or_path)
        path: Path | None = None
        if url.get_backend_name() == "sqlite":
            path = Path(url.database or "").expanduser().absolute()
            if create:
                sqlite_file.create(path)
            elif not path.exists():
                raise refusals.missing(str(path))
            engine = _sqlite_engine(url, path, patience)
        else:
            engine = _postgres_engine(url, patience)
        store = cls(engine, path, patience)
        try:
            store._prepare(create)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """The one way to write. Commits durably at the end, or keeps nothing when the block raises."""
        if self._failed:
            raise refusals.read_only(self._where)
        with self._connected(self._engine) as connection:
            self._lock(connection)
            transaction = Transaction(connection, self._statements)
            yield transaction
            if transaction.failed:
                raise refusals.conflict()
            connection.commit()

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """One snapshot: what others commit meanwhile is not seen."""
        with self._connected(self._snapshots) as connection:
            connection.begin()
            if self.path is not None:
                self._raw(connection).execute("BEGIN")
            yield Reader(connection, self._statements)

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

    def append_audit(self, build: Callable[[int, bytes], AuditRow]) -> AuditRow:
        """See `HotPort`."""
        with self.transaction() as transaction:
            seq, mac = transaction.last_audit()
            row = build(seq + 1, mac)
            transaction.insert(row)
        return row

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
        """A connection for one block. What the driver raises inside leaves as ours."""
        if self._inherited:
            raise refusals.forked()
        failure: BaseException | None = None
        try:
            with engine.connect() as connection:
                self._lent.add(connection)
                try:
                    yield connection
                finally:
                    self._lent.discard(connection)
        except DBAPIError as error:
            failure = error.orig or error
        except (self._statements.driver.Error, SQLAlchemyError) as error:
            failure = error
        if failure is not None:
            self._failed = self._failed or refusals.is_failed_sync(failure)
            raise refusals.refusal(failure, self._where)

    def _lock(self, connection: Connection) -> None:
        connection.begin()
        if self.path is not None:
            sqlite_file.begin_immediate(self._raw(connection), self._patience)
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})

    @staticmethod
    def _raw(connection: Connection) -> Any:
        return connection.connection.dbapi_connection

    def _prepare(self, create: bool) -> None:
        """Look at the schema; bring it up to date under the write lock, once, whoever comes first."""
        with self._connected(self._engine) as connection:
            if self._revision(connection) == sqlite_file.REVISION:
                return
        from credmagic.store import migrations  # imports Alembic: only when there is something to migrate

        with self._connected(self._engine) as connection:
            self._lock(connection)
            revision = self._revision(connection)
            if revision is None and not create:
                raise refusals.missing(self._where)
            if revision is not None and revision not in migrations.known_revisions():
                raise refusals.newer(self._where)
            migrations.upgrade(connection)
            connection.commit()

    def _revision(self, connection: Connection) -> str | None:
        names = set(inspect(connection).get_table_names())
        if sqlite_file.VERSION_TABLE in names:
            return str(connection.scalar(select(text("version_num")).select_from(text(sqlite_file.VERSION_TABLE))))
        if names and self.path is not None:  # a PostgreSQL database may hold other people's tables beside ours
            raise refusals.foreign(self._where)
        return None


def _with_version(reader: Reader, row: CredentialRow) -> Found:
    version = reader.get(VersionRow, credential_id=row.id, version=row.current_version)
    if version is None:
        raise SealBroken()
    return row, version


def _url(url_or_path: str | Path) -> URL:
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return URL.create("sqlite", database=str(url_or_path))
    try:
        url = make_url(url_or_path)
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        known = url.drivername in ("sqlite", "postgresql+psycopg") and url.database not in (None, "", ":memory:")
    except (ArgumentError, ValueError):
        known = False
    if not known:
        raise StoreUnusable(
            "the store's URL is none that credmagic knows",
            code="not_a_store",
            next_step="Set CREDMAGIC_STORE_URL to sqlite:////absolute/path or postgresql://user@host/database.",
        )
    return url


def _sqlite_engine(url: URL, path: Path, patience: float) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite_file.connect(path, patience)
        try:
            sqlite_file.revision(connection)  # before the first pragma that would write into somebody else's file
            sqlite_file.journal(connection, patience=patience)
        except BaseException:
            connection.close()
            raise
        return connection

    return create_engine(
        url,
        creator=connect,
        poolclass=QueuePool,
        max_overflow=-1,
        pool_use_lifo=True,
        hide_parameters=True,
        paramstyle="named",
    )


def _postgres_engine(url: URL, patience: float) -> Engine:
    options = f"-c lock_timeout={int(patience * 1000)} -c synchronous_commit=on"
    if url.query.get("options"):
        options = f"{url.query['options']} {options}"
        url = url.difference_update_query(["options"])
    try:
        return create_engine(
            url, connect_args={"options": options, "connect_timeout": max(2, int(patience))},
            max_overflow=-1, pool_use_lifo=True, pool_pre_ping=True, hide_parameters=True,
        )  # fmt: skip
    except ModuleNotFoundError:
        pass
    raise StoreUnusable(
        "PostgreSQL needs a driver that is not installed",
        code="not_a_store",
        next_step="Install it: pip install 'credmagic[postgres]'",
    )


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
