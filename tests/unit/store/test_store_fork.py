"""Does a fork leave both sides with connections of their own?"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from credmagic.errors import StoreUnusable
from credmagic.store.hot_read import HotRead
from credmagic.store.rows import AuditRow
from credmagic.store.sql import SqlStore
from credmagic.testing.store_suite import link

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SqlStore.open(tmp_path / "credmagic.db", create=True).close()
    return tmp_path / "credmagic.db"


def forked(work: Callable[[], object]) -> int:
    """Run `work` in a forked child; its pid. The child ends with 0 when `work` returned, with 13 when refused."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    except StoreUnusable:
        status = 13
    finally:
        os._exit(status)


def status_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def descriptors(path: Path) -> list[str]:
    return [target for fd in os.listdir("/proc/self/fd") if (target := _target(fd)).startswith(str(path))]


def _target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


@pytest.mark.parametrize("way", [HotRead, lambda path: SqlStore.open(path, create=False)])
def test_a_child_inherits_no_open_database(path: Path, way) -> None:
    """20 forks; SQLite's table of file locks would be wrong in the child."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc")
    store = way(path)

    def look() -> None:
        assert descriptors(path) == []
        store.append_audit(link)

    for number in range(20):
        assert store.append_audit(link).seq == 2 * number + 1
        assert descriptors(path)
        assert status_of(forked(look)) == 0
    store.close()


def test_a_child_goes_on_when_its_parent_ends(path: Path, tmp_path: Path) -> None:
    """The last connection of a process takes the journal away; a child that shared its locks would write into nothing."""
    parent = forked(lambda: _fork_and_end(path, tmp_path / "done"))
    assert status_of(parent) == 0
    deadline = time.monotonic() + 30
    while not (tmp_path / "done").exists() and time.monotonic() < deadline:
        time.sleep(0.01)

    store = SqlStore.open(path, create=False)
    with store.read() as reader:
        assert [row.seq for row in reader.find(AuditRow, order=("seq",))] == list(range(1, 22))
    store.close()


def _fork_and_end(path: Path, done: Path) -> None:
    store = HotRead(path)
    store.append_audit(link)
    parent = os.getpid()

    def go_on() -> None:
        store.append_audit(link)
        while os.getppid() == parent:
            time.sleep(0.01)
        for _ in range(19):
            store.append_audit(link)
        done.touch()

    forked(go_on)
    time.sleep(0.1)
    store.close()


@pytest.mark.parametrize("way", [HotRead, lambda path: SqlStore.open(path, create=False)])
def test_a_fork_inside_a_write_is_refused_to_the_child(path: Path, way) -> None:
    store = way(path)

    def build(seq: int, previous: bytes) -> AuditRow:
        assert status_of(forked(lambda: store.append_audit(link))) == 13
        return link(seq, previous)

    assert store.append_audit(build).seq == 1
    store.close()


def test_a_transaction_is_of_no_use_to_a_child(path: Path) -> None:
    store = SqlStore.open(path, create=False)

    with store.transaction() as transaction:
        assert status_of(forked(lambda: transaction.insert(link(1, b"")))) == 13
        transaction.insert(link(1, b""))

    assert store.append_audit(link).seq == 2
    store.close()


def test_postgres_survives_the_fork_of_its_user(database: str) -> None:
    store = SqlStore.open(database, create=True)
    assert store.append_audit(link).seq == 1

    assert status_of(forked(lambda: store.append_audit(link))) == 0

    assert store.append_audit(link).seq == 3
    store.close()


def test_the_helper_tells_a_crash_from_a_refusal() -> None:
    assert status_of(forked(lambda: os.kill(os.getpid(), signal.SIGKILL))) == -signal.SIGKILL
