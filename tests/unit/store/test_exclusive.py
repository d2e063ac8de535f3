"""One holder at a time beside a SQLite file: what it leaves there, what it survives, what it says when it cannot."""

import os
import stat
import threading
from contextlib import ExitStack

import pytest

from credmagic.errors import StoreUnusable
from credmagic.store import exclusive
from credmagic.testing.fixtures import require

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def database(tmp_path):
    return tmp_path / "credmagic.db"


def there(database):
    return list(database.parent.iterdir())


def test_the_file_is_there_only_while_it_is_held_and_names_nothing(database):
    with exclusive.beside(database, b"Kanari-name"):
        [file] = there(database)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_bytes() == b""
        assert "Kanari" not in file.name
    assert there(database) == []


def test_what_a_killed_holder_left_is_taken_over(database):
    with exclusive.beside(database, b"name"):
        [file] = there(database)
    file.touch()
    with exclusive.beside(database, b"name", patience=0.1):
        pass
    assert there(database) == []


def test_many_take_turns_while_the_file_comes_and_goes(database):
    count = [0]

    def add():
        for _ in range(50):
            with exclusive.beside(database, b"name"):
                before = count[0]
                os.sched_yield()
                count[0] = before + 1

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert count == [400]


def test_a_file_that_its_holder_removed_meanwhile_is_no_turn(database, monkeypatch):
    """The holder lets go between our opening the file and our locking it: then it is nobody's file."""
    lock, holder = exclusive._lock, ExitStack()
    holder.enter_context(exclusive.beside(database, b"name"))

    def late(descriptor):
        monkeypatch.setattr(exclusive, "_lock", lock)
        holder.close()
        lock(descriptor)

    monkeypatch.setattr(exclusive, "_lock", late)
    with exclusive.beside(database, b"name"):
        assert len(there(database)) == 1
        with pytest.raises(StoreUnusable), exclusive.beside(database, b"name", patience=0.1):
            pass


@pytest.mark.parametrize("how", ["no directory", "a link"])
def test_where_nothing_can_be_locked_it_says_what_helps(database, tmp_path, how):
    place = database
    if how == "no directory":
        place = tmp_path / "gone" / "credmagic.db"
    else:
        with exclusive.beside(database, b"name"):
            [file] = there(database)
        file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnusable) as caught, exclusive.beside(place, b"name", patience=0.1):
        pass
    assert caught.value.code == "store_not_writable"
    assert "chmod 700" in caught.value.next_step
    assert not (tmp_path / "elsewhere").exists()


def test_a_child_that_leaves_the_block_frees_nothing(database):
    require("fork", hasattr(os, "fork"))
    with ExitStack() as held:
        held.enter_context(exclusive.beside(database, b"name"))
        child = os.fork()
        if child == 0:
            held.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert len(there(database)) == 1
        with pytest.raises(StoreUnusable), exclusive.beside(database, b"name", patience=0.1):
            pass
