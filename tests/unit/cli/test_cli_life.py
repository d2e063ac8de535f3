"""The verbs of a credential's life on a command line, through the real vault in this process."""

import json
import os
import pty
import socket
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from credmagic import api
from credmagic.cli.main import main
from credmagic.client import expiry


@pytest.fixture
def shell(home, capfd):
    """Runs one `credmagic` command line; gives exit code, stdout and stderr."""

    def run(line, *more):
        code = main([*line.split(), *more])
        return (code, *capfd.readouterr())

    yield run
    api.close()


@pytest.fixture
def demo(shell, canary, monkeypatch):
    """A stored credential whose password is the canary."""
    monkeypatch.setenv("PW", canary)
    assert shell("add demo --kind basic user=ann --secret password=env:PW")[0] == 0
    return canary


def on_a_terminal(line, home, **env):
    """Run `credmagic LINE` as a person would: on a terminal of its own. Exit code and what it showed."""
    master, slave = pty.openpty()
    clean = {key: value for key, value in os.environ.items() if key not in ("JPY_PARENT_PID", "CREDMAGIC_SOCKET")}
    program = "import sys; from credmagic.cli.main import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *line.split()],
        stdin=slave, stdout=slave, stderr=slave, env={**clean, **env}, close_fds=True,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(master)
    return process.wait(30), shown.decode()


# ── rotate, rollback ─────────────────────────────────────────────────────────────────────────────────────────
def test_rollback_says_where_it_is_and_nothing_is_lost(shell, demo, monkeypatch):
    monkeypatch.setenv("PW", "second-long-one")
    shell("rotate demo --secret password=env:PW")
    code, out, _ = shell("rollback demo 1")

    assert (code, "back at version 1" in out) == (0, True)
    assert api.use("demo")["password"] == demo
    assert api.use("demo", version=2)["password"] == "second-long-one"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("rollback demo 9", 4, "credmagic versions demo"),
        ("rollback demo 1", 5, "the current one already"),
        ("rollback demo first", 2, "whole number"),
        ("rollback demoo 1", 4, "Did you mean demo?"),
        ("rotate demo --overlap 3", 2, "no new value"),
        ("rotate demo --length 20", 2, "--generate"),
        ("rotate demo user=bob --generate", 2, "give no other"),
        ("rotate demo --generate", 2, "--out FILE"),
        ("rotate demo user=bob --expires soon", 2, "must be a date"),
        ("rotate demo user=bob --expires 2020-01-01", 2, "in the past"),
        ("edit demo --expires 2020-01-01", 2, "in the past"),
        ("rotate demo --secret token=env:PW", 2, "kind basic"),
        ("pause demo --force", 2, "unknown option"),
        ("verify", 2, "--all"),
        ("verify demo --all", 2, "--all"),
        ("verify demo --timeout 0", 2, "--timeout"),
        ("uses demo --order size", 2, "one of createdAt"),
        ("attach demo notebook a.ipynb --inject telepathy", 2, "no such way"),
        ("attach demo Data-Base x", 2, "small letters"),
        ("detach demo notebook a.ipynb", 5, "credmagic uses demo"),
        ("reload", 2, "credmagic run"),
        ("use demo --environment live", 2, "Did you mean --env?"),
    ],
)
def test_bad_input_is_answered_with_the_next_step_and_changes_nothing(shell, demo, line, code, said):
    before = json.loads(shell("show demo --json")[1])
    got, out, err = shell(line)

    assert (got, said in err) == (code, True), err
    assert out == ""
    after = json.loads(shell("show demo --json")[1])
    assert {**after, "last_used_at": None} == {**before, "last_used_at": None}


def test_a_date_is_set_changed_and_cleared(shell, demo):
    until = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    assert shell("edit demo --expires", until)[0] == 0
    assert json.loads(shell("show demo --json")[1])["expires_at"].startswith(until)
    assert "expires in 39 d" in shell("show demo")[1]
    assert shell("edit demo --expires none")[0] == 0
    assert json.loads(shell("show demo --json")[1])["expires_at"] is None


def test_a_use_warns_once_before_the_end(shell, demo, monkeypatch):
    monkeypatch.setattr(expiry, "_said", set())
    until = (datetime.now(UTC) + timedelta(days=5)).date().isoformat()
    shell("edit demo --expires", until)
    first, second = shell("use demo")[2], shell("use demo")[2]

    assert "▲ demo expires in 4 d" in first
    assert "%cred rotate demo" in first
    assert "expires in" not in second


def test_what_ends_later_or_is_renewed_warns_nobody(monkeypatch, capsys):
    monkeypatch.setattr(expiry, "_said", set())
    later = (datetime.now(UTC) + timedelta(days=15)).isoformat()
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    expiry.warn_once({"id": "1", "name": "a", "expires_at": later})
    expiry.warn_once({"id": "1", "name": "a", "expires_at": soon, "token": "access_token"})
    expiry.warn_once({"id": "1", "name": "a", "expires_at": None})
    assert capsys.readouterr().err == ""


def test_pause_and_resume(shell, demo):
    assert "credmagic resume demo" in shell("pause demo")[1]
    code, _, err = shell("use demo")
    assert (code, "credmagic resume demo" in err) == (10, True)
    assert shell("resume demo")[0] == 0
    assert shell("use demo")[0] == 0


# ── generate ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_generated_value_goes_into_a_new_private_file(shell, demo, tmp_path):
    out = tmp_path / "value"
    code, said, err = shell("rotate demo --generate --length 40 --classes lower,digits --out", str(out))
    made = api.use("demo")["password"]

    assert (code, out.read_text(), len(made)) == (0, made, 40)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert str.__str__(made) not in said + err
    assert "version 2" in said


def test_a_file_that_is_there_is_not_written_over_and_nothing_rotates(shell, demo, tmp_path):
    out = tmp_path / "value"
    out.write_text("mine")
    code, _, err = shell("rotate demo --generate --out", str(out))

    assert (code, out.read_text(), "not there yet" in err) == (2, "mine", True)
    assert api.use("demo").version == 1


def test_a_refused_rotation_leaves_no_file(shell, demo, tmp_path):
    out = tmp_path / "value"
    assert shell("rotate demo --generate --length 3 --out", str(out))[0] == 2
    assert not out.exists()
    assert api.use("demo").version == 1


def test_a_generated_value_is_printed_once_on_a_terminal(shell, demo, home):
    code, shown = on_a_terminal("rotate demo --generate", home)
    made = str.__str__(api.use("demo")["password"])

    assert (code, shown.count(made)) == (0, 1), shown
    assert "credmagic verify demo" in shown


# ── verify --all ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def databases(shell, tmp_path, monkeypatch):
    """Four credentials: one works, one is refused, one is paused, one cannot be asked."""
    import sqlite3

    monkeypatch.setenv("PW", "some-long-secret")
    good, none = tmp_path / "good.db", tmp_path / "none" / "bad.db"
    sqlite3.connect(good).close()
    for name, path in (("good", good), ("bad", none), ("rest", good)):
        line = f"add {name} --kind database dialect=sqlite --no-verify"
        assert shell(line, f"database={path}")[0] == 0, name
    shell("pause rest")
    shell("add plain --kind basic user=u --secret password=env:PW")


def test_verify_all_asks_everyone_and_keeps_each_answer(shell, databases):
    before = {one["name"]: one for one in json.loads(shell("list --json")[1])["credentials"]}
    code, out, _ = shell("verify --all --json")
    found = {one["name"]: one["outcome"] for one in json.loads(out)["results"]}

    assert code == 7
    assert (found["good"], found["rest"], found["plain"]) == ("ok", "skipped", "unverifiable")
    assert found["bad"] in ("refused", "unreachable")
    after = {one["name"]: one for one in json.loads(shell("list --json")[1])["credentials"]}
    assert after["good"]["verified"]["outcome"] == "ok"
    assert after["bad"]["verified"]["outcome"] == found["bad"]
    assert after["rest"] == before["rest"]
    assert [one["version"] for one in after.values()] == [1] * 4


def test_verify_all_shows_the_worst_first_and_a_sum(shell, databases):
    code, out, err = shell("verify --all --jobs 2 --timeout 5")
    lines = [line.split()[0] for line in out.splitlines()[1:5]]

    assert (code, lines[0], lines[-1]) == (7, "bad", "good")
    assert "1 works" in out
    assert "Verifying" not in err  # no bar into a pipe


@pytest.fixture
def silent():
    """The address of a service that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_silent_services_are_waited_for_together_and_not_for_long(shell, silent, monkeypatch):
    monkeypatch.setenv("PW", "some-long-secret")
    for number in range(6):
        shell(f"add s{number} --kind bearer --secret token=env:PW --no-verify", f"url={silent}")
    started = time.monotonic()
    code, out, _ = shell("verify --all --timeout 1 --jobs 6 --json")
    took = time.monotonic() - started

    assert (code, {one["outcome"] for one in json.loads(out)["results"]}) == (7, {"unreachable"})
    assert took < 4
    code, _, err = shell("verify s1 --timeout 1")
    assert (code, "within 1 s" in err) == (7, True)
    assert json.loads(shell("show s1 --json")[1])["verified"]["outcome"] == "unreachable"


def test_verify_all_of_an_empty_store_is_no_error(shell):
    assert shell("verify --all")[0] == 0


# ── uses, attached ───────────────────────────────────────────────────────────────────────────────────────────
def test_what_is_attached_is_listed_from_both_sides(shell, demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shell("attach demo notebook a.ipynb --default")
    shell("attach demo batch_job nightly")

    assert str(tmp_path / "a.ipynb") in shell("uses demo")[1]
    assert "demo" in shell("attached notebook a.ipynb")[1]
    assert json.loads(shell("attached batch_job nightly --json")[1])["total"] == 1
    assert "credmagic attach NAME" in shell("attached batch_job other")[1]
    assert "stays attached" in shell("attach demo batch_job nightly")[1]


def test_the_graph_is_a_tree_in_a_shell(shell, demo):
    shell("attach demo batch_job nightly --default")
    code, out, _ = shell("uses demo --graph")

    assert code == 0
    assert "└── batch_job nightly: attached, default" in out


def test_rm_names_what_is_in_use_and_force_does_it(shell, demo):
    shell("attach demo batch_job nightly")
    code, _, err = shell("rm demo")
    assert (code, "batch_job nightly" in err, "--force" in err) == (5, True, True)
    assert shell("rm demo --force")[0] == 0
    assert json.loads(shell("audit --json")[1])["events"][0]["reason"] == "forced"


# ── guard ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("line", ["guard demo on", "grant demo notebook a.ipynb", "revoke demo notebook a.ipynb"])
def test_what_a_person_decides_is_refused_in_a_pipe(shell, demo, line):
    code, _, err = shell(line)
    assert (code, "terminal" in err) == (2, True)


def test_a_cell_that_starts_a_shell_decides_nothing(shell, demo, home):
    """`!credmagic grant …` has a terminal of its own, and the variables of its kernel."""
    code, shown = on_a_terminal("guard demo on", home, JPY_PARENT_PID="1")
    assert (code, "person at a terminal" in shown) == (2, True)
    assert json.loads(shell("show demo --json")[1])["guarded"] is False


def test_a_person_at_a_terminal_guards_and_grants(shell, demo, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert on_a_terminal("guard demo on", home)[0] == 0
    assert on_a_terminal("grant demo notebook sub/../a.ipynb", home)[0] == 0
    view = json.loads(shell("show demo --json")[1])
    assert (view["guarded"], view["grants"][0]["object_id"]) == (True, str(tmp_path / "a.ipynb"))
    assert "only for notebook" in shell("show demo")[1]
    assert "guarded" in shell("list")[1]

    code, _, err = shell("use demo")
    assert (code, "credmagic guard demo off" in err) == (3, True)
    assert on_a_terminal("revoke demo notebook a.ipynb", home)[0] == 0
    assert on_a_terminal("revoke demo notebook a.ipynb", home)[0] == 5


# ── environments ─────────────────────────────────────────────────────────────────────────────────────────────
def test_why_shows_each_step_over_several_environments(shell, demo, monkeypatch):
    monkeypatch.setenv("PW", "live-long-secret")
    shell("add demo --kind basic user=live --secret password=env:PW --env live")
    steps = json.loads(shell("why demo --env live --json")[1])["steps"]

    assert [(step["looked_for"], step["note"]) for step in steps if step["found"]] == [
        ('"demo" in live, mine', "this one"),
        ('"demo" in no environment, mine', "shadowed by the one above"),
    ]
    monkeypatch.setenv("CREDMAGIC_ENVIRONMENT", "live")
    assert "live" in shell("environment")[1]
    assert shell("overview")[1].splitlines()[0].split()[1] == "live"
