"""Is the SQLite file private, safe to share between processes, and refused with a next step when it is not ours?"""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from credmagic.errors import StoreUnusable
from credmagic.store import filesystem, sqlite_file
from credmagic.store.hot_read import HotRead
from credmagic.store.ports import SchemaMismatch
from credmagic.store.rows import AuditRow, CredentialRow
from credmagic.store.sql import SqlStore
from credmagic.testing.store_suite import credential, fill, link


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "credmagic.db"


@pytest.fixture
def store(path: Path):
    store = SqlStore.open(path, create=True)
    yield store
    store.close()


def python(code: str, *arguments: object, **options) -> subprocess.Popen[str]:
    """Another process that runs `code`."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **options,
    )  # fmt: skip


def refused(code: str, call, *arguments: object, **more: object) -> StoreUnusable:
    with pytest.raises(StoreUnusable) as caught:
        call(*arguments, **more)
    assert caught.value.code == code
    assert caught.value.next_step
    assert "locked" not in str(caught.value)
    return caught.value


# Private


def test_only_the_owner_can_read_the_files(path: Path) -> None:
    """Whatever the umask says, also the journal and the shared memory."""
    mask = os.umask(0)
    try:
        store = SqlStore.open(path, create=True)
        store.append_audit(link)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        store.close()
    finally:
        os.umask(mask)

    assert modes == {"credmagic.db": 0o600, "credmagic.db-wal": 0o600, "credmagic.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_directory_that_was_there_keeps_its_modes(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    SqlStore.open(tmp_path / "credmagic.db", create=True).close()

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_both_ways_in_hold_every_setting(store: SqlStore, path: Path) -> None:
    hot = HotRead(path)
    with store.read() as reader:
        for connection in (hot._idle[0], reader._driver):
            for name, value in {**sqlite_file._SETTINGS, "journal_mode": "wal", "busy_timeout": 10_000}.items():
                assert connection.execute(f"PRAGMA {name}").fetchone() in [(value,), None], name
    hot.close()


def test_a_setting_that_does_not_hold_stops_the_opening() -> None:
    connection = sqlite3.connect(":memory:")

    refused("store_not_writable", sqlite_file.hold, connection, "synchronous", 7)

    connection.close()


# What is not a store


def foreign_text(path: Path) -> None:
    path.write_text("a shopping list, not a database " * 40)


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE places (name TEXT)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("make", [foreign_text, foreign_database])
def test_somebody_elses_file_is_refused_and_left_alone(tmp_path: Path, make) -> None:
    path = tmp_path / "other.db"
    make(path)
    before = path.read_bytes()

    refused("not_a_store", SqlStore.open, path, create=True)
    with pytest.raises(SchemaMismatch):
        HotRead(path)

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["other.db"]


def test_an_empty_file_becomes_a_store_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "credmagic.db"
    path.touch()

    refused("not_a_store", SqlStore.open, path, create=False)
    SqlStore.open(path, create=True).close()

    HotRead(path).close()


def test_a_damaged_store_says_so(store: SqlStore, path: Path) -> None:
    fill(store, *(credential(n) for n in range(200)))
    store.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))

    error = refused("not_a_store", SqlStore.open, path, create=True)

    assert "damaged" in error.message


@pytest.mark.parametrize("url", ["mysql://u:hidden-pw@h/x", "sqlite://", "sqlite:///:memory:", "://", "postgresql://h"])
def test_an_unknown_url_is_refused_without_being_quoted(url: str) -> None:
    error = refused("not_a_store", SqlStore.open, url, create=True)

    assert "hidden-pw" not in str(error)
    assert "CREDMAGIC_STORE_URL" in error.next_step


def test_a_password_in_the_url_is_not_shown(canary: str) -> None:
    error = refused("store_not_writable", SqlStore.open, "postgresql://me:hidden-pw@127.0.0.1:1/db", create=False)

    assert "hidden-pw" not in str(error)
    assert "does not answer" in error.message


@pytest.mark.parametrize(
    ("state", "why"),
    [("missing", "no file"), ("9999", "newer"), ("delete", "another journal"), ("empty", "no schema")],
)
def test_the_hot_path_leaves_anything_unusual_to_the_store(path: Path, state: str, why: str) -> None:
    if state == "empty":
        sqlite_file.create(path)
    elif state == "delete":
        SqlStore.open(f"sqlite:///{path}?journal=delete", create=True).close()
    elif state != "missing":
        store = SqlStore.open(path, create=True)
        with store.transaction() as transaction:
            transaction._driver.execute(f"UPDATE credmagic_version SET version_num = '{state}'")
        store.close()

    with pytest.raises(SchemaMismatch):
        HotRead(path)


# What cannot be written


def test_a_place_that_cannot_hold_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    refused("store_not_writable", SqlStore.open, tmp_path / "file" / "credmagic.db", create=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_store_that_may_only_be_read_is_refused() -> None:
    """As another user when the tests run as root (root may write everywhere); else by the file modes alone."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        path = folder / "credmagic.db"
        SqlStore.open(path, create=True).close()
        path.chmod(0o444)
        folder.chmod(0o555)
        child = os.fork()
        if child == 0:
            os._exit(_write_as_nobody(path))

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 13
        folder.chmod(0o700)


def _write_as_nobody(path: Path) -> int:
    try:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        SqlStore.open(path, create=True).append_audit(link)
    except StoreUnusable as error:
        return 13 if error.code == "store_not_writable" else 14
    except BaseException:
        return 15
    return 0


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 0:9 / {tmp_path}/my\\040nas rw - nfs4 nas:/x rw\n")
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    path = tmp_path / "my nas" / "credmagic.db"

    error = refused("store_not_writable", SqlStore.open, path, create=True)
    SqlStore.open(f"sqlite:///{path}?journal=delete", create=True).close()

    assert "nfs4" in error.message
    assert filesystem.type_of(tmp_path, mounts.read_text()) == "ext4"


def test_a_lock_held_too_long_is_store_busy(store: SqlStore, path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    hot, other = HotRead(path, patience=0.1), SqlStore.open(path, create=False, patience=0.1)

    refused("store_busy", hot.append_audit, link)
    refused("store_busy", other.append_audit, link)
    assert other.find_credential([]) is None
    assert hot._idle[0].execute("PRAGMA busy_timeout").fetchone() == (100,)
    holder.execute("ROLLBACK")
    holder.close()

    assert [hot.append_audit(link).seq, other.append_audit(link).seq] == [1, 2]
    hot.close()
    other.close()


def test_a_full_disk_refuses_writes_and_lets_reads_go_on(store: SqlStore, path: Path) -> None:
    fill(store, credential(1))
    hot = HotRead(path)
    pages = hot._idle[0].execute("PRAGMA page_count").fetchone()[0]
    hot._idle[0].execute(f"PRAGMA max_page_count={pages}")

    error = refused("disk_full", hot.append_audit, lambda seq, mac: link(seq, mac, body=bytes(100_000)))

    assert error.http_status == 507
    assert hot.append_audit(link).seq == 1
    hot.close()
    with store.read() as reader:
        assert reader.count(CredentialRow) == 1


# Other processes

WRITER = """if 1:
    import sys
    from credmagic.store.sql import SqlStore
    from credmagic.store.hot_read import HotRead
    from credmagic.testing.store_suite import link
    SqlStore.open(sys.argv[1], create=True).close()
    hot = HotRead(sys.argv[1])
    for _ in range(int(sys.argv[2])):
        hot.append_audit(link)
"""


def test_processes_that_open_first_together_share_one_store(path: Path) -> None:
    """The race for creating, migrating and writing: nobody sees an error, the chain has no gap."""
    children = [python(WRITER, path, 25) for _ in range(3)]

    for child in children:
        _, err = child.communicate(timeout=60)
        assert (child.returncode, err) == (0, "")

    store = SqlStore.open(path, create=False)
    with store.read() as reader:
        assert [row.seq for row in reader.find(AuditRow, order=("seq",))] == list(range(1, 76))
    store.close()


def test_a_killed_holder_of_the_lock_holds_nobody_up(store: SqlStore, path: Path) -> None:
    code = """if 1:
        import sys, time
        from credmagic.store.sql import SqlStore
        from credmagic.testing.store_suite import credential
        with SqlStore.open(sys.argv[1], create=False).transaction() as transaction:
            transaction.insert(credential(1))
            print("locked", flush=True)
            time.sleep(60)
    """
    child = python(code, path)
    assert child.stdout is not None
    assert child.stdout.readline() == "locked\n"

    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    start = time.monotonic()
    fill(store, credential(2))

    assert time.monotonic() - start < 5
    with store.read() as reader:
        assert [row.id for row in reader.find(CredentialRow)] == [credential(2).id]


def test_the_hot_path_imports_no_sql_toolkit(store: SqlStore, path: Path) -> None:
    code = """if 1:
        import sys
        from credmagic.store.hot_read import HotRead
        HotRead(sys.argv[1]).find_credential([(b"", "", b"")])
        print(sorted({name.split(".")[0] for name in sys.modules} & {"sqlalchemy", "alembic", "pydantic", "cryptography"}))
    """
    out, err = python(code, path).communicate(timeout=60)

    assert (out, err) == ("[]\n", "")
