"""Does a path lie on a file system whose locks a database must not trust?

SQLite's WAL needs memory shared between its users, which no network file system gives. Linux only: elsewhere there
is no cheap way to ask, and SQLite's own check of the shared memory is what remains.
"""

from __future__ import annotations

import re
from pathlib import Path

from credmagic.errors import StoreUnusable

_NETWORK = re.compile(r"nfs\d?|cifs|smb\d?|smbfs|afs|9p|ceph|glusterfs|lustre|davfs|fuse\.(sshfs|s3fs|rclone|gcsfuse)")
_MOUNTS = Path("/proc/self/mountinfo")


def type_of(path: Path, mounts: str) -> str:
    """The file system type that holds `path`, by the text of `/proc/self/mountinfo`; "" when unknown."""
    best, found = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        where = before.split()[4:5]
        if not where or not after:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), where[0]))
        if len(point.parts) >= best and path.is_relative_to(point):
            best, found = len(point.parts), after.split()[0]
    return found


def refuse_network(path: Path) -> None:
    """Raises `StoreUnusable` when `path` lies on a network file system."""
    try:
        kind = type_of(path.resolve(), _MOUNTS.read_text())
    except OSError:
        return
    if _NETWORK.fullmatch(kind):
        raise StoreUnusable(
            f"the store {path} lies on a network file system ({kind}), where its journal is not safe",
            code="store_not_writable",
            next_step=f"Use a local disk, or the slow way: CREDMAGIC_STORE_URL='sqlite:///{path}?journal=delete'",
        )
