"""What happens when the disk reports an error at the very moment a write should become durable?

strace makes one real `fdatasync` fail with EIO. Nothing may be acknowledged then, and nothing written on top of a disk
whose content is unknown; reading goes on, and opening again is the way back.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from credmagic.store.rows import AuditRow
from credmagic.store.sql import SqlStore
from credmagic.testing.fixtures import require

WRITER = """
import sys
from credmagic.errors import StoreUnusable
from credmagic.store.hot_read import HotRead
from credmagic.store.sql import SqlStore
from credmagic.testing.store_suite import link

path, way = sys.argv[1:]
whole = SqlStore.open(path, create=True)
store = HotRead(path) if way == "hot" else whole
acknowledged = 0
def append():
    global acknowledged
    store.append_audit(link)
    acknowledged += 1
def refusal():
    try:
        while acknowledged < 50:
            append()
    except StoreUnusable as error:
        return error.code + ": " + error.message.rpartition(path)[2]
print(refusal())
print(refusal())
print(store.get_version(b"", 1))
store.close()
store = HotRead(path) if way == "hot" else SqlStore.open(path, create=False)
append()
print(acknowledged)
"""


@pytest.mark.parametrize("way", ["hot", "sql"])
@pytest.mark.parametrize("nth", [12, 25])
def test_a_failed_sync_is_never_acknowledged(tmp_path: Path, way: str, nth: int) -> None:
    require("strace", shutil.which("strace"))
    path = tmp_path / "credmagic.db"
    inject = ["strace", "-qq", "-o", str(tmp_path / "trace"), "-e", f"inject=fdatasync:error=EIO:when={nth}"]

    ran = subprocess.run(
        [*inject, sys.executable, "-c", WRITER, str(path), way], capture_output=True, text=True, timeout=120
    )

    assert ran.stderr == ""
    first, second, read, acknowledged = ran.stdout.splitlines()
    assert first == "store_not_writable:  could not be made durable: the disk reported an error"
    assert second == "store_not_writable:  is read-only since the disk reported an error"
    assert read == "None"
    store = SqlStore.open(path, create=False)
    with store.read() as reader:
        # The refused one may have reached the disk after all: kept whole or not at all, never acknowledged.
        assert 1 < int(acknowledged) <= reader.count(AuditRow) <= int(acknowledged) + 1
    store.close()
