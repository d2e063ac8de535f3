"""Every test starts and ends with an empty registry: it is the process's own."""

from collections.abc import Iterator

import pytest

from credmagic.redact import registry


@pytest.fixture(autouse=True)
def empty_registry() -> Iterator[None]:
    registry.clear()
    yield
    registry.clear()
