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


class Allowance:
    """`limit` requests a minute for each caller."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._started = clock()
        self._counts: dict[str, int] = {}

    def count(self, caller: str) -> None:
        """Count one request. Raises `RateLimited` with `details["retry_after"]` in whole seconds."""
        if settings.rates_off():
            return
        now = self._clock()
        if now - self._started >= WINDOW:
            self._started = now
            self._counts.clear()
        used = self._counts[caller] = self._counts.get(caller, 0) + 1
        if used > self.limit:
            wait = max(1, round(self._started + WINDOW - now))
            raise RateLimited(
                f"more than {self.limit} requests within a minute",
                next_step=f"Wait {wait} s. A load test switches limits off: CREDMAGIC_RATES=off",
                details={"retry_after": wait},
            )
