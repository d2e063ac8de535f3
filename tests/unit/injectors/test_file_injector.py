"""Is a file with a value private, and gone when it should be?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential, StoreUnusable
from credmagic.injectors.file import FileInjector

RESOLVED = {
    "id": "c", "name": "git", "kind": "ssh_key", "kind_version": 1, "version": 1, "environment": "", "expires_at": None,
    "fields": {"private_key": "hunter2-x"}, "secret": ["private_key"], "environ": {}, "aliases": {},
    "files": {"GIT_KEY_FILE": "hunter2-x\r\nä\n"},
}  # fmt: skip


@pytest.fixture
def credential() -> Credential:
    return Credential.from_resolved(RESOLVED)


def test_the_content_is_written_byte_for_byte_and_taken_back(
    home: Path, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_KEY_FILE", "mine")
    injector = FileInjector()

    assert injector.apply(credential) == ["GIT_KEY_FILE"]

    path = Path(os.environ["GIT_KEY_FILE"])
    assert path.read_bytes() == "hunter2-x\r\nä\n".encode()
    assert path.is_relative_to(home / "run")
    assert path.stat().st_mode & 0o777 == 0o600
    injector.take_back()
    assert not path.exists()
    assert os.environ["GIT_KEY_FILE"] == "mine"


def test_a_kind_without_files_is_refused_with_the_way_that_works() -> None:
    credential = Credential.from_resolved({**RESOLVED, "files": {}})

    with pytest.raises(InvalidCredential, match="--export"):
        FileInjector().apply(credential)


def test_a_directory_that_cannot_be_written_is_a_clear_stop(
    tmp_path: Path, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CREDMAGIC_HOME", str(tmp_path / "file"))

    with pytest.raises(StoreUnusable) as caught:
        FileInjector().apply(credential)

    assert "hunter2-x" not in str(caught.value)


WRITE = """
import os, signal, sys
from credmagic.client.credential import Credential
from credmagic.injectors.file import FileInjector
credential = Credential.from_resolved({**%r})
FileInjector().apply(credential)
print(os.environ["GIT_KEY_FILE"], flush=True)
%s
"""


def run(end: str) -> Path:
    ran = subprocess.run([sys.executable, "-c", WRITE % (RESOLVED, end)], capture_output=True, text=True, timeout=30)
    return Path(ran.stdout.splitlines()[0])


def test_files_go_when_the_process_ends(home: Path) -> None:
    path = run("assert os.path.exists(os.environ['GIT_KEY_FILE'])")

    assert not path.exists()
    assert not path.parent.exists()


def test_files_of_a_killed_process_go_at_the_next_start(home: Path, credential: Credential) -> None:
    path = run("os.kill(os.getpid(), signal.SIGKILL)")
    assert path.exists()

    injector = FileInjector()
    injector.apply(credential)
    mine = Path(os.environ["GIT_KEY_FILE"])

    assert not path.parent.exists()
    assert mine.exists()
    injector.take_back()


def test_a_forked_child_leaves_its_parents_files(home: Path, credential: Credential) -> None:
    injector = FileInjector()
    injector.apply(credential)
    path = Path(os.environ["GIT_KEY_FILE"])
    pid = os.fork()
    if pid == 0:
        from credmagic.injectors import file

        file._remove_at_exit(file._directory[0], file._directory[1])  # type: ignore[index]
        os._exit(0)
    os.waitpid(pid, 0)

    assert path.exists()
    injector.take_back()
