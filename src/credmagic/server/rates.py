"""How many requests may one caller make in a minute?

A fixed window by the monotonic clock, in memory, per caller: no caller can use up another's share. The uses
of values are counted in the vault besides. `CREDMAGIC_RATES=off` switches limits off for load tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from credmagic import settings
from credmagic.errors import RateLimited

WINDOW = 60.0


class TooMany(RateLimited):
    """An allowance is used up."""

    first = False
    """True for the first request of a minute that hears it: one row in the log is enough."""


class _Window:
    """Counts of this minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = clock()
        self._counts: dict[str, int] = {}

    def counted(self, caller: str) -> int:
        """How often `caller` was here, this time included."""
        now = self._clock()
        if now - self._started >= WINDOW:
            self._started = now
            self._counts.clear()
        self._counts[caller] = self._counts.get(caller, 0) + 1
        return self._counts[caller]

    def left(self) -> float:
        """Seconds until it is over."""
        return self._started + WINDOW - self._clock()


class Allowance:
    """`limit` requests a minute for each caller."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._window = _Window(clock)

    def count(self, caller: str) -> None:
        """Count one request. Raises `TooMany` with `details["retry_after"]` in whole seconds."""
        used = 0 if settings.rates_off() else self._window.counted(caller)
        if used > self.limit:
            wait = max(1, round(self._window.left()))
            error = TooMany(
                f"more than {self.limit} requests within a minute",
                next_step=f"Wait {wait} s. A load test switches limits off: CREDMAGIC_RATES=off",
                details={"retry_after": wait},
            )
            error.first = used == self.limit + 1
            raise error


class Patience:
    """How long is a refused caller kept waiting? `free` refusals a minute not at all, then twice as long each time.

    For clients that repeat a 429 for minutes. Only refusals wait: whoever is right is answered at once, also from the
    same address.
    """

    FIRST, LONGEST = 0.1, 2.0

    def __init__(self, free: int = 10, clock: Callable[[], float] = time.monotonic) -> None:
        self.free = free
        self._window = _Window(clock)

    def wait(self, caller: str) -> float:
        """Count one refusal; the seconds to wait before it is said."""
        over = 0 if settings.rates_off() else self._window.counted(caller) - self.free
        return min(self.FIRST * 2 ** min(over - 1, 8), self.LONGEST) if over > 0 else 0.0
