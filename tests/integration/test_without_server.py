"""Does everything work where no Jupyter server is: nbclient, papermill, a bare kernel, IPython in a terminal, plain Python?

All of them over one store, through the same client protocol, at the same time open.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from credmagic import api

ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r")


@pytest.fixture
def store(home: Path, canary: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with the credential `warehouse`, whose password is the canary."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)  # ipykernel would not read file descriptors
    fields = {"user": "ada", "password": canary}
    api.client().call("create", name="warehouse", kind="basic", fields=fields, verify=False)
    yield home
    api.close()


CELLS = (
    "%load_ext credmagic\nimport os; assert 'CREDMAGIC_SOCKET' not in os.environ",
    "db = %cred use warehouse\nprint(db['user'], db['password'], len(db['password'])); db['password']",
    '%%cred use warehouse --export\n!echo "$WAREHOUSE_USER $WAREHOUSE_PASSWORD"',
    "assert 'WAREHOUSE_PASSWORD' not in os.environ",
    "%cred add other --kind bearer --secret token=var:token",
    "%cred",
    "import credmagic; credmagic.api.client().plane",
    "%cred new basic third",
)


def book(*cells: str) -> Any:
    return v4.new_notebook(cells=[v4.new_code_cell(source) for source in cells], metadata={
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    })  # fmt: skip


def checked(done: Any, canary: str) -> None:
    text = json.dumps(done, ensure_ascii=False)
    shown = "".join(str(cell.outputs) for cell in done.cells)

    assert canary not in text
    assert json.dumps(canary)[1:-1] not in text
    assert shown.count("[warehouse.password]") >= 3
    assert f"ada [warehouse.password] {len(canary)}" in shown
    assert "'local'" in shown
    assert "credmagic.forms.form.Form" in str(done.metadata["widgets"])


def test_nbclient_runs_a_notebook(store: Path, canary: str) -> None:
    from nbclient import NotebookClient

    done = book("token = 'tok-' + 'abcdef-123456'", *CELLS)

    NotebookClient(done, timeout=60, kernel_name="python3").execute()

    checked(done, canary)
    assert api.use("other")["token"] == "tok-abcdef-123456"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # papermill's own
def test_papermill_runs_a_notebook_with_parameters(store: Path, canary: str, tmp_path: Path) -> None:
    import papermill

    source = book("token = ''", *CELLS)
    source.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(source, tmp_path / "in.ipynb")

    papermill.execute_notebook(
        tmp_path / "in.ipynb", tmp_path / "out.ipynb", {"token": "by-a-parameter"}, progress_bar=False
    )

    checked(nbformat.read(tmp_path / "out.ipynb", as_version=4), canary)
    assert api.use("other")["token"] == "by-a-parameter"


def test_a_bare_kernel_asks_the_store_itself(store: Path, canary: str) -> None:
    """As in VS Code: a kernel that no credmagic server started, beside this process on the same store."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    shown: list[dict[str, Any]] = []
    try:

        def run(code: str) -> dict[str, Any]:
            reply: dict[str, Any] = client.execute_interactive(
                code, timeout=60, allow_stdin=False, output_hook=shown.append, user_expressions={"plane": "plane"}
            )["content"]
            return reply

        run("%load_ext credmagic\nimport credmagic; db = %cred use warehouse\nplane = credmagic.api.client().plane")
        last = run("print(db['password'], len(db['password']))")
        api.client().call("rotate", ref="warehouse", fields={"password": "another-" + canary}, verify=False)
        rotated = run("print(db.refresh().version, len(db['password']), db['password'])")
        failed = run("%cred use warehose")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)

    said = json.dumps([message["content"] for message in shown], ensure_ascii=False)
    assert "local" in str(last["user_expressions"])
    assert f"[warehouse.password] {len(canary)}" in said
    assert rotated["status"] == "ok"
    assert f"2 {len(canary) + 8} [warehouse.password]" in said
    assert (failed["status"], failed["ename"]) == ("error", "CredentialNotFound")
    assert json.dumps(canary, ensure_ascii=False)[1:-1] not in said


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *command: str) -> None:
        self._ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200"}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        self.screen = ""

    def until(self, text: str, seconds: float = 60.0) -> str:
        """What was shown up to `text`."""
        shown = b""
        while text not in ANSI.sub("", shown.decode("utf-8", "replace")):
            assert select.select([self._ours], [], [], seconds)[0], shown.decode("utf-8", "replace")
            shown += os.read(self._ours, 65536)
        said = ANSI.sub("", shown.decode("utf-8", "replace"))
        self.screen += said
        return said

    def line(self, text: str) -> None:
        os.write(self._ours, text.encode() + b"\n")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        os.close(self._ours)


def test_ipython_in_a_terminal_masks_results_tracebacks_and_prints(store: Path, canary: str) -> None:
    options = ("--simple-prompt", "--no-banner", "--no-confirm-exit", "--colors=nocolor")
    terminal = Terminal(sys.executable, "-m", "IPython", *options)
    try:
        terminal.until("In [1]: ")
        for number, code in enumerate((
            "%load_ext credmagic",
            "db = %cred use warehouse",
            "db['password'] + ''",
            "print('printed', db['password'], len(db['password']))",
            "%xmode Verbose",
            "{}[str(db['password'])]",
            "import logging; logging.warning(str(db['password']))",
            "import sys; sys.stderr.write('err ' + db['password'] + chr(10)); db",
            "%cred add prompted --kind bearer --secret token=prompt",
        ), 1):  # fmt: skip
            terminal.line(code)
            if code.endswith("prompt"):
                terminal.until("token: ")
                terminal.line("typed-" + canary)
            terminal.until(f"In [{number + 1}]: ")
        terminal.line("%cred status")
        status = terminal.until("In [11]: ")
    finally:
        terminal.close()

    assert canary not in terminal.screen
    assert repr(canary)[1:-1] not in terminal.screen
    assert f"printed [warehouse.password] {len(canary)}" in terminal.screen
    assert "KeyError: " in terminal.screen
    assert terminal.screen.count("[warehouse.password]") >= 6
    assert "local" in status
    assert api.use("prompted")["token"] == "typed-" + canary


PROGRAM = """
import sys, credmagic
credential = credmagic.use("warehouse")
print(credmagic.api.client().plane)
print(repr(credential["password"]), credential, [dict(credential)])
print([view["name"] for view in credmagic.list()])
import os
with credmagic.scope("warehouse", export=True) as inner:
    print(len(os.environ["WAREHOUSE_PASSWORD"]), inner.version)
print("WAREHOUSE_PASSWORD" in os.environ)
print(str(credential["password"]) == sys.stdin.read())
try:
    credmagic.use("warehose")
except credmagic.CredmagicError as error:
    print(error.code, error.details.get("closest"), error)
"""


def test_a_plain_program_uses_lists_and_scopes(store: Path, canary: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], input=canary, capture_output=True, text=True, timeout=60)
    lines = done.stdout.splitlines()

    assert done.stderr == ""
    assert lines[0] == "local"
    assert canary not in done.stdout
    assert lines[1].startswith("[warehouse.password] <Credential warehouse")
    assert lines[2:6] == ["['warehouse']", f"{len(canary)} 1", "False", "True"]
    assert "not_found" in lines[6]
    assert "warehouse" in done.stdout.split("not_found")[1]


WORKERS = """
import multiprocessing, os, sys
import credmagic

def measure(credential):
    return os.getpid(), credential.version, len(credential["password"]), repr(credential["password"])

def use(name):
    return credmagic.use(name).version, [view["name"] for view in credmagic.list()]

if __name__ == "__main__":
    credential = credmagic.use("warehouse")
    for method in sys.argv[1:]:
        with multiprocessing.get_context(method).Pool(2) as pool:
            found = pool.map(measure, [credential] * 8, chunksize=1)
            found += pool.map(use, ["warehouse"] * 8, chunksize=1)
        assert os.getpid() not in {answer[0] for answer in found[:8]}
        print(method, *{answer[1:] for answer in found[:8]}, found[8])
    pid = os.fork()
    if not pid:
        ours = credmagic.use("warehouse")
        credmagic.api.client().call("create", name="of-the-child", kind="bearer", fields={"token": "t" * 9}, verify=False)
        os._exit(0 if ours.version == credential.version else 1)
    print("child", os.waitpid(pid, 0)[1], credmagic.use("of-the-child").name, credential.refresh().version)
"""


def test_credentials_reach_workers_as_references_and_children_have_a_vault_of_their_own(
    store: Path, canary: str, tmp_path: Path
) -> None:
    script = tmp_path / "workers.py"
    script.write_text(WORKERS)

    done = subprocess.run(
        [sys.executable, str(script), "fork", "spawn", "forkserver"], capture_output=True, text=True, timeout=120
    )

    assert (done.returncode, done.stderr) == (0, "")
    expected = f"(1, {len(canary)}, '[warehouse.password]') (1, ['warehouse'])"
    assert done.stdout.splitlines() == [
        *(f"{method} {expected}" for method in ("fork", "spawn", "forkserver")), "child 0 of-the-child 1",
    ]  # fmt: skip
    events = api.client().call("audit", ref="warehouse", limit=200)["events"]
    assert sum(event["action"] == "use" for event in events) >= 1 + 3 * 16 + 2
