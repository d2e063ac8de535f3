"""Which system calls did a program really make on the files of one directory? Asked of strace."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from security.disk import Call

# Anything that can change a file. A call of this list that the reader below does not know stops the recording.
_TRACED = (
    "openat,open,creat,close,dup,dup2,dup3,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,"
    "fsync,fdatasync,sync_file_range,msync,unlink,unlinkat,rename,renameat,renameat2,link,linkat,sendfile,copy_file_range"
)
_LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def record(command: Sequence[str], folder: Path, trace: Path) -> list[Call]:
    """Run `command` under strace; its calls on files directly in `folder`, in order.

    A write to a file called `said` there is an acknowledgement (`say`); it is not part of the disk.
    """
    subprocess.run(
        ["strace", "-qq", "-xx", "-s", "1000000", "-e", "signal=none", "-e", f"trace={_TRACED}", "-o", str(trace), *command],
        check=True, timeout=120,
    )  # fmt: skip
    with trace.open() as lines:
        return list(_Reader(folder).read(lines))


class _Reader:
    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._inodes: dict[str, int] = {}
        self._open: dict[str, tuple[str, int]] = {}  # file descriptor → (name, inode); the folder itself is ("", 0)
        self._count = 0

    def read(self, lines: Iterator[str]) -> Iterator[Call]:
        for line in lines:
            match = _LINE.match(line)
            if match is None:
                assert "unfinished" not in line, "a recorded program must have one thread"
                continue
            name, arguments, result = match.groups()
            if int(result) >= 0:
                yield from self._one(name, arguments, result)

    def _one(self, name: str, arguments: str, result: str) -> Iterator[Call]:
        if name in ("openat", "open", "creat"):
            yield from self._opened(arguments, result)
        elif name in ("unlink", "unlinkat"):
            file = self._inside(_text(arguments))
            if file and file in self._inodes:
                del self._inodes[file]
                yield Call("remove", name=file)
        elif name in ("rename", "renameat", "renameat2"):
            assert not any(self._inside(path) for path in _texts(arguments)), "renames are not replayed"
        else:
            yield from self._on_descriptor(name, arguments, result)

    def _opened(self, arguments: str, result: str) -> Iterator[Call]:
        path = _text(arguments)
        self._open.pop(result, None)
        if path == self._folder:
            self._open[result] = ("", 0)
            return
        file = self._inside(path)
        if not file or file.endswith("-shm"):  # shared memory: worthless after a power cut, rebuilt by whoever opens
            return
        if file not in self._inodes:
            assert "O_CREAT" in arguments
            self._count += 1
            self._inodes[file] = self._count
            if file != "said":
                yield Call("make", self._count, file)
        assert "O_TRUNC" not in arguments
        self._open[result] = (file, self._inodes[file])

    def _on_descriptor(self, name: str, arguments: str, result: str) -> Iterator[Call]:
        descriptor = arguments.split(",", 1)[0]
        if descriptor not in self._open:
            return
        file, inode = self._open[descriptor]
        if name == "close":
            del self._open[descriptor]
        elif file == "said":
            yield Call("say", data=_bytes(arguments))
        elif name == "pwrite64":
            data = _bytes(arguments)
            assert len(data) == int(result)
            yield Call("write", inode, offset=int(arguments.rsplit(",", 1)[1]), data=data)
        elif name == "ftruncate":
            yield Call("truncate", inode, offset=int(arguments.rsplit(",", 1)[1]))
        elif name in ("fsync", "fdatasync"):
            yield Call("sync", inode) if file else Call("sync_names")
        else:
            raise AssertionError(f"{name} on {file} is not replayed")

    def _inside(self, path: str) -> str:
        head, tail = os.path.split(path)
        return tail if head == self._folder else ""


def _texts(arguments: str) -> list[str]:
    return [bytes.fromhex(text.replace("\\x", "")).decode() for text in _TEXT.findall(arguments)]


def _text(arguments: str) -> str:
    return _texts(arguments)[0]


def _bytes(arguments: str) -> bytes:
    match = _TEXT.search(arguments)
    assert match is not None
    return bytes.fromhex(match[1].replace("\\x", ""))
