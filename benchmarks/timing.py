"""How is something timed so that its ratio to the limit beside it can be trusted?

Both are run in turn, A B A B …, in one process or one run; the median of each side is taken, then their ratio. Absolute
times depend on the machine; the ratio does not.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: a path, what it took, the limit measured beside it, and the budget for their ratio."""

    path: str
    ours: float
    limit: float
    limit_name: str
    budget: float
    unit: bool = True
    """False for a ratio of ratios."""

    @property
    def ratio(self) -> float:
        return self.ours / self.limit

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """The row as texts: path, ours, limit, ratio, budget, verdict."""
        met = "met" if self.ratio <= self.budget else "MISSED"
        shown = readable if self.unit else "{:.2f}".format
        limit = f"{shown(self.limit)} ({self.limit_name})"
        return self.path, shown(self.ours), limit, f"{self.ratio:.2f}", f"≤ {self.budget:g}", met


def readable(seconds: float) -> str:
    """Seconds as µs, ms or s with three digits."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or unit == "µs":
            return f"{seconds * factor:.3g} {unit}"
    raise AssertionError


def once(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


Work = Callable[[], object]


def paired(ours: Work, limit: Work, rounds: int, *, warm: int = 3) -> tuple[float, float]:
    """Median seconds of each, run in turn `rounds` times after `warm` uncounted rounds."""
    for _ in range(warm):
        ours()
        limit()
    gc.collect()
    gc.disable()
    try:
        times = [(once(ours), once(limit)) for _ in range(rounds)]
    finally:
        gc.enable()
    return statistics.median(a for a, _ in times), statistics.median(b for _, b in times)
