"""Can a server, its kernels, shell commands and programs work on one store at once, and nobody be told of a lock? (C7, short)

Everybody writes as fast as they can. Every acknowledged write must be there at the end, the audit chain whole, and
nobody may have seen an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from credmagic.store.rows import AuditRow
from credmagic.testing.jupyter import JupyterServer, isolated, jupyter_server
from credmagic.vault.audit import check_chain

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("CREDMAGIC_TEST_SECONDS", "8"))
UNLIMITED = {"CREDMAGIC_RATES": "off"}
COMMAND = str(Path(sys.executable).with_name("credmagic"))
CREDENTIALS = "credmagic/api/v2/credentials/"

WRITER = """
import json, sys, time
import credmagic
from credmagic import api

def work(who, seconds):
    end, made, turned, number = time.monotonic() + seconds, [], 0, 0
    ask = api.client().call
    while time.monotonic() < end:
        number += 1
        name = f"{who}-{number}"
        ask("create", name=name, kind="bearer", fields={"token": f"token of {name}"}, verify=False)
        made.append(name)
        assert credmagic.use(name)["token"] == f"token of {name}"
        if number % 3 == 0:
            ask("rotate", ref="shared", fields={"token": f"shared, {name}"}, verify=False)
            turned += 1
        if number % 4 == 0:
            ask("delete", ref=made.pop())
        assert credmagic.use("shared")["token"].startswith("shared")
        ask("list", limit=5)
    return {"made": made, "turned": turned}
"""
PROGRAM = WRITER + "print(json.dumps(work(sys.argv[1], float(sys.argv[2]))))"


class Work:
    """What everybody said they did, and everything that went wrong."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.turned = 0
        self.errors: list[str] = []
        self._threads: list[threading.Thread] = []

    def start(self, function: Any, *arguments: Any) -> None:
        def run() -> None:
            try:
                done = function(*arguments)
                self.made += done["made"]
                self.turned += done["turned"]
            except BaseException as error:  # told by the test, in its own thread
                self.errors.append(f"{function.__name__}: {error}"[:2000])

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(SECONDS + 120)
        assert self.errors == []


def program(home: Path, who: str) -> dict[str, Any]:
    """An embedded vault in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, who, str(SECONDS)],
        env={**isolated(home), **UNLIMITED},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def begin_in_a_kernel(server: JupyterServer, who: str) -> None:
    """Set a kernel of a server to work, through its socket, without waiting for it."""
    client = server.ready(server.start_kernel())
    try:
        client.execute(
            f"%load_ext credmagic\n{WRITER}\nassert api.client().plane == 'kernel'\nimport traceback\n"
            f"try:\n    said = json.dumps(work({who!r}, {SECONDS}))\nexcept BaseException:\n    said = traceback.format_exc()\n"
            f"import pathlib; pathlib.Path({str(server.workdir / who)!r}).write_text(said)"
        )
    finally:
        client.stop_channels()


def kernel(server: JupyterServer, who: str) -> dict[str, Any]:
    """What that kernel did."""
    path, end = server.workdir / who, time.monotonic() + SECONDS + 90
    while time.monotonic() < end and not (path.exists() and path.stat().st_size):
        time.sleep(0.1)
    said = path.read_text()
    assert said.startswith("{"), said
    return json.loads(said)  # type: ignore[no-any-return]


def browser(server: JupyterServer, who: str) -> dict[str, Any]:
    """Somebody at the REST addresses."""
    end, made = time.monotonic() + SECONDS, []
    while time.monotonic() < end:
        name = f"{who}-{len(made)}"
        body = {"name": name, "credentialType": "bearer", "token": f"token of {name}"}
        answer = server.request("POST", CREDENTIALS, body)
        assert answer.status == 201, answer.body
        made.append(name)
        assert server.request("GET", f"{CREDENTIALS}{answer.json()['credentialId']}/").status == 200
    return {"made": made, "turned": 0}


def shell(home: Path, who: str) -> dict[str, Any]:
    """Somebody at a shell."""
    end, made, turned = time.monotonic() + SECONDS, [], 0
    while time.monotonic() < end:
        name = f"{who}-{len(made)}"
        for words in (
            ["add", name, "--kind", "bearer", "--secret", "token=env:T"],
            ["rotate", "shared", "--secret", "token=env:S"],
            ["list", "--json", "--limit", "5"],
        ):
            done = subprocess.run(
                [COMMAND, *words], env={**isolated(home), "T": f"token of {name}", "S": f"shared, {name}"},
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, ""), done
            turned += words[0] == "rotate"
        made.append(name)
    return {"made": made, "turned": turned}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    with jupyter_server(tmp_path_factory.mktemp("s"), environment=UNLIMITED) as running:
        body = {"name": "shared", "credentialType": "bearer", "token": "shared from the beginning"}
        assert running.request("POST", CREDENTIALS, body).status == 201
        yield running


def check(work: Work, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Everything acknowledged is there and opens; every version of `shared` too; the chain is whole."""
    from credmagic.wiring import local_client, open_vault

    monkeypatch.setenv("CREDMAGIC_HOME", str(workdir / "home"))
    monkeypatch.setenv("CREDMAGIC_RATES", "off")
    client, vault = local_client(), open_vault()
    try:
        page = client.call("list", limit=100)
        names = [view["name"] for view in page["credentials"]]
        while page["next"]:
            page = client.call("list", limit=100, after=page["next"])
            names += [view["name"] for view in page["credentials"]]
        assert sorted(names) == sorted([*work.made, "shared"])
        for name in work.made:
            assert client.resolve(name)["fields"]["token"] == f"token of {name}"
        versions = client.call("versions", ref="shared")["versions"]
        assert [row["version"] for row in versions] == list(range(work.turned + 1, 0, -1))
        with vault.store.read() as reader:
            chain = reader.find(AuditRow, order=("seq",))
        check_chain(vault.keyset, chain)
    finally:
        client.close()
        vault.close()
    return f"{len(work.made)} made and kept, {work.turned} rotations of one, {len(chain)} links of the chain"


def test_server_kernel_commands_and_programs_write_one_store(
    server: JupyterServer, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    work, home = Work(), server.workdir

    begin_in_a_kernel(server, "kernel")
    work.start(kernel, server, "kernel")
    work.start(browser, server, "browser")
    work.start(shell, home, "shell")
    for who in ("first", "second"):
        work.start(program, home, who)
    work.finish()

    line = check(work, home, monkeypatch)
    record_property("figures", line)
    print(line)
    assert {name.split("-")[0] for name in work.made} == {"kernel", "browser", "shell", "first", "second"}
    assert "database is locked" not in server.log


def test_two_servers_work_over_one_home(
    server: JupyterServer, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    """Each with a socket and a kernel of its own; when one ends, the other goes on."""
    home = {"CREDMAGIC_HOME": str(server.workdir / "home"), **UNLIMITED}
    work = Work()
    with jupyter_server(server.workdir.with_name(server.workdir.name + "-two"), environment=home) as other:
        for one, who in ((server, "one"), (other, "two")):
            begin_in_a_kernel(one, f"kernel_{who}")
        for one, who in ((server, "one"), (other, "two")):
            work.start(kernel, one, f"kernel_{who}")
            work.start(browser, one, f"browser_{who}")
        work.finish()
        assert server.request("GET", CREDENTIALS).json()["totalCount"] == len(work.made) + 1
        assert other.request("GET", CREDENTIALS).json()["totalCount"] == len(work.made) + 1
        sockets = list((server.workdir / "home/run").glob("*"))
        assert sockets
    after = server.run(
        server.start_kernel(),
        "%load_ext credmagic\nimport credmagic; c = %cred use shared\nprint(c.version, credmagic.api.client().plane)",
    )

    line = check(work, server.workdir, monkeypatch)
    record_property("figures", line)
    print(line)
    assert after.strip() == f"{work.turned + 1} kernel"
    assert "database is locked" not in server.log + other.log
