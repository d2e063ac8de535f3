"""Which database does a URL mean, and how does SQLAlchemy connect to it?"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Engine, QueuePool, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from credmagic.errors import StoreUnusable
from credmagic.store import filesystem, refusals, sqlite_file


def parse(url_or_path: str | Path) -> URL:
    """The URL of a path or URL. Raises `StoreUnusable` for a database that credmagic does not know."""
    if isinstance(url_or_path, Path) or Path(url_or_path).expanduser().is_absolute():
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


def sqlite_path(url: URL) -> Path | None:
    """The file of a SQLite URL, None for another database."""
    if url.get_backend_name() != "sqlite":
        return None
    return Path(url.database or "").expanduser().absolute()


def sqlite(url: URL, path: Path, patience: float) -> Engine:
    """An engine whose every connection is made and checked by `sqlite_file`.

    `?journal=delete` in the URL asks for the rollback journal, the only one that is safe on a network.
    """
    mode = "delete" if url.query.get("journal") == "delete" else "wal"
    if mode == "wal":
        filesystem.refuse_network(path)

    def connect() -> sqlite3.Connection:
        connection = sqlite_file.connect(path, patience)
        try:
            try:
                sqlite_file.revision(connection)
                ours = True
            except LookupError:
                ours = False
            if not ours:  # known before the first pragma that would write into somebody else's file
                raise refusals.foreign(str(path))
            sqlite_file.journal(connection, mode, patience)
        except BaseException:
            connection.close()
            raise
        return connection

    return create_engine(
        url.set(query={}), creator=connect, poolclass=QueuePool, max_overflow=-1, pool_use_lifo=True,
        hide_parameters=True, paramstyle="named",
    )  # fmt: skip


def postgres(url: URL, patience: float) -> Engine:
    """An engine that waits as long as the SQLite one does, and acknowledges only what is durable."""
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
