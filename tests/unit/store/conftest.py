"""Where do the store's tests run: a file of their own, and a database of their own on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from credmagic.testing.postgres import empty_database, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a real PostgreSQL server of this test run's own."""
    with postgres_server() as (url, _):
        yield url


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    with empty_database(postgres) as url:
        yield url
