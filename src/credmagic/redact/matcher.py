"""Where in a text is any of thousands of patterns, and what does the text look like without them?

Aho-Corasick over bytes, *overlapping* matches, then merged: leftmost-longest matching would let one pattern hide
another (`{abc, bcdef}` on `abcdef` leaves `def`). Adding a pattern therefore never reveals more. A matcher never
changes; the registry swaps whole matchers.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick

_WINDOW = 1 << 18
"""Bytes scanned in one go: bounds the memory that a text full of matches can take."""
_HEAD = 4
"""Bytes by which a live prefix is found quickly."""
_ESC = b"\x1b"
_ANSI = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|\[[0-?]*[ -/]*\Z|\Z)")
"""Terminal colours and links, and one that is cut off at the end of the text."""


class Hit(NamedTuple):
    """Positions `start` to `end` are to be replaced by `label`."""

    start: int
    end: int
    label: str


def encode(text: str) -> bytes:
    """The bytes a matcher works on."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """Back to text."""
    return data.decode("utf-8", "surrogatepass")


class Matcher:
    """Finds and replaces patterns. Immutable, and safe in several threads."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        """`labels`: pattern → what is written in its place (e.g. `[warehouse.password]`)."""
        self._labels = list(labels.values())
        self._patterns = [encode(pattern) for pattern in labels]
        self.longest = max(map(len, self._patterns), default=0)
        self._automaton = BytesAhoCorasick(self._patterns) if self._patterns else None

    def __len__(self) -> int:
        return len(self._patterns)

    def redact_text(self, text: str) -> str:
        """`text` with every match replaced; the very same object when there is none."""
        return self.replace(text)[0]

    def replace(self, text: str) -> tuple[str, int]:
        """As `redact_text`, and how many places were replaced."""
        data = encode(text)
        hits = self.hits(data)
        return (decode(render(data, hits, 0, len(data))), len(hits)) if hits else (text, 0)

    def find(self, text: str) -> list[Hit]:
        """The matches in `text`, merged, in character positions."""
        data = encode(text)
        return [Hit(len(decode(data[: hit.start])), len(decode(data[: hit.end])), hit.label) for hit in self.hits(data)]

    def hits(self, data: bytes) -> list[Hit]:
        """The matches in `data`, merged, in byte positions; also across terminal colours."""
        found = list(self._scan(data))
        if _ESC in data:
            plain, places = _without_ansi(data)
            found.extend((_place(places, start), _place(places, end - 1) + 1, i) for start, end, i in self._scan(plain))
            found.sort()
        return self._merged(found)

    def _scan(self, data: bytes) -> Iterator[tuple[int, int, int]]:
        """(start, end, pattern) of every match; a match may be told twice."""
        if self._automaton is None:
            return
        step = max(_WINDOW, 2 * self.longest)
        view = memoryview(data)
        for begin in range(0, len(data), step):
            window = data if len(data) <= step else view[begin : begin + step + self.longest]
            for i, start, end in self._automaton.find_matches_as_indexes(window, overlapping=True):
                yield begin + start, begin + end, i

    def _merged(self, found: list[tuple[int, int, int]]) -> list[Hit]:
        """Overlapping matches become one, called after the longest of them."""
        merged: list[Hit] = []
        longest = 0
        for start, end, i in sorted(found):
            length = end - start
            if not merged or start >= merged[-1].end:
                merged.append(Hit(start, end, self._labels[i]))
                longest = length
                continue
            last = merged[-1]
            label = last.label if length <= longest else self._labels[i]
            longest = max(longest, length)
            merged[-1] = Hit(last.start, max(end, last.end), label)
        return merged

    def live_start(self, data: bytes) -> int:
        """Where the longest end of `data` begins that could be the beginning of a match; `len(data)` if none."""
        if _ESC not in data:
            return self._live_start(data)
        plain, places = _without_ansi(data)
        start = self._live_start(plain)
        cut_off = next((m.start() for m in _ANSI.finditer(data) if m.end() == len(data)), len(data))
        return min(_place(places, start), cut_off) if start < len(plain) else cut_off

    def _live_start(self, data: bytes) -> int:
        base = max(0, len(data) - self.longest + 1)
        if self._heads is not None:
            # All heads are of one length, so they are found from left to right.
            for _, start, _ in self._heads.find_matches_as_indexes(memoryview(data)[base:], overlapping=True):
                if self._is_live(data[base + start :]):
                    return base + start
        for length in range(min(_HEAD - 1, len(data)), 0, -1):
            if self._is_live(data[len(data) - length :]):
                return len(data) - length
        return len(data)

    def _is_live(self, tail: bytes) -> bool:
        """True when `tail` is the beginning of a pattern, and not all of it."""
        i = bisect_left(self._sorted, tail)
        if i < len(self._sorted) and self._sorted[i] == tail:
            i += 1
        return i < len(self._sorted) and self._sorted[i].startswith(tail)

    @cached_property
    def _sorted(self) -> list[bytes]:
        return sorted(self._patterns)

    @cached_property
    def _heads(self) -> BytesAhoCorasick | None:
        heads = sorted({pattern[:_HEAD] for pattern in self._patterns if len(pattern) > _HEAD})
        return BytesAhoCorasick(heads) if heads else None


def render(data: bytes, hits: list[Hit], start: int, end: int) -> bytes:
    """`data[start:end]` with every hit that reaches into it replaced by its label; colours inside are kept."""
    parts: list[bytes] = []
    at = start
    for hit in hits:
        first, last = max(hit.start, at), min(hit.end, end)
        if first >= last:
            continue
        parts += (data[at:first], encode(hit.label), *_ANSI.findall(data[first:last]))
        at = last
    parts.append(data[at:end])
    return b"".join(parts)


def _without_ansi(data: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """`data` without terminal sequences, and [(position there, position in `data`)] of each part that stayed."""
    parts: list[bytes] = []
    places: list[tuple[int, int]] = []
    length = at = 0
    for match in _ANSI.finditer(data):
        if match.start() > at:
            places.append((length, at))
            parts.append(data[at : match.start()])
            length += match.start() - at
        at = match.end()
    places.append((length, at))
    parts.append(data[at:])
    return b"".join(parts), places


def _place(places: list[tuple[int, int]], position: int) -> int:
    there, here = places[bisect_left(places, (position + 1,)) - 1]
    return here + position - there
