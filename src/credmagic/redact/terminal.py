"""How is output masked in IPython in a terminal, where there is no message to look at?

`sys.stdout` and `sys.stderr` are replaced by thin proxies while the extension is loaded: results, tracebacks and
prints go through them. Programs that write to the terminal by themselves (subprocesses, `os.write`) do not.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from credmagic.redact import registry
from credmagic.redact.content import FAILED

if TYPE_CHECKING:
    from credmagic.redact.stream import StreamFilter

_NAMES = ("stdout", "stderr")


class FilteredOutput:
    """A text stream that masks what is written; everything else is the wrapped stream's own."""

    def __init__(self, stream: Any) -> None:
        self.wrapped = stream
        self._lock = threading.RLock()
        self._filter: StreamFilter | None = None

    def write(self, text: str) -> int:
        """Write `text` masked; what may be the beginning of a value waits for the next write, flush or cell end."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        matcher = registry.current()
        if matcher is None:
            self.wrapped.write(text)
            return len(text)
        from credmagic.redact.stream import StreamFilter  # loaded with the first value, not with the extension

        with self._lock:
            self._filter = self._filter or StreamFilter()
            try:
                shown = self._filter.feed(text, matcher)
            except Exception:
                shown = FAILED
            self.wrapped.write(shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Show what waits and is too short to be more than chance; flush the stream."""
        self.release(everything=False)
        self.wrapped.flush()

    def release(self, *, everything: bool = True) -> None:
        """Show what waits."""
        matcher = registry.current()
        with self._lock:
            if self._filter is not None and matcher is not None:
                self.wrapped.write(self._filter.release(matcher, everything=everything))
                if everything:
                    self._filter = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)

    def __iter__(self) -> Any:
        return iter(self.wrapped)


def install(ip: Any) -> None:
    """Mask what this process writes to its terminal. Installing twice is harmless."""
    if isinstance(sys.stdout, FilteredOutput):
        return
    for name in _NAMES:
        setattr(sys, name, FilteredOutput(getattr(sys, name)))
    ip.events.register("post_run_cell", _release_all)


def uninstall(ip: Any) -> None:
    """Put the streams back. A stream that somebody else replaced meanwhile is left to them."""
    _release_all()
    for name in _NAMES:
        if isinstance(stream := getattr(sys, name), FilteredOutput):
            setattr(sys, name, stream.wrapped)
    if _release_all in ip.events.callbacks["post_run_cell"]:
        ip.events.unregister("post_run_cell", _release_all)


def _release_all(*_: object) -> None:
    for name in _NAMES:
        if isinstance(stream := getattr(sys, name), FilteredOutput):
            stream.release()
            stream.wrapped.flush()
