"""The verbs of applications and access keys against a real vault: as a shell runs them, and as a cell does."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from credmagic import api, forms
from credmagic.cli.main import main
from credmagic.magics.door import NotebookDoor
from credmagic.wiring import local_client


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`run("app create etl")`: exit code, stdout and stderr of the shell's command."""
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    client = local_client()
    monkeypatch.setattr(api, "client", lambda remote="": client)

    def call(line: str) -> tuple[int, str, str]:
        code = main(line.split())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    yield call
    client.close()


def made(run, out: str) -> dict[str, str]:
    return dict(json.loads(run(out)[1]))


def test_an_application_from_nothing_to_its_end(run) -> None:
    assert "app create" in run("app")[1]
    code, out, _ = run("app create etl --role admin")
    assert code == 0
    assert "Admin" in out
    assert out.endswith("Give it a key: credmagic key create etl\n")

    listed = json.loads(run("app list --json")[1])["apps"]
    assert [(one["name"], one["roles"]) for one in listed] == [("etl", ["ADMIN"])]
    assert "etl" in run("app list")[1]
    assert run("app rm etl --force")[1] == "✓ application etl removed, 0 credentials with it\n"
    assert json.loads(run("app list --json")[1]) == {"apps": []}


def test_every_verb_gives_its_data(run, tmp_path: Path) -> None:
    app = made(run, "app create etl --json")
    key = made(run, "key create etl --json")
    assert made(run, f"key list {app['id']} --json") == {
        "keys": [{name: key[name] for name in ("id", "status", "created_at")}]
    }
    assert made(run, "key list --json")["apps"][0]["keys"][0]["id"] == key["id"]  # type: ignore[index]
    assert made(run, f"key pause {key['id']} --json")["status"] == "paused"
    assert made(run, f"key resume {key['id']} --json")["status"] == "active"
    hidden = made(run, f"key create etl --json --out {tmp_path / 'secret'}")
    assert hidden.keys() == {"id", "status", "created_at", "name"}
    assert made(run, f"key rm {key['id']} --json")["removed"]["id"] == key["id"]  # type: ignore[index]
    assert made(run, "app rm etl --json")["credentials"] == 0


def test_a_secret_goes_to_a_private_file(run, tmp_path: Path) -> None:
    run("app create etl")
    place = tmp_path / "secret"
    code, out, _ = run(f"key create etl --out {place}")

    assert code == 0
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    secret = place.read_text()
    assert secret.startswith("cms_")
    assert out.endswith("Set a client up with it: credmagic connect conductor\n")
    assert secret not in out + run("key")[1] + run("key list etl --json")[1] + run("audit --json")[1]


def test_a_secret_is_printed_once_on_a_terminal(run) -> None:
    run("app create etl")
    reading, terminal = pty.openpty()
    command = [sys.executable, "-c", "from credmagic.cli.main import main; main(['key', 'create', 'etl'])"]
    done = subprocess.run(command, stdout=terminal, stderr=terminal, timeout=60, check=False)
    os.close(terminal)
    shown = os.read(reading, 65536).decode()
    os.close(reading)

    assert done.returncode == 0
    assert shown.count("cms_") == 1
    assert "shown above and never again" in shown


def test_no_key_is_made_where_its_secret_could_not_be_shown(run) -> None:
    run("app create etl")
    code, out, err = run("key create etl")  # into a pipe

    assert (code, out) == (2, "")
    assert "--out FILE" in err
    assert json.loads(run("key list etl --json")[1]) == {"keys": []}


def test_a_shell_command_in_a_cell_prints_no_secret(run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("app create etl")
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    code, out, err = run("key create etl --json")

    assert (code, out) == (2, "")
    assert "the magic" in err
    assert json.loads(run("key list etl --json")[1]) == {"keys": []}


@pytest.mark.parametrize("as_json", ["", " --json"])
def test_a_cell_shows_a_secret_in_the_browser_only(run, monkeypatch, capsys, as_json) -> None:
    from credmagic.cli import tree
    from credmagic.forms import reveal

    offered = []
    monkeypatch.setattr(forms, "has_widgets", lambda: True)
    monkeypatch.setattr(reveal.Reveal, "show", lambda client, view: offered.append(dict(view)))
    run("app create etl")

    result = tree.run(f"key create etl{as_json}".split(), NotebookDoor(None))

    said = capsys.readouterr().out + repr(result)
    assert [one["generated"] for one in offered] == ["secret"]
    assert offered[0]["reveal_id"]
    assert "cms_" not in said + repr(offered)
    assert offered[0]["reveal_id"] not in said
    assert offered[0]["id"] in said


def test_a_key_rests_comes_back_and_goes(run) -> None:
    run("app create etl")
    key = made(run, "key create etl --json")["id"]

    assert run(f"key pause {key}")[1] == f"✓ key {key} is paused. Again: credmagic key resume {key}\n"
    assert "paused" in run("key")[1]
    assert run(f"key resume {key}")[1] == f"✓ key {key} is active; tokens from before stay refused\n"
    assert run(f"key rm {key}")[1] == f"✓ key {key} removed\n"
    assert "No access keys yet" in run("key list")[1]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("app create", 2, "NAME"),
        ("app create etl --role boss", 2, "ADMIN"),
        ("app crate x", 2, "Did you mean create"),
        ("app rm nobody", 4, "app list"),
        ("key create nobody --json", 4, "no machine"),
        ("key pause cmk_nobody", 4, "key list"),
        ("key rm", 2, "KEY"),
        ("key list nobody", 4, "no machine"),
        ("key create etl --json", 5, "key list etl"),
    ],
)
def test_bad_input_is_said_in_a_line_and_changes_nothing(run, line, code, said) -> None:
    run("app create etl")
    for _ in range(2):
        run("key create etl --json")
    before = run("app list --json"), run("key list --json")

    got, out, err = run(line)

    assert (got, out) == (code, "")
    assert said in err
    assert len(err.splitlines()) <= 4
    assert (run("app list --json"), run("key list --json")) == before


def test_a_made_password_is_said_with_its_place(run, tmp_path: Path) -> None:
    place = tmp_path / "pw"
    assert run(f"machine add --id bot --out {place}")[1].endswith(f"made, with a new password in {place}\n")
