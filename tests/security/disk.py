"""What may a disk hold after a power cut?

A small model: what was written reaches the platter when its file was synced, and may reach it, whole or in pieces and in
any order, before that. Names of files (made, removed, renamed) are the directory's content and reach it when the
directory was synced. Stricter than ext4 and APFS are: what holds here holds there.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

SECTOR = 512


class Call(NamedTuple):
    """One recorded system call that matters: `what` is make, write, truncate, sync, sync_names, remove, rename or say.

    `inode` tells files apart, also two of one name; `data` is what was written or said (acknowledged).
    """

    what: str
    inode: int = 0
    name: str = ""
    offset: int = 0
    data: bytes = b""
    to: str = ""


@dataclass
class _File:
    safe: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)


class Disk:
    """The state of one directory while calls are replayed on it."""

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._pending_names: list[Call] = []
        self.said: list[bytes] = []

    def do(self, call: Call) -> None:
        """Replay one call."""
        if call.what == "say":
            self.said.append(call.data)
        elif call.what in ("make", "remove", "rename"):
            self._files.setdefault(call.inode, _File())
            self._pending_names.append(call)
        elif call.what == "sync_names":
            _rename_all(self._names, self._pending_names)
            self._pending_names = []
        elif call.what == "sync":
            file = self._files[call.inode]
            _write_all(file.safe, file.pending)
            file.pending = []
        else:
            self._files[call.inode].pending.append(call)

    def after_power_cut(self, chance: random.Random) -> dict[str, bytes]:
        """One possible content of the directory if the power went now: file name → content."""
        how = chance.choice(["dropped", "kept", "prefix", "subset", "torn"])
        names = dict(self._names)
        _rename_all(names, _some(self._pending_names, "prefix" if how == "torn" else how, chance))
        content: dict[str, bytes] = {}
        for name, inode in names.items():
            file = self._files[inode]
            platter = bytearray(file.safe)
            _write_all(platter, _some(file.pending, how, chance))
            content[name] = bytes(platter)
        return content


def _some(pending: list[Call], how: str, chance: random.Random) -> Iterable[Call]:
    if how == "dropped" or not pending:
        return []
    if how == "kept":
        return pending
    if how == "prefix":
        return pending[: chance.randrange(len(pending) + 1)]
    likely = chance.choice([0.1, 0.5, 0.9])
    if how == "subset":
        return [call for call in pending if chance.random() < likely]
    return [piece for call in pending for piece in _sectors(call) if chance.random() < likely]


def _sectors(call: Call) -> Iterable[Call]:
    """A write in the pieces that a disk writes as one."""
    at, end = call.offset, call.offset + len(call.data)
    if call.what != "write":
        return [call]
    pieces = []
    while at < end:
        stop = min(end, (at // SECTOR + 1) * SECTOR)
        pieces.append(call._replace(offset=at, data=call.data[at - call.offset : stop - call.offset]))
        at = stop
    return pieces


def _write_all(content: bytearray, calls: Iterable[Call]) -> None:
    for call in calls:
        if call.what == "truncate":
            del content[call.offset :]
            content.extend(bytes(call.offset - len(content)))
            continue
        content.extend(bytes(max(0, call.offset - len(content))))
        content[call.offset : call.offset + len(call.data)] = call.data


def _rename_all(names: dict[str, int], calls: Iterable[Call]) -> None:
    for call in calls:
        if call.what == "make":
            names[call.name] = call.inode
        elif call.what == "remove":
            names.pop(call.name, None)
        elif call.name in names:
            names[call.to] = names.pop(call.name)
