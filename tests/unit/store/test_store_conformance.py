"""Does the store keep its contract on both databases, and the embedded hot path with it?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from credmagic.store.hot_read import HotRead
from credmagic.store.sql import SqlStore
from credmagic.testing.store_suite import StoreSuite


class TestSqlite(StoreSuite):
    @pytest.fixture
    def location(self, tmp_path: Path) -> Path:
        return tmp_path / "data" / "credmagic.db"


class TestRollbackJournal(StoreSuite):
    """The journal that network file systems get."""

    @pytest.fixture
    def location(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'credmagic.db'}?journal=delete"

    test_a_reader_sees_one_moment = None  # a reader makes writers wait there: that is its price


class TestPostgres(StoreSuite):
    @pytest.fixture
    def location(self, database: str) -> str:
        return database


class HotStore(SqlStore):
    """A store whose hot path is `HotRead`: the suite then compares it with the same expectations."""

    hot: HotRead

    def __getattribute__(self, name: str) -> object:
        if name in HOT:
            return getattr(super().__getattribute__("hot"), name)
        return super().__getattribute__(name)


HOT = {"find_credential", "get_credential", "get_version", "append_audit", "store_meta", "key_slots", "data_keys",
       "find_associations"}  # fmt: skip


class TestHotRead(StoreSuite):
    """Every answer of the hot path equals the Core query's."""

    @pytest.fixture
    def location(self, tmp_path: Path) -> Path:
        return tmp_path / "credmagic.db"

    @pytest.fixture
    def store(self, location: Path) -> Iterator[SqlStore]:
        store = HotStore.open(location, create=True)
        store.hot = HotRead(location)
        yield store
        store.hot.close()
        store.close()
