"""Does a store of an earlier schema keep what it has when this code opens it?"""

import sqlite3
from contextlib import closing

import pytest
from alembic import command

from credmagic.store import engines, migrations, sqlite_file
from credmagic.store.rows import GrantRow, UsageRow
from credmagic.store.sql import SqlStore

CREDENTIAL = ("c" * 16, "o" * 16, "n" * 16, "draft", "basic", 1, "active", 1, 1, 7, b"meta", 5, 5)


@pytest.fixture
def first(tmp_path):
    """A store of the first schema with one credential."""
    path = tmp_path / "credmagic.db"
    sqlite_file.create(path)
    engine = engines.sqlite(engines.parse(path), path, 1.0)
    with engine.connect() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        command.upgrade(config, "0001")
        row = [value.encode() if index < 3 else value for index, value in enumerate(CREDENTIAL)]
        connection.exec_driver_sql(f"INSERT INTO credentials VALUES ({', '.join('?' * 13)})", tuple(row))
        connection.exec_driver_sql(
            "INSERT INTO credential_versions VALUES (?, 1, 1, 7, x'00', 5)", (CREDENTIAL[0].encode(),)
        )
        connection.commit()
    engine.dispose()
    return path


def test_a_store_of_the_first_schema_keeps_its_credentials(first):
    store = SqlStore.open(first, create=False)
    with store.read() as reader:
        assert (reader.find(GrantRow), reader.find(UsageRow)) == ([], [])
    found = store.get_credential(CREDENTIAL[0].encode())
    store.close()

    assert found is not None
    assert (found[0].meta, found[1].sealed) == (b"meta", b"\0")
    with closing(sqlite3.connect(first)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
