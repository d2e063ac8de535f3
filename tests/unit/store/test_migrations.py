"""Do the migrations make exactly the tables that the code believes in?"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from credmagic.store import migrations, sqlite_file, tables
from credmagic.store.rows import ALL, columns
from credmagic.store.sql import SqlStore


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path):
    place = (
        tmp_path / "100% mine" / "credmagic.db" if request.param == "sqlite" else request.getfixturevalue("database")
    )
    store = SqlStore.open(place, create=True)
    yield store
    store.close()


def test_the_migrated_schema_is_the_declared_one(store: SqlStore) -> None:
    with store._engine.connect() as connection:
        options = {"version_table": sqlite_file.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)

        assert compare_metadata(context, tables.METADATA) == []


def test_the_code_knows_the_head() -> None:
    assert sqlite_file.REVISION in migrations.known_revisions()
    assert max(migrations.known_revisions()) == sqlite_file.REVISION


def test_opening_again_migrates_nothing(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: object) -> None:
        raise AssertionError("migrated twice")

    monkeypatch.setattr(migrations, "upgrade", fail)

    place = store.path or store._engine.url.render_as_string(hide_password=False)
    SqlStore.open(place, create=True).close()


def test_tables_and_rows_have_the_same_columns() -> None:
    for row_type in ALL:
        assert tuple(tables.TABLES[row_type].c.keys()) == columns(row_type)


def test_every_table_of_ours_is_strict(tmp_path: Path) -> None:
    store = SqlStore.open(tmp_path / "credmagic.db", create=True)
    with store.read() as reader:
        found = reader._driver.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    store.close()

    strict = {name for name, is_strict in found if is_strict}
    assert strict == {row_type.table for row_type in ALL}


def test_a_value_of_the_wrong_type_is_refused(tmp_path: Path) -> None:
    """What STRICT is for: without it a writer with an editor turns a blob into text and the reader crashes."""
    store = SqlStore.open(tmp_path / "credmagic.db", create=True)
    columns_of = "INSERT INTO audit VALUES (1, 2, 'use', 'ok', NULL, {}, x'00')"
    with store.transaction() as transaction:
        transaction._driver.execute(columns_of.format("x'00'"))
        with pytest.raises(sqlite3.IntegrityError):
            transaction._driver.execute(columns_of.format("'text'"))
    store.close()
