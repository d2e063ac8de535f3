"""How is a value found that reaches a stream in pieces?

What could be the beginning of a value is held back until the next piece tells, or until `release`. What had to be
released is remembered: if the rest of the value follows, the rest is masked.
"""

from __future__ import annotations

from credmagic.masking import MIN_LENGTH
from credmagic.redact.matcher import Matcher, decode, encode, render

_LONGEST_HELD = 1 << 20
"""Bytes. Text that only ever continues matches (by design of its author) is let go, masked, beyond this."""


class StreamFilter:
    """The state between two pieces of one stream. Not thread-safe: its owner locks."""

    def __init__(self) -> None:
        self._shown = b""  # released, and possibly the beginning of a value
        self._held = b""

    @property
    def holding(self) -> bool:
        """True when some text waits for its continuation."""
        return bool(self._held)

    def feed(self, text: str, matcher: Matcher) -> str:
        """What may be shown now of everything that came."""
        data = self._shown + self._held + encode(text)
        start = len(self._shown)
        hits = matcher.hits(data)
        live = matcher.live_start(data)
        cut = max(live, start)
        for hit in hits:
            if hit.start < cut < hit.end:  # a match that may yet grow is replaced once, when it is complete
                live, cut = min(live, hit.start), max(hit.start, start)
        if len(data) - cut > _LONGEST_HELD:
            cut = len(data)
        self._shown, self._held = data[live:cut], data[cut:]
        if not hits and cut == len(data) == len(text):  # the usual case costs no copy
            return text
        return decode(render(data, hits, start, cut))

    def release(self, matcher: Matcher, *, everything: bool) -> str:
        """Let go what is held: all of it, or only what is too short to be more than chance."""
        data = self._shown + self._held
        live = matcher.live_start(data)
        if not self._held or (not everything and len(data) - live >= MIN_LENGTH):
            return ""
        start = len(self._shown)
        self._shown, self._held = data[live:], b""
        return decode(render(data, matcher.hits(data), start, len(data)))
