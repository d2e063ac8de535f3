"""Where the socket lies: private, short, one a server, and nothing left behind."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from credmagic.errors import StoreUnusable
from credmagic.server.socket_files import MAX_PATH, SocketFile


@pytest.fixture
def short(tmp_path):
    """A directory whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="r-") as made:
        yield Path(made) / "run"


def bound(path):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    return listening


def dead_pid():
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return int(done.stdout)


def test_a_short_directory_holds_the_socket_itself(short):
    place = SocketFile(short)

    assert place.path.parent == short
    assert stat.S_IMODE(short.stat().st_mode) == 0o700
    assert not (short / "socket").exists()


def test_two_servers_never_share_a_name(short):
    assert SocketFile(short).path != SocketFile(short).path


def test_a_long_directory_points_to_a_private_one(short):
    long = short / ("x" * 90)
    place = SocketFile(long)

    assert len(os.fsencode(place.path)) <= MAX_PATH
    assert stat.S_IMODE(place.path.parent.stat().st_mode) == 0o700
    assert (long / "socket").read_text() == f"{place.path.parent}\n"

    place.remove()

    assert not place.path.parent.exists()
    assert not (long / "socket").exists()


def test_the_pointer_lists_every_server_until_it_ends(short):
    long = short / ("x" * 90)
    first, second = SocketFile(long), SocketFile(long)
    third = SocketFile(long)

    assert (long / "socket").read_text().split() == [str(place.path.parent) for place in (first, second, third)]

    second.remove()
    assert (long / "socket").read_text().split() == [str(place.path.parent) for place in (first, third)]
    first.remove()
    third.remove()


def test_the_socket_of_a_killed_server_is_removed_and_others_stay(short):
    mine = SocketFile(short)
    with bound(mine.path), bound(short / "others.sock"):
        stale = short / f"k-{dead_pid()}-00000000.sock"
        bound(stale).close()
        answering = short / f"k-{dead_pid()}-11111111.sock"
        with bound(answering):
            SocketFile(short)

            assert not stale.exists()
            assert answering.exists()
            assert mine.path.exists()
            assert (short / "others.sock").exists()


def test_a_stale_private_directory_goes_and_a_foreign_one_in_the_list_stays(short, tmp_path):
    long = short / ("x" * 90)
    old = Path(tempfile.mkdtemp(prefix=f"cm-{dead_pid()}-"))
    bound(old / "k.sock").close()
    long.mkdir(0o700, parents=True)
    foreign = tmp_path / f"cm-{dead_pid()}-precious"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("precious")
    with (long / "socket").open("a") as pointer:
        pointer.write(f"{old}\n{foreign}\n/nonexistent\n")

    fresh = SocketFile(long)

    assert not old.exists()
    assert (foreign / "thesis.txt").exists()
    assert (long / "socket").read_text().split() == [str(fresh.path.parent)]
    fresh.remove()


def test_a_pointer_that_is_garbage_does_no_harm(short):
    short.mkdir(0o700)
    (short / "socket").write_bytes(b"\xff\xfe\x00")

    assert SocketFile(short).path.parent == short


def test_a_directory_that_others_use_is_refused_and_left_as_it_is(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)

    with pytest.raises(StoreUnusable) as refused:
        SocketFile(shared)

    assert f"chmod 700 {shared}" in refused.value.next_step
    assert stat.S_IMODE(shared.stat().st_mode) == 0o775
    assert list(shared.iterdir()) == []
