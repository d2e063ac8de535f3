"""Which values must not be seen in the output of this process?

`use` registers what it hands out, at once and cheaply; the matcher is built when output comes next, in the thread
that has to write. Readers get an immutable matcher. Values stay registered for the life of the process: an older
version of a password is still a password.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credmagic.redact.matcher import Matcher

_lock = threading.Lock()
_starting = threading.Lock()
_seen: set[tuple[str, str, str]] = set()
_new: list[tuple[str, str, str, Collection[str]]] = []
_starts: list[Callable[[], None]] = []
_labels: dict[str, str] = {}
_matcher: Matcher | None = None


def register(name: str, secrets: Mapping[str, str], public_values: Iterable[object] = ()) -> None:
    """Mask the values of `secrets` (field → value) of the credential `name` from now on.

    `public_values` are that credential's public fields: a secret equal to one of them is left alone.
    """
    public: Collection[str] | None = None
    for field, value in secrets.items():
        key = (name, field, str(value))
        if key in _seen:
            continue
        if public is None:
            public = frozenset(str(p) for p in public_values if isinstance(p, str | int) and p != "")
        with _lock:
            _seen.add(key)
            _new.append((*key, public))
    if _starts:
        _start()


def _start() -> None:
    with _starting:
        while _starts:  # one that fails stays, so that no later value gets past it
            _starts[-1]()
            _starts.pop()


def at_first_value(start: Callable[[], None]) -> None:
    """Call `start` before the first value is out; at once if there is one already."""
    if _seen:
        start()
    else:
        _starts.append(start)


def forget_start(start: Callable[[], None]) -> None:
    """Do not call `start` any more."""
    if start in _starts:
        _starts.remove(start)


def current() -> Matcher | None:
    """The matcher for everything registered so far; None when there is nothing to look for."""
    return _rebuilt() if _new else _matcher


def _rebuilt() -> Matcher | None:
    global _matcher
    # Imported with the first value: a notebook that uses no credential never loads the automaton.
    from credmagic.masking import mask
    from credmagic.redact.encodings import patterns
    from credmagic.redact.matcher import Matcher

    with _lock:
        if _new:
            for name, field, value, public in _new:
                for pattern in patterns(value, public):
                    _labels.setdefault(pattern, mask(name, field))
            if _labels:
                _matcher = Matcher(_labels)
            _new.clear()
        return _matcher


def clear() -> None:
    """Forget every value (when the extension is unloaded, and between tests)."""
    global _matcher
    with _lock:
        _seen.clear()
        _new.clear()
        _labels.clear()
        _matcher = None


def _renew_locks() -> None:
    global _lock, _starting
    _lock, _starting = threading.Lock(), threading.Lock()


_starting = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
