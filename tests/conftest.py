"""What every test gets: an isolated home and a canary (shipped in `credmagic.testing`)."""

import os
from collections.abc import Iterator

import pytest

from credmagic.testing.fixtures import canary, home  # noqa: F401


@pytest.fixture(scope="session", autouse=True)
def _not_at_home() -> Iterator[None]:
    """A test that forgets to say where its store is meets an error, not the store of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDMAGIC_HOME", os.path.join(os.devnull, "credmagic"))
        yield
