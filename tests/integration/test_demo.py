"""Does `credmagic demo` run from one command to its end, and leave nothing behind?"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

from credmagic.demo import workspace
from credmagic.testing.fixtures import require

_CREDMAGIC = [sys.executable, "-c", "import sys; from credmagic.cli.main import main; sys.exit(main())"]


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a fresh user without `CREDMAGIC_HOME`; `TMPDIR` shows what a demo leaves."""
    with tempfile.TemporaryDirectory(prefix="cm-") as short:
        variables = {name: value for name, value in os.environ.items() if name != "CREDMAGIC_HOME"}
        yield variables | {"TMPDIR": short}


def execute(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_CREDMAGIC, "demo", "--execute"], env=environment, capture_output=True, text=True, timeout=180
    )


def files_with(text: str, *folders: Path) -> list[Path]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


def test_headless_it_runs_to_its_end_and_leaves_nothing(
    environment: dict[str, str], canary: str, tmp_path: Path
) -> None:
    done = execute(environment | {"CREDMAGIC_DEMO_SECRET": canary})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[demo-api.password]" in done.stdout
    assert "telescope" in done.stdout, "the service let it in"
    assert "verified" in done.stdout
    assert "%cred new database" not in done.stdout, "cells for people are left out"
    assert canary not in done.stdout + done.stderr
    assert not list(Path(environment["TMPDIR"]).glob("credmagic-demo-*"))
    assert not files_with(canary, tmp_path)
    assert not list((tmp_path / "user").rglob("credmagic.db")), "the user's own store is not touched"


def test_a_home_that_stays_can_be_used_again(environment: dict[str, str], home: Path, canary: str) -> None:
    variables = environment | {"CREDMAGIC_HOME": str(home)}
    for secret in (canary, "another one, for the second run"):
        done = execute(variables | {"CREDMAGIC_DEMO_SECRET": secret})
        assert done.returncode == 0, done.stdout + done.stderr
    assert (home / "config" / "credmagic.key").exists(), "the key is in a file of this home"
    listed = subprocess.run([*_CREDMAGIC, "list", "--json"], env=variables, capture_output=True, text=True)
    assert listed.stdout.count('"demo-api"') == 1
    assert not files_with(canary, home)


def test_a_failing_cell_is_shown_and_counts(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from credmagic.demo import headless

    cells = [nbformat.v4.new_code_cell(source) for source in ("print('one')", "1 / 0", "print('three')")]
    notebook = tmp_path / "failing.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    assert headless.execute(notebook) == 1
    shown = capsys.readouterr()
    assert "ZeroDivisionError" in shown.out
    assert "Out one" in shown.out
    assert "three" not in shown.out
    assert "failed" in shown.err


class Demo:
    """A running `credmagic demo` without a browser."""

    def __init__(self, environment: dict[str, str], *options: str) -> None:
        self.process = subprocess.Popen(
            [*_CREDMAGIC, "demo", "--no-browser", *options], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.said = ""
        while "Ctrl-C" not in self.said and (line := self.process.stdout.readline()):
            self.said += line
        self.base, self.token = re.findall(r"(http://127\.0\.0\.1:\d+/)\S*token=(\S+)", self.said)[0]

    def get(self, path: str) -> dict[str, object]:
        asked = urllib.request.Request(self.base + path, headers={"Authorization": f"token {self.token}"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(asked, timeout=30) as answer:
            found: dict[str, object] = json.load(answer)
        return found

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        self.said += self.process.communicate(timeout=30)[0]
        return self.process.returncode


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_jupyterlab_opens_on_the_notebook_and_ends_with_everything(
    environment: dict[str, str], canary: str, how: signal.Signals
) -> None:
    require("JupyterLab", find_spec("jupyterlab"))
    demo = Demo(environment | {"CREDMAGIC_DEMO_SECRET": canary})
    try:
        assert "lab/tree/quickstart.ipynb?token=" in demo.said
        notebook = demo.get("api/contents/quickstart.ipynb")
        assert notebook["type"] == "notebook"
        listing = json.dumps(demo.get("api/contents/?content=1"))
        assert ".demo-secret" not in listing
        folder = next(Path(environment["TMPDIR"]).glob("credmagic-demo-*"))
        assert (folder / "work" / ".demo-secret").stat().st_mode & 0o777 == 0o600
        assert [path.name for path in files_with(canary, folder)] == [".demo-secret"]
        assert not (folder / "token").exists()
    finally:
        code = demo.end(how)
    assert code == 0
    assert canary not in demo.said
    assert not folder.exists()
    port = int(demo.base.rsplit(":", 1)[1].strip("/"))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_taken_port_is_said_with_what_to_do(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [*_CREDMAGIC, "demo", "--no-browser", "--port", str(taken.getsockname()[1])],
            env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert "is taken" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_keyring_and_variables_of_the_user_are_left_out(
    home: Path, monkeypatch: pytest.MonkeyPatch, canary: str
) -> None:
    monkeypatch.delenv("CREDMAGIC_HOME")
    monkeypatch.setenv("CREDMAGIC_KEY_PROVIDER", "os_keyring")
    monkeypatch.setenv("CREDMAGIC_STORE_URL", "postgresql://elsewhere/vault")
    monkeypatch.setenv("CREDMAGIC_PASSPHRASE", "the user's own passphrase")
    monkeypatch.setenv("CREDMAGIC_DEMO_SECRET", canary)
    monkeypatch.setenv("no_proxy", "intranet")
    before = dict(os.environ)
    with workspace.prepared(workspace.demo_secret(), "http://127.0.0.1:1") as place:
        seen = dict(os.environ)
        assert place.throw_away
        assert (place.folder / ".demo-secret").read_bytes() == canary.encode()
    assert seen["CREDMAGIC_KEY_PROVIDER"] == "key_file"
    assert seen["CREDMAGIC_DEMO_URL"] == "http://127.0.0.1:1/orders"
    assert seen["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert not {"CREDMAGIC_STORE_URL", "CREDMAGIC_PASSPHRASE", "CREDMAGIC_DEMO_SECRET"} & set(seen)
    assert dict(os.environ) == before
    assert not place.private.exists()


def test_the_notebook_is_clean_short_and_portable() -> None:
    book = nbformat.reads(workspace.shipped_notebook().decode(), as_version=4)
    nbformat.validate(book)
    assert book.metadata.kernelspec.name == "python3"
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    with_warehouse = [cell for cell in code if "warehouse" in cell.source]
    assert with_warehouse
    assert all("interactive" in cell.metadata.tags for cell in with_warehouse)
    assert len(book.cells) <= 30
    assert set(book.metadata) == {"kernelspec", "language_info"}


@pytest.mark.slow
def test_the_wheel_brings_the_notebook(tmp_path: Path) -> None:
    source = Path(__file__).parents[2]
    if not (source / "pyproject.toml").exists():
        pytest.skip("needs the source tree")
    shipped = json.loads((source / "notebooks" / "quickstart.ipynb").read_text())
    wheel = shutil.which("python3") and find_spec("hatchling")
    require("hatchling", wheel)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(tmp_path), str(source)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    import zipfile

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        assert json.loads(archive.read("credmagic/demo/quickstart.ipynb")) == shipped
