"""C1: does a writer that is killed at any moment lose something it acknowledged, or leave something half done?

Two writers share one store: one record in three rows with its audit link, then a single audit link, and so on. Each
says through a pipe what was committed. `kill -9` comes at random moments, to one of them or to both at once (then
the next opening must recover the journal). The control acknowledges too early and commits in pieces: it must lose.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from credmagic.store.hot_read import HotRead
from credmagic.store.rows import AuditRow
from credmagic.store.sql import SqlStore
from credmagic.testing.fixtures import require
from credmagic.testing.store_suite import credential, link, version

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
KILLS = int(os.environ.get("CREDMAGIC_TEST_KILLS", "60"))
Acknowledge = Callable[[bytes], object]


def chained(seq: int, previous: bytes, object_id: bytes, action: str) -> AuditRow:
    mac = hashlib.sha256(previous + seq.to_bytes(8, "big") + object_id).digest()
    return link(seq, previous, object_id, action=action, mac=mac)


def careful(path: Path, acknowledge: Acknowledge) -> None:
    """Write as the vault does: all rows of one action in one transaction, acknowledged after the commit."""
    store, hot = SqlStore.open(path, create=False), HotRead(path)
    while True:
        new, used = os.urandom(16), os.urandom(16)
        with store.transaction() as transaction:
            row = credential(id=new, name_ix=new)
            transaction.insert(row)
            transaction.insert(version(row))
            transaction.insert(chained(_next(transaction)[0], _next(transaction)[1], new, "create"))
        acknowledge(new)
        hot.append_audit(lambda seq, previous, used=used: chained(seq, previous, used, "use"))
        acknowledge(used)


def careless(path: Path, acknowledge: Acknowledge) -> None:
    """The control: says "done" before it is, and writes one action in two transactions."""
    store = SqlStore.open(path, create=False)
    while True:
        new = os.urandom(16)
        row = credential(id=new, name_ix=new)
        acknowledge(new)
        time.sleep(0.002)
        with store.transaction() as transaction:
            transaction.insert(row)
        time.sleep(0.002)
        with store.transaction() as transaction:
            transaction.insert(version(row))
            transaction.insert(chained(_next(transaction)[0], _next(transaction)[1], new, "create"))


def _next(transaction) -> tuple[int, bytes]:
    seq, mac = transaction.last_audit()
    return seq + 1, mac


class Writer:
    """A process that writes until it is killed, and what it has acknowledged so far."""

    def __init__(self, path: Path, work: Callable[[Path, Acknowledge], None]) -> None:
        self.acknowledged: list[bytes] = []
        self.lives = True
        self._rest = b""
        self._pipe, end = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._pipe)
                work(path, lambda record: os.write(end, record))
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(end)
        os.set_blocking(self._pipe, False)

    def listen(self) -> None:
        """Take in what was acknowledged meanwhile."""
        while self.lives:
            try:
                heard = os.read(self._pipe, 1 << 16)
            except BlockingIOError:
                return
            if not heard:
                return
            self._rest += heard
            whole = len(self._rest) // 16 * 16
            self.acknowledged += [self._rest[at : at + 16] for at in range(0, whole, 16)]
            self._rest = self._rest[whole:]

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert status == -signal.SIGKILL, "the writer had ended before it was killed"
        self.listen()
        os.close(self._pipe)
        self.lives = False


class Damage:
    """What the kills did, added up."""

    def __init__(self) -> None:
        self.kills = self.acknowledged = self.lost = self.corrupt = self.half_done = 0

    def look(self, path: Path, acknowledged: list[bytes]) -> None:
        """Open the file as the next process would, and compare."""
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            self.corrupt += connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)
            connection.execute("BEGIN")
            there = {row[0] for row in connection.execute("SELECT object_id FROM audit")}
            self.lost += sum(record not in there for record in acknowledged)
            sets = [
                {row[0] for row in connection.execute(query)}
                for query in (
                    "SELECT id FROM credentials",
                    "SELECT credential_id FROM credential_versions",
                    "SELECT object_id FROM audit WHERE action = 'create'",
                )
            ]
            self.half_done += len(set.union(*sets) - set.intersection(*sets))
            self.corrupt += not _is_chain(connection)


def _is_chain(connection: sqlite3.Connection) -> bool:
    previous = b""
    rows = connection.execute("SELECT seq, object_id, mac FROM audit ORDER BY seq")
    for expected, (seq, object_id, mac) in enumerate(rows, start=1):
        if seq != expected or mac != chained(seq, previous, object_id, "").mac:
            return False
        previous = mac
    return True


def torture(folder: Path, work: Callable[[Path, Acknowledge], None], kills: int, seed: int) -> Damage:
    """Kill writers `kills` times; a new store every ten kills keeps the checks quick."""
    chance, damage = random.Random(seed), Damage()
    while damage.kills < kills:
        path = folder / f"{damage.kills}.db"
        SqlStore.open(path, create=True).close()
        writers = [Writer(path, work), Writer(path, work)]
        while True:
            time.sleep(chance.uniform(0.005, 0.12))
            victims = [0, 1] if chance.random() < 0.4 else [chance.randrange(2)]
            heard: list[bytes] = []
            for number in victims:
                writers[number].kill()
            for writer in writers:
                writer.listen()
                heard += writer.acknowledged
            damage.look(path, heard)
            damage.kills += len(victims)
            if damage.kills >= kills or damage.kills % 10 >= 8:
                break
            for number in victims:
                damage.acknowledged += len(writers[number].acknowledged)
                writers[number] = Writer(path, work)
        for number, writer in enumerate(writers):
            damage.acknowledged += len(writer.acknowledged)
            if number not in victims:
                writer.kill()
    return damage


@pytest.fixture(autouse=True)
def _fork() -> None:
    require("fork", hasattr(os, "fork"))


def test_no_kill_loses_breaks_or_halves_a_write(tmp_path: Path, record_property) -> None:
    seed = int(os.environ.get("CREDMAGIC_TEST_SEED", "1"))
    start = time.monotonic()

    damage = torture(tmp_path, careful, KILLS, seed)

    line = f"{damage.kills} kills, {damage.acknowledged} acknowledged writes, seed {seed}, {time.monotonic() - start:.0f} s"
    record_property("figures", line)
    print(line)
    assert damage.kills >= KILLS
    assert damage.acknowledged > 10 * KILLS
    assert (damage.lost, damage.corrupt, damage.half_done) == (0, 0, 0), line


def test_the_control_that_acknowledges_too_early_is_caught(tmp_path: Path) -> None:
    damage = torture(tmp_path, careless, 12, seed=2)

    assert damage.lost
    assert damage.half_done
