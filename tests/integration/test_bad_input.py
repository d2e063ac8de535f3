"""What does bad input get at the shell? The field or file by name, the next command, its exit code; and nothing is changed.

Each case is a real command over a real store, with a canary in it that no line of an answer may show.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from credmagic import api
from credmagic.cli.main import main
from credmagic.testing.fixtures import require

COMMAND = str(Path(sys.executable).with_name("credmagic"))
Said = tuple[int, str, str]


@pytest.fixture
def run(home: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Said]]:
    """One command line in this process: exit code, stdout, stderr."""

    def run(*words: str) -> Said:
        code = main(list(words))
        return (code, *capfd.readouterr())

    yield run
    api.close()


@pytest.fixture
def given(tmp_path: Path, canary: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Sources of secrets, good and bad ones."""
    files = {
        "good": canary.encode(), "long": (canary * 4000).encode(), "huge": (canary * 40_000).encode(),
        "binary": b"\xff\xfe\x00" + canary.encode(), "empty": b"", "json": b'{"type": "service_account", "x": "' + canary.encode() + b'",,',
        "pairs": b'{"A": "' + canary.encode("ascii", "ignore"),
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("PW", canary)
    return {name: f"file:{tmp_path / name}" for name in (*files, "missing")}


PW = "--secret=password=env:PW"
ADD = ("add", "new", "--kind", "basic", "user=u")
CASES = {
    "unknown kind": (("add", "new", "--kind", "databse", PW), 4, "database"),
    "unknown public field": (("add", "new", "--kind", "database", "hostt=h", PW), 2, " host=…"),
    "unknown secret field": ((*ADD, "--secret=pasword=env:PW"), 2, "pasword"),
    "missing field": (ADD, 2, "password"),
    "wrong type": (("add", "new", "--kind", "database", "dialect=postgresql", "host=h", "port=many", PW), 2, "port"),
    "wrong choice": (("add", "new", "--kind", "api_key", "service=nobody", "--secret=api_key=env:PW"), 2, "service"),
    "name taken": (("add", "OLD", "--kind", "basic", "user=u", PW), 5, "OLD"),
    "empty name": (("add", "", "--kind", "basic", "user=u", PW), 2, "name"),
    "over-long name": (("add", "x" * 129, "--kind", "basic", "user=u", PW), 2, "name"),
    "control characters in a name": (("add", "a\tb", "--kind", "basic", "user=u", PW), 2, "name"),
    "control characters in a field": (("add", "new", "--kind", "basic", "user=u\x07", PW), 2, "user"),
    "half a character in a name": (("add", "a\udc80b", "--kind", "basic", "user=u", PW), 2, "name"),
    "environment that is none": ((*ADD, PW, "--env", "a b"), 2, "environment"),
    "date that is none": ((*ADD, PW, "--expires", "soon"), 2, "expires_at"),
    "value over 128 KiB": ((*ADD, "--secret=password=LONG"), 2, "password"),
    "file over 1 MiB": ((*ADD, "--secret=password=HUGE"), 2, "password"),
    "file that is no text": ((*ADD, "--secret=password=BINARY"), 2, "password"),
    "file that is empty": ((*ADD, "--secret=password=EMPTY"), 2, "password"),
    "file that is not there": ((*ADD, "--secret=password=MISSING"), 2, "missing"),
    "variable that is not set": ((*ADD, "--secret=password=env:NOT_SET"), 2, "NOT_SET"),
    "malformed JSON": (("add", "new", "--kind", "gcp", "--secret=gcp_key=JSON"), 2, "gcp_key"),
    "malformed pairs": (("add", "new", "--kind", "kv", "--secret=entries=PAIRS"), 2, "entries"),
    "rotating nothing": (("rotate", "old"), 2, "rotate"),
    "rotating to a wrong field": (("rotate", "old", "--secret=passwd_=env:PW"), 2, "passwd_"),
    "rotating to too much": (("rotate", "old", "--secret=password=LONG"), 2, "password"),
    "renaming onto another": (("rename", "old", "other"), 5, "other"),
    "renaming to nothing": (("rename", "old", ""), 2, "name"),
    "unknown name": (("show", "olld"), 4, "old"),
    "unknown version": (("use", "old", "--version", "7"), 4, "version"),
    "unknown verb": (("shwo", "old"), 2, "show"),
    "removing what is attached": (("rm", "other"), 5, "a.ipynb"),
    "attaching in an unknown way": (("attach", "old", "notebook", "b.ipynb", "--inject", "magic"), 2, "inject"),
    "an unreachable service": (
        ("add", "new", "--kind", "bearer", "url=http://127.0.0.1:9/", "--secret=token=env:PW"), 7, "--no-verify"),
    "a key provider that is none": (("protect", "safe"), 4, "passphrase"),
    "a weak passphrase": (("protect", "passphrase", "--secret=env:WEAK"), 2, "12"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named_and_changes_nothing(
    run: Callable[..., Said], given: dict[str, str], canary: str, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAK", "hunter2-77")
    ask = api.client().call
    for name in ("old", "other"):
        ask("create", name=name, kind="basic", fields={"user": "u", "password": "old-password"}, verify=False)
    ask("attach", ref="other", object_type="notebook", object_id="a.ipynb")
    before = kept(ask)
    words, code, named = CASES[case]
    filled = []
    for word in words:
        head, _, tail = word.rpartition("=")
        filled.append(f"{head}={given[tail.lower()]}" if head and tail.isupper() and tail.lower() in given else word)

    exit_code, out, err = run(*filled)

    assert exit_code == code, err
    assert out == ""
    assert named in err
    assert canary not in err
    assert "hunter2-77" not in err
    assert "Traceback" not in err
    assert 1 < len(err.splitlines()) <= 3, err
    assert any(way in err.splitlines()[-1] for way in ("credmagic", "--", "Installed:")), err
    assert kept(ask) == before


def kept(ask: Any) -> list[Any]:
    """What a refusal must leave as it was; that a use was refused is recorded, and should be."""
    uses = {key: value for key, value in ask("uses", ref="old").items() if key != "recent"}
    return [ask("list", count=True), ask("versions", ref="old"), uses, ask("status")["slots"]]


def command(*words: str, without_powers: bool = False, **variables: str) -> Said:
    """A command in a process of its own; `without_powers` as root has them: then modes of files bind it, too."""
    prefix: list[str] = []
    if without_powers and os.geteuid() == 0:
        require("setpriv", shutil.which("setpriv"))
        prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run(
        [*prefix, COMMAND, *words], env={**os.environ, **variables}, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


ADDED = ("add", "new", "--kind", "bearer", "--secret=token=env:PW")


@pytest.fixture
def stored(home: Path, canary: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one credential, opened by nobody."""
    monkeypatch.setenv("PW", canary)
    api.client().call("create", name="old", kind="bearer", fields={"token": canary})
    api.close()
    return home / "data" / "credmagic.db"


def refused(said: Said, code: int, *named: str, canary: str) -> None:
    exit_code, out, err = said
    assert (exit_code, out) == (code, ""), said
    assert "Traceback" not in err
    assert 1 < len(err.splitlines()) <= 3, err
    assert canary not in err
    for word in named:
        assert word in err, err


@pytest.mark.parametrize("content", [b"a letter to my bank, not a database" * 50, b"SQLite format 3\0" + b"\1" * 4000])
def test_a_foreign_file_is_left_alone(home: Path, canary: str, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", canary)
    file = home / "data" / "credmagic.db"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)

    refused(command(*ADDED), 13, str(file), "CREDMAGIC_HOME", canary=canary)
    refused(command("use", "old"), 13, str(file), canary=canary)
    assert file.read_bytes() == content


def test_a_newer_store_is_left_alone(stored: Path, canary: str) -> None:
    with sqlite3.connect(stored) as connection:
        connection.execute("UPDATE credmagic_version SET version_num = '9999'")
    connection.close()

    for words in (ADDED, ("list",), ("use", "old")):
        refused(command(*words), 13, str(stored), "pip install --upgrade credmagic", canary=canary)


def test_a_directory_that_cannot_be_written_is_named(home: Path, canary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", canary)
    home.mkdir(mode=0o500)
    try:
        refused(command(*ADDED, without_powers=True), 13, str(home), "CREDMAGIC_HOME", canary=canary)
    finally:
        home.chmod(0o700)
    assert not list(home.iterdir())


def test_a_store_that_cannot_be_written_gives_no_value_out(stored: Path, canary: str) -> None:
    """No use without its line in the audit."""
    stored.chmod(0o400)
    stored.parent.chmod(0o500)
    try:
        for words in (ADDED, ("use", "old"), ("run", "old", "--", "env")):
            refused(command(*words, without_powers=True), 13, str(stored), canary=canary)
    finally:
        stored.parent.chmod(0o700)
        stored.chmod(0o600)
    assert command("use", "old")[0] == 0


def test_a_home_that_is_a_file_is_named(home: Path, canary: str) -> None:
    home.write_text("not a directory")

    refused(command("list"), 13, str(home), "CREDMAGIC_HOME", canary=canary)


@pytest.mark.parametrize("url", ["mysql://ada:hunter2-77@h/db", "nonsense", "postgresql://", "sqlite://"])
def test_a_database_url_that_is_none_is_refused_without_quoting_it(home: Path, url: str) -> None:
    refused(command("list", CREDMAGIC_STORE_URL=url), 13, "CREDMAGIC_STORE_URL", canary="hunter2-77")


HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def held(store: Path, seconds: float) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(store), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_lock_that_is_given_back_is_waited_for(stored: Path) -> None:
    holder = held(stored, 2)

    said = command("run", "old", "--", "true"), command(*ADDED)

    holder.communicate()
    assert [(code, err) for code, _, err in said] == [(0, ""), (0, "")]


@pytest.mark.slow
def test_a_lock_that_is_kept_is_told_in_words(stored: Path, canary: str) -> None:
    """After ten seconds; reading goes on meanwhile."""
    holder = held(stored, 60)
    try:
        begun = time.monotonic()
        said = command("use", "old")
        took = time.monotonic() - begun
        listed = command("list", "--json")
    finally:
        holder.kill()
        holder.communicate()

    refused(said, 13, str(stored), "in use by another program", canary=canary)
    assert "locked" not in said[2]
    assert 8 < took < 20
    assert [view["name"] for view in json.loads(listed[1])["credentials"]] == ["old"]


def test_wrong_and_missing_passphrases_are_told_apart_and_open_nothing(
    stored: Path, canary: str, tmp_path: Path
) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("a long passphrase of mine")
    wrong.write_text("not that one, " + canary)
    assert command("protect", "passphrase", f"--secret=file:{right}")[0] == 0

    refused(command("use", "old", CREDMAGIC_PASSPHRASE_FILE=str(wrong)), 6, "passphrase", canary=canary)
    refused(command("use", "old"), 6, "CREDMAGIC_PASSPHRASE", canary=canary)
    refused(command(*ADDED, CREDMAGIC_PASSPHRASE_FILE=str(tmp_path / "none")), 6, "none", canary=canary)
    assert command("use", "old", CREDMAGIC_PASSPHRASE_FILE=str(right))[0] == 0


def test_without_a_keyring_nothing_is_stored_under_another_key(home: Path, canary: str) -> None:
    nobody = {
        "PW": canary,
        "CREDMAGIC_KEY_PROVIDER": "os_keyring",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }

    refused(command(*ADDED, **nobody), 6, "keyring", canary=canary)
    assert not (home / "config" / "credmagic.key").exists()
    assert command("list", "--json")[0] == 0
    assert json.loads(command("list", "--json")[1])["credentials"] == []


def test_without_its_key_file_a_store_is_not_reset(stored: Path, canary: str) -> None:
    key = stored.parent.parent / "config" / "credmagic.key"
    kept = key.read_bytes()
    key.unlink()

    for words in (ADDED, ("use", "old"), ("list",)):
        refused(command(*words), 6, str(key), canary=canary)
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    assert command("use", "old")[0] == 0
