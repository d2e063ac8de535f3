"""An open vault in a home of its own, and the caller that asks it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.vault.vault import Vault
from credmagic.wiring import open_vault


@pytest.fixture
def vault(home: Path) -> Iterator[Vault]:
    opened = open_vault(notify=lambda line: None)
    yield opened
    opened.close()


@pytest.fixture
def act(vault: Vault) -> Callable[..., dict[str, Any]]:
    """`act("create", name=…)`: one action of the table as a kernel whose notebook the server knows."""

    here = Caller("local", notebook="work/a.ipynb")

    def run(action: str, *, by: Caller = here, **params: Any) -> dict[str, Any]:
        return dispatch(vault, by, action, params)

    return run
