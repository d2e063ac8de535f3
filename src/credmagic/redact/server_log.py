"""How is what subprocesses print kept out of the *server's* log?

ipykernel reads file descriptors 1 and 2, shows what it reads in the notebook, and writes the same bytes to the
descriptors the server gave it, which end in its terminal or log. Only the first way passes the kernel's session. Here
a thread of ours stands in the second one.
"""

from __future__ import annotations

import atexit
import codecs
import contextlib
import os
import select
import sys
import threading
from typing import TYPE_CHECKING

from credmagic.redact import registry
from credmagic.redact.content import FAILED

if TYPE_CHECKING:
    from credmagic.redact.stream import StreamFilter

_PAUSE_MS = 50
_echoes: dict[int, Echo] = {}


def install() -> None:
    """Mask the copies of both streams. Harmless when installed, or when the kernel makes no copies."""
    for stream in (sys.stdout, sys.stderr):
        # ipykernel's name for the descriptor; a kernel without it makes no copies.
        copy = getattr(stream, "_original_stdstream_copy", None)
        if copy is not None:
            if copy not in _echoes:
                _echoes[copy] = Echo(copy)
            _echoes[copy].insert()


def uninstall() -> None:
    """Copies go straight to the server again. The pipes stay, for the next time."""
    for echo in _echoes.values():
        echo.withdraw()


class Echo:
    """Masks what is written to a file descriptor, by a pipe in its place and a thread at the other end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._real = os.dup(descriptor)
        self._read, self._write = os.pipe()
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._stream: StreamFilter | None = None
        self._thread = threading.Thread(target=self._run, name="credmagic-log", daemon=True)
        self._thread.start()
        atexit.register(self._drain, os.getpid())

    def insert(self) -> None:
        """From now on the descriptor leads into the pipe: also for those who opened it before."""
        os.dup2(self._write, self._descriptor, inheritable=False)

    def withdraw(self) -> None:
        """The descriptor leads to where it led before."""
        os.dup2(self._real, self._descriptor, inheritable=False)

    def _run(self) -> None:
        ready = select.poll()  # `select.select` refuses descriptors from 1024 on
        ready.register(self._read, select.POLLIN)
        open_ = True
        while open_:
            data = None
            if not self._holding() or ready.poll(_PAUSE_MS):
                data = os.read(self._read, 1 << 16)
                open_ = bool(data)
            with contextlib.suppress(OSError):  # nobody reads the log any more
                _write_all(self._real, self._shown(data, last=not open_))

    def _holding(self) -> bool:
        return self._stream is not None and self._stream.holding

    def _shown(self, data: bytes | None, *, last: bool) -> bytes:
        try:
            matcher = registry.current()
            if matcher is None:
                return data or b""
            from credmagic.redact.stream import StreamFilter  # loaded with the first value

            self._stream = stream = self._stream or StreamFilter()
            text = "" if data is None else stream.feed(self._decoder.decode(data), matcher)
            if last or data is None:
                text += stream.release(matcher, everything=True)
            return text.encode("utf-8", "surrogateescape")
        except Exception:
            return FAILED.encode()

    def _drain(self, pid: int) -> None:
        """At exit: what is in the pipe still reaches the log."""
        if pid == os.getpid():
            self.withdraw()
            os.close(self._write)
            self._thread.join(0.5)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
