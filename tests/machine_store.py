"""The store of a server under test, opened beside it: its machines have access keys and sign in from elsewhere."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from credmagic.client.local import LocalClient
from credmagic.testing.jupyter import isolated
from credmagic.wiring import local_client


class Key(NamedTuple):
    """What a job is given."""

    app: str
    id: str
    secret: str


class MachineStore:
    """What its owner does in a terminal."""

    def __init__(self, client: LocalClient, workdir: Path) -> None:
        self.call = client.call
        self.workdir = workdir

    def key(self, role: str = "Contributor") -> Key:
        """A fresh access key of a new application of that role."""
        app = self.call("app_add", name=f"job {role}")
        if role == "Admin":
            self.call("app_update", ref=app["id"], roles=["ADMIN"])
        made = self.call("key_create", ref=app["id"])
        return Key(app["id"], made["id"], made["secret"])

    def events(self, action: str) -> list[dict[str, Any]]:
        """Every row of that action in the log, newest first, whoever may read it."""
        with closing(sqlite3.connect(self.workdir / "home/data/credmagic.db")) as database:
            found = database.execute("SELECT outcome, body FROM audit WHERE action = ? ORDER BY seq DESC", (action,))
            return [{"outcome": outcome, **json.loads(body)} for outcome, body in found]


@contextmanager
def machine_store(workdir: Path, secret: str) -> Iterator[MachineStore]:
    """The store below `workdir`, with the team's basic credential `warehouse` in it, whose password is `secret`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in isolated(workdir).items():
            if name.startswith("CREDMAGIC_"):
                patch.setenv(name, value)
        client = local_client()
        fields = {"user": "jo", "password": secret}
        client.call("create", name="warehouse", kind="basic", fields=fields, team=True, verify=False)
    try:
        yield MachineStore(client, workdir)
    finally:
        client.close()
