"""Does the key file stay private, apart from its store, and whole?"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from credmagic.errors import CredmagicError, StoreUnusable, VaultLocked
from credmagic.keys.base import NewSlot
from credmagic.keys.key_file import KeyFile
from credmagic.testing.key_provider_suite import KeyProviderSuite

STORE, SLOT = bytes(16), bytes(range(16))
posix = pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX here")


@pytest.fixture
def new(home: Path) -> NewSlot:
    return KeyFile().create(STORE, SLOT)


@pytest.fixture
def path(home: Path) -> Path:
    return KeyFile().path


class TestConformance(KeyProviderSuite):
    @pytest.fixture
    def provider(self, home: Path) -> KeyFile:
        return KeyFile()


def stopped(new: NewSlot, provider: KeyFile | None = None) -> VaultLocked:
    """The error of `unlock`: typed, at once, with a next step."""
    started = time.monotonic()
    with pytest.raises(VaultLocked) as caught:
        (provider or KeyFile()).unlock(STORE, SLOT, new.parameters)
    assert time.monotonic() - started < 2
    assert caught.value.next_step
    return caught.value


@posix
def test_the_file_is_0600_in_a_0700_directory(new: NewSlot, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@posix
def test_a_wide_umask_changes_nothing(home: Path, path: Path) -> None:
    before = os.umask(0)
    try:
        KeyFile().create(STORE, SLOT)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o601, 0o777])
def test_a_file_that_others_can_reach_is_refused(new: NewSlot, path: Path, mode: int) -> None:
    path.chmod(mode)
    error = stopped(new)
    assert f"chmod 600 {path}" in error.next_step
    path.chmod(0o600)
    assert KeyFile().unlock(STORE, SLOT, new.parameters) == new.slot_key


@posix
@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777])
def test_a_directory_that_others_can_enter_is_refused(new: NewSlot, path: Path, mode: int) -> None:
    path.parent.chmod(mode)
    assert f"chmod 700 {path.parent}" in stopped(new).next_step


@posix
def test_a_symbolic_link_is_not_followed(new: NewSlot, path: Path, tmp_path: Path) -> None:
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in stopped(new).message
    with pytest.raises(VaultLocked):
        KeyFile().create(STORE, bytes(16))


@posix
def test_a_named_pipe_in_its_place_does_not_hang(new: NewSlot, path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)
    assert "not a regular file" in stopped(new).message


def test_a_directory_in_its_place_is_refused(new: NewSlot, path: Path) -> None:
    path.unlink()
    path.mkdir(0o700)
    stopped(new)


def test_a_missing_file_is_a_stop_and_is_not_made_anew(new: NewSlot, path: Path) -> None:
    path.unlink()
    assert "missing" in stopped(new).message
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"format": 2, "keys": {}}', b'{"format": 1, "keys": []}',
     b'{"format": 1, "keys": {"a": 1}}', b"[" * 100_000, b" " * (2 << 20)],
)  # fmt: skip
def test_a_foreign_file_is_refused_and_left_as_it_is(new: NewSlot, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "not a key file" in stopped(new).message
    with pytest.raises(VaultLocked):
        KeyFile().create(STORE, bytes(16))
    assert path.read_bytes() == content


@pytest.mark.parametrize("text", ["", "AAAA", "no base64", "é"])
def test_a_damaged_key_is_refused(new: NewSlot, path: Path, text: str) -> None:
    path.write_text(json.dumps({"format": 1, "keys": {new.parameters["entry"]: text}}))
    assert "damaged" in stopped(new).message


def test_the_key_of_another_store_is_not_taken(new: NewSlot) -> None:
    KeyFile().create(os.urandom(16), SLOT)
    KeyFile().forget(new.parameters)
    assert "no key for this store" in stopped(new).message


def test_the_last_key_takes_the_file_with_it(new: NewSlot, path: Path) -> None:
    other = KeyFile().create(os.urandom(16), SLOT)
    KeyFile().forget(new.parameters)
    assert path.exists()
    KeyFile().forget(other.parameters)
    assert not path.exists()


def test_a_slot_that_has_a_key_never_gets_another(new: NewSlot) -> None:
    with pytest.raises(VaultLocked):
        KeyFile().create(STORE, SLOT)
    assert KeyFile().unlock(STORE, SLOT, new.parameters) == new.slot_key


def refused_place(provider: KeyFile, words: str, new: NewSlot) -> None:
    assert words in str(provider.available())
    with pytest.raises(VaultLocked, match=words):
        provider.create(STORE, bytes(16))
    assert words in stopped(new, provider).message


def test_inside_the_data_directory_it_is_refused(new: NewSlot, home: Path) -> None:
    refused_place(KeyFile(home / "data" / "deep" / "key"), "data directory", new)


@posix
def test_a_link_into_the_data_directory_is_seen_through(new: NewSlot, home: Path, tmp_path: Path) -> None:
    (home / "data").mkdir()
    (tmp_path / "innocent").symlink_to(home / "data")
    refused_place(KeyFile(tmp_path / "innocent" / "key"), "data directory", new)


@pytest.mark.parametrize("as_file", [False, True])
def test_in_a_git_work_tree_it_is_refused(new: NewSlot, tmp_path: Path, as_file: bool) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    if as_file:  # a work tree made by `git worktree`
        (tree / ".git").write_text("gitdir: elsewhere")
    else:
        subprocess.run(["git", "init", "-q", str(tree)], check=True)
    refused_place(KeyFile(tree / "deep" / "key"), "git work tree", new)


def test_in_the_served_notebook_folder_it_is_refused(new: NewSlot, tmp_path: Path) -> None:
    refused_place(KeyFile(tmp_path / "nb" / "key", notebook_root=tmp_path / "nb"), "notebook folder", new)


def test_in_a_dot_folder_that_jupyter_does_not_serve_it_is_fine(home: Path, tmp_path: Path) -> None:
    provider = KeyFile(tmp_path / ".config" / "credmagic" / "key", notebook_root=tmp_path)
    new = provider.create(STORE, SLOT)
    assert provider.unlock(STORE, SLOT, new.parameters) == new.slot_key


def test_a_copied_home_opens_at_its_new_place(
    new: NewSlot, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(home, tmp_path / "copy")
    shutil.rmtree(home)
    monkeypatch.setenv("CREDMAGIC_HOME", str(tmp_path / "copy"))
    assert KeyFile().unlock(STORE, SLOT, new.parameters) == new.slot_key


def test_a_directory_that_cannot_be_made_is_a_typed_stop(home: Path) -> None:
    home.mkdir()
    (home / "config").write_text("in the way")
    with pytest.raises((StoreUnusable, VaultLocked)) as caught:
        KeyFile().create(STORE, SLOT)
    assert caught.value.next_step


_MAKE_KEYS = """
import os, json, sys
from credmagic.keys.key_file import KeyFile
made = []
for _ in range(10):
    store, slot = os.urandom(16), os.urandom(16)
    made.append((store.hex(), slot.hex(), KeyFile().create(store, slot).slot_key.hex()))
print(json.dumps(made))
"""


def test_processes_that_add_keys_at_once_lose_none(home: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", _MAKE_KEYS], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    made = [entry for process in running for entry in json.loads(process.communicate(timeout=60)[0])]
    assert len(made) == 30
    for store, slot, key in made:
        parameters = {"entry": f"{store}.{slot}"}
        assert KeyFile().unlock(bytes.fromhex(store), bytes.fromhex(slot), parameters).hex() == key


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("owner", "mode", "words"), [(0, 0o600, "cannot be opened"), (1, 0o644, "another user")])
def test_another_user_is_refused(new: NewSlot, path: Path, owner: int, mode: int, words: str) -> None:
    nobody = 65534
    os.chown(path, owner, owner)
    path.chmod(mode)
    os.chown(path.parent, nobody, nobody)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            for folder in (path.parent.parent, *path.parent.parent.parents):
                if os.stat(folder).st_mode & 0o005 != 0o005:
                    os.chmod(folder, 0o755)  # pytest's folders are root's alone
            os.setuid(nobody)
            KeyFile(path).unlock(STORE, SLOT, new.parameters)
            os.write(writing, b"opened")
        except CredmagicError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert words in answer.read()
