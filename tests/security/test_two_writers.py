"""C7: do a kernel and a server that write one file at the same time ever see an error, or lose a link of the chain?

The kernel side appends through the hot path, the server side creates through SQLAlchemy, both as fast as they can. A third
process takes the lock again and again and is killed while it holds it.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from credmagic.store.rows import AuditRow, CredentialRow, VersionRow
from credmagic.store.sql import SqlStore

SECONDS = float(os.environ.get("CREDMAGIC_TEST_SECONDS", "10"))

COMMON = """
import json, os, sys, time
from credmagic.store.hot_read import HotRead
from credmagic.store.sql import SqlStore
from credmagic.testing.store_suite import credential, link, version

path, end = sys.argv[1], time.monotonic() + float(sys.argv[2])
took, done = [], 0

def report():
    took.sort()
    print(json.dumps({"done": done, "p99": took[len(took) * 99 // 100], "max": took[-1]}))
"""
KERNEL = (
    COMMON
    + """
hot = HotRead(path)
while time.monotonic() < end:
    start = time.monotonic()
    hot.append_audit(link)
    took.append(time.monotonic() - start)
    done += 1
report()
"""
)
SERVER = (
    COMMON
    + """
store = SqlStore.open(path, create=False)
while time.monotonic() < end:
    row = credential(id=os.urandom(16), name_ix=os.urandom(16))
    start = time.monotonic()
    with store.transaction() as transaction:
        seq, mac = transaction.last_audit()
        transaction.insert(row)
        transaction.insert(version(row))
        transaction.insert(link(seq + 1, mac, row.id))
    took.append(time.monotonic() - start)
    done += 1
report()
"""
)
HOLDER = """
import sys, time
from credmagic.store import sqlite_file
from pathlib import Path
connection = sqlite_file.connect(Path(sys.argv[1]))
while True:
    sqlite_file.begin_immediate(connection)
    connection.execute("DELETE FROM audit")
    time.sleep(0.02)
    connection.execute("ROLLBACK")
    time.sleep(0.1)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_kernel_and_a_server_write_one_file(tmp_path: Path, record_property) -> None:
    path = tmp_path / "credmagic.db"
    SqlStore.open(path, create=True).close()
    chance, killed = random.Random(7), 0

    writers = [start(KERNEL, path, SECONDS), start(SERVER, path, SECONDS)]
    while any(writer.poll() is None for writer in writers):
        holder = start(HOLDER, path)
        time.sleep(chance.uniform(0.3, 0.8))
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
        killed += 1

    results = [writer.communicate(timeout=60) for writer in writers]
    assert [err for _, err in results] == ["", ""]
    kernel, server = (json.loads(out) for out, _ in results)
    line = f"kernel {kernel}, server {server}, {killed} holders of the lock killed"
    record_property("figures", line)
    print(line)
    store = SqlStore.open(path, create=False)
    with store.read() as reader:
        chain = reader.find(AuditRow, order=("seq",))
        assert reader.count(CredentialRow) == reader.count(VersionRow) == server["done"]
    store.close()
    assert [row.seq for row in chain] == list(range(1, kernel["done"] + server["done"] + 1))
    assert all(row.body == b"after " + previous.mac for previous, row in itertools.pairwise(chain))
    assert min(kernel["done"], server["done"]) > 100
