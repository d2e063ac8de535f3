"""Is a vault on PostgreSQL the same vault? The whole life of credentials, in this process, by commands and through a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from credmagic import api
from credmagic.errors import (
    ChangedMeanwhile,
    CredentialInUse,
    CredentialNotFound,
    NameTaken,
    StoreUnusable,
    VaultLocked,
)
from credmagic.store.rows import AuditRow
from credmagic.testing.jupyter import isolated, jupyter_server
from credmagic.testing.postgres import empty_database, postgres_server
from credmagic.vault.audit import check_chain
from security.leaks import hatch, leaks

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("credmagic"))


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Path]]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def database(server: tuple[str, Path]) -> Iterator[str]:
    with empty_database(server[0]) as url:
        yield url


@pytest.fixture
def ask(home: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`ask(action, **parameters)` of a vault in this process."""
    monkeypatch.setenv("CREDMAGIC_STORE_URL", database)
    monkeypatch.chdir(home.parent)
    yield lambda action, **params: api.client().call(action, **params)
    api.close()


def login(ask: Any, password: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = ask(
        "create", **{"name": "db", "kind": "basic", "fields": {"user": "ada", "password": password}, **more}
    )
    return made


def test_a_credential_lives_its_whole_life(ask: Any, home: Path) -> None:
    made = login(ask, "first-password", tags=["x"])
    assert api.use("db")["password"] == "first-password"
    assert ask("update", ref="db", description="said", fields={"user": "eve"})["fields"]["user"] == "eve"
    assert ask("rotate", ref="db", fields={"password": "third-password"})["version"] == 3
    assert [api.use("db", version=n)["password"] for n in (1, 3)] == ["first-password", "third-password"]
    assert [row["version"] for row in ask("versions", ref="db")["versions"]] == [3, 2, 1]
    assert ask("rename", ref="db", new_name="lake")["id"] == made["id"]
    assert ask("attach", ref="lake", object_type="notebook", object_id="a.ipynb", default=True, inject="export")[
        "is_default"
    ]
    assert ask("uses", ref="lake")["total"] == 1
    assert ask("overview")["total"] == 1
    assert [view["name"] for view in api.list()] == ["lake"]
    with pytest.raises(CredentialInUse):
        ask("delete", ref="lake")
    ask("detach", ref="lake", object_type="notebook", object_id="a.ipynb")
    ask("delete", ref="lake")
    with pytest.raises(CredentialNotFound):
        api.use("lake")
    actions = [event["action"] for event in ask("audit", limit=100)["events"]]
    assert {"use", "credential.create", "credential.replace", "credential.delete"} <= set(actions)
    assert actions.count("use") >= 3
    assert not (home / "data" / "credmagic.db").exists()


def test_conflicts_have_the_same_names(ask: Any) -> None:
    login(ask, "first-password")
    with pytest.raises(NameTaken):
        login(ask, "other-password", name="DB")
    ask("update", ref="db", description="one")
    with pytest.raises(ChangedMeanwhile):
        ask("update", ref="db", description="two", revision=1)
    login(ask, "live-password", environment="live")
    assert api.use("db", "live")["password"] == "live-password"
    assert api.use("db")["password"] == "first-password"


def test_pages_follow_each_other(ask: Any) -> None:
    for number in range(23):
        login(ask, f"password-{number}", name=f"n{number:02}")
    first = ask("list", limit=20, count=True)
    rest = ask("list", limit=20, after=first["next"])

    assert (len(first["credentials"]), first["total"], rest["next"]) == (20, 23, None)
    assert {view["name"] for view in first["credentials"] + rest["credentials"]} == {
        f"n{number:02}" for number in range(23)
    }


def test_another_home_has_no_key_to_this_database(ask: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not given one; with the key file the same database opens."""
    login(ask, "first-password")
    api.close()
    monkeypatch.setenv("CREDMAGIC_HOME", str(home.parent / "elsewhere"))
    with pytest.raises(VaultLocked) as locked:
        api.use("db")
    assert locked.value.next_step
    api.close()
    monkeypatch.setenv("CREDMAGIC_HOME", str(home))

    assert api.use("db")["password"] == "first-password"


def test_nothing_of_a_secret_is_in_the_database(ask: Any, server: tuple[str, Path], database: str) -> None:
    """Neither in a row nor in any file of PostgreSQL, its log of writes included."""
    canaries = hatch("postgres")
    fields = {"entries": {shape: canary.value for shape, canary in canaries.items()}}
    ask("create", name="secret-name-7181", kind="key_value", fields=fields, description="secret-word-7181")
    engine = sqlalchemy.create_engine(database)
    with engine.connect() as connection:
        names = sqlalchemy.inspect(connection).get_table_names()
        rows = "\n".join(str(list(connection.exec_driver_sql(f"SELECT * FROM {name}"))) for name in names)
        connection.exec_driver_sql("CREATE TABLE planted AS SELECT 'planted-word-7181' AS word")
        connection.commit()
        connection.exec_driver_sql("CHECKPOINT")
    engine.dispose()
    files = b"\n".join(path.read_bytes() for path in server[1].rglob("*") if path.is_file() and not path.is_symlink())

    assert b"planted-word-7181" in files  # control
    assert len(rows) > 2000
    assert leaks(list(canaries.values()), {"rows": rows.encode(), "files": files}) == []
    for word in ("secret-name-7181", "secret-word-7181"):
        assert word not in rows
        assert word.encode() not in files


def test_an_edited_row_does_not_open(ask: Any, database: str) -> None:
    login(ask, "first-password")
    login(ask, "other-password", name="other")
    api.close()
    engine = sqlalchemy.create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE credentials SET status = 'paused' WHERE kind = 'basic'")
    engine.dispose()

    with pytest.raises(Exception, match="sealed record") as broken:
        api.use("db")
    assert broken.value.code == "integrity_error"  # type: ignore[attr-defined]


def test_a_database_that_does_not_answer_is_named_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDMAGIC_STORE_URL", "postgresql://ada:hunter2-7181@127.0.0.1:9/nothing")
    done = subprocess.run([COMMAND, "list"], capture_output=True, text=True, timeout=60, env=dict(os.environ))

    assert done.returncode == StoreUnusable.exit_code
    assert "CREDMAGIC_STORE_URL" in done.stderr
    assert "hunter2-7181" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) <= 3


MANY = """
import sys, time, credmagic
from credmagic import api
who, end, number = sys.argv[1], time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < end:
    number += 1
    api.client().call("create", name=f"{who}-{number}", kind="bearer", fields={"token": f"token-{who}-{number}"})
    api.client().call("rotate", ref="shared", fields={"token": f"shared-{who}-{number}"})
    assert credmagic.use(f"{who}-{number}")["token"] == f"token-{who}-{number}"
print(number)
"""


def test_several_programs_write_at_once(ask: Any) -> None:
    from credmagic.wiring import open_vault

    ask("create", name="shared", kind="bearer", fields={"token": "shared-one"})
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MANY, who, "4"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for who in ("one", "two", "three")
    ]
    said = [process.communicate(timeout=60) for process in processes]

    assert [err for _, err in said] == ["", "", ""]
    done = sum(int(out) for out, _ in said)
    assert ask("list", count=True)["total"] == done + 1
    assert ask("show", ref="shared")["version"] == done + 1
    vault = open_vault()
    with vault.store.read() as reader:
        check_chain(vault.keyset, reader.find(AuditRow, order=("seq",)))
    vault.close()


def test_a_server_its_kernel_and_commands_share_it(
    database: str, tmp_path_factory: pytest.TempPathFactory, canary: str
) -> None:
    workdir = tmp_path_factory.mktemp("s")
    credentials = "credmagic/api/v2/credentials/"
    with jupyter_server(workdir, environment={"CREDMAGIC_STORE_URL": database}) as server:
        body = {"name": "db", "user": "ada", "password": canary}
        assert server.request("POST", credentials, body).status == 201
        shown = server.run(
            server.start_kernel("a.ipynb"),
            "%load_ext credmagic\nimport credmagic\nc = %cred use db\nprint(c['password'], len(c['password']))\n"
            "%cred attach db --default\nprint(credmagic.api.client().plane)",
        )
        environment = {**isolated(workdir), "CREDMAGIC_STORE_URL": database, "NEW": "new-" + canary}
        rotated = subprocess.run(
            [COMMAND, "rotate", "db", "--secret", "password=env:NEW", "--json"],
            capture_output=True, text=True, timeout=60, env=environment,
        )  # fmt: skip
        listed = server.request("GET", credentials).json()
        file = {"type": "file", "format": "text", "content": f"password: {canary}"}
        saved = server.request("PUT", "api/contents/x.txt", file).status
        log = server.log

    assert f"[db.password] {len(canary)}" in shown
    assert "kernel" in shown
    assert (rotated.returncode, json.loads(rotated.stdout)["version"]) == (0, 2)
    assert [row["version"] for row in listed["data"]] == [2]
    assert (saved, (workdir / "root/x.txt").read_text()) == (201, "password: [db.password]")
    assert canary not in log
