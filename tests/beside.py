"""The store of a server under test, opened beside it: what a shell on that machine would do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from credmagic.client.local import LocalClient
from credmagic.testing.jupyter import isolated
from credmagic.vault.vault import Vault
from credmagic.wiring import local_client, open_vault


@contextmanager
def at_home(workdir: Path) -> Iterator[None]:
    """Inside, this process has the directories of a server that keeps its own below `workdir`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in isolated(workdir).items():
            patch.setenv(name, value)
        yield


@contextmanager
def vault_of(workdir: Path) -> Iterator[Vault]:
    """The vault itself, for what no action does."""
    with at_home(workdir):
        vault = open_vault(notify=lambda line: None)
    try:
        yield vault
    finally:
        vault.close()


@contextmanager
def client_of(workdir: Path) -> Iterator[LocalClient]:
    """A client of the same store, as a notebook without a server has one."""
    with at_home(workdir):
        client = local_client()
        client.call("status")  # opened while the directories are those
    try:
        yield client
    finally:
        client.close()
