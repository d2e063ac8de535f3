"""C2: does a power cut at any moment lose something acknowledged? `kill -9` cannot tell: the kernel still has it.

The real store writes under strace: creating the file, several openings, checkpoints, the journal made and removed. Its
system calls are replayed on a model of a disk that keeps what was synced and anything between nothing and all of the rest.
Each possible content is opened as the next process would. The same program without the syncs must lose.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from credmagic.testing.fixtures import require
from security.disk import Call, Disk
from security.recording import record

CUTS = int(os.environ.get("CREDMAGIC_TEST_CUTS", "4000"))
CONTROL_CUTS = max(500, CUTS // 100)
SEED = int(os.environ.get("CREDMAGIC_TEST_SEED", "1"))
FULL, NORMAL, OFF = 2, 1, 0

WRITER = """
import os, sys
from pathlib import Path
from credmagic.store import sqlite_file
from credmagic.store.hot_read import HotRead
from credmagic.store.sql import SqlStore
from credmagic.testing.store_suite import credential, link, version

folder, synchronous, journal = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
sqlite_file._SETTINGS |= {"synchronous": synchronous, "wal_autocheckpoint": 25}  # many checkpoints in little time
said = os.open(folder / "said", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
number = 0

def create(store):
    global number
    number += 1
    row = credential(number)
    with store.transaction() as transaction:
        transaction.insert(row)
        transaction.insert(version(row))
        seq, mac = transaction.last_audit()
        transaction.insert(link(seq + 1, mac, row.id, action="create"))
    os.write(said, row.id)

def use(store):
    global number
    number += 1
    used = credential(number).id
    store.append_audit(lambda seq, mac: link(seq, mac, used))
    os.write(said, used)

for opening in range(4):
    store = SqlStore.open(f"sqlite:///{folder / 'credmagic.db'}?journal={journal}", create=True)
    hot = HotRead(folder / "credmagic.db") if journal == "wal" else store
    for _ in range(12):
        create(store)
        use(hot)
    hot.close()
    store.close()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the possible disks are laid out: in memory if there is such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="cm-cut-", dir=memory if os.access(memory, os.W_OK) else None) as directory:
        yield Path(directory)


def recorded(tmp_path: Path, synchronous: int, journal: str = "wal") -> list[Call]:
    require("strace", shutil.which("strace"))
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    command = [sys.executable, "-c", WRITER, str(folder), str(synchronous), journal]
    calls = record(command, folder, tmp_path / "trace")
    kinds = Counter(call.what for call in calls)
    assert kinds["say"] == 96
    assert kinds["write"] > 500
    assert kinds["make"] >= 5
    assert kinds["remove"] >= 4
    return calls


def cut(calls: list[Call], folder: Path, cuts: int, seed: int) -> Counter[str]:
    """Cut the power `cuts` times at random moments of the replay; how often something was lost or corrupt."""
    chance, disk, harm = random.Random(seed), Disk(), Counter[str]()
    moments = Counter(chance.randrange(len(calls)) for _ in range(cuts))
    for number, call in enumerate(calls):
        disk.do(call)
        for _ in range(moments[number]):
            harm["cuts"] += 1
            harm[_verdict(disk.after_power_cut(chance), disk.said, folder)] += 1
    return harm


def _verdict(content: dict[str, bytes], said: list[bytes], folder: Path) -> str:
    for name in os.listdir(folder):
        os.unlink(folder / name)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    path = folder / "credmagic.db"
    if not path.exists():
        return "lost" if said else "fine"
    try:
        with closing(sqlite3.connect(path)) as connection:
            return _looked_at(connection, said)
    except sqlite3.DatabaseError:
        return "corrupt"


def _looked_at(connection: sqlite3.Connection, said: list[bytes]) -> str:
    if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
        return "corrupt"
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").fetchone():
        return "lost" if said else "fine"
    chain = connection.execute("SELECT seq, object_id, action FROM audit ORDER BY seq").fetchall()
    if not set(said) <= {row[1] for row in chain}:
        return "lost"
    created = {row[1] for row in chain if row[2] == "create"}
    whole = all(
        {row[0] for row in connection.execute(query)} == created
        for query in ("SELECT id FROM credentials", "SELECT credential_id FROM credential_versions")
    )
    return "fine" if whole and [row[0] for row in chain] == list(range(1, len(chain) + 1)) else "half done"


@pytest.mark.parametrize(("journal", "cuts"), [("wal", CUTS), ("delete", CUTS // 8)])
def test_no_power_cut_loses_breaks_or_halves_a_write(
    tmp_path: Path, folder: Path, journal: str, cuts: int, record_property
) -> None:
    start = time.monotonic()

    harm = cut(recorded(tmp_path, FULL, journal), folder, cuts, SEED)

    line = f"journal {journal}: {dict(harm)}, seed {SEED}, {time.monotonic() - start:.0f} s"
    record_property("figures", line)
    print(line)
    assert harm == {"cuts": cuts, "fine": cuts}, line


@pytest.mark.parametrize("synchronous", [OFF, NORMAL])
def test_the_same_program_with_fewer_syncs_loses(tmp_path: Path, folder: Path, synchronous: int) -> None:
    """The controls: a simulation that finds nothing here would find nothing anywhere."""
    harm = cut(recorded(tmp_path, synchronous), folder, CONTROL_CUTS, SEED)

    print(dict(harm))
    assert harm["lost"] > CONTROL_CUTS // 10
    assert (harm["corrupt"] > 0) == (synchronous == OFF)
