"""How often may one kernel ask, and when is asking suspicious?

Limits (SECURITY §6): uses per minute and kernel; more than `bulk` distinct credentials in a minute is recorded once,
more than `distinct` is refused. Signing in is counted in the store (`throttle.py`). `CREDMAGIC_RATES=off` switches all
of it off for load tests.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from credmagic import settings
from credmagic.errors import RateLimited

WINDOW = 60.0


@dataclass(frozen=True)
class Limits:
    """Per minute and kernel; of signing in, per minute and what the name says."""

    uses: int = 60_000
    bulk: int = 100
    distinct: int = 1_000
    sign_ins_of_an_id: int = 600
    failures_of_an_id: int = 10
    failures_of_an_address: int = 60
    free_failures: int = 5
    """In a row, of one id from one address, before the next try has to wait."""


@dataclass
class _Window:
    started: float
    uses: int = 0
    seen: set[bytes] = field(default_factory=set)
    bulk_said: bool = False


class Rates:
    """Counts uses in fixed windows of one minute per kernel (monotonic clock)."""

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or Limits()
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._order: deque[str] = deque()

    def use(self, kernel: str, credential_id: bytes) -> bool:
        """Count one use; True when this one makes the minute a `bulk_use` that must be recorded.

        Raises `RateLimited` with `details["retry_after"]` in seconds.
        """
        if settings.rates_off():
            return False
        now = self._clock()
        window = self._window(kernel, now)
        window.uses += 1
        window.seen.add(credential_id)
        if window.uses > self.limits.uses or len(window.seen) > self.limits.distinct:
            wait = max(1, round(window.started + WINDOW - now))
            raise RateLimited(
                "too many credentials used within a minute",
                next_step=f"Wait {wait} s. A load test switches limits off: CREDMAGIC_RATES=off",
                details={"retry_after": wait},
            )
        if len(window.seen) > self.limits.bulk and not window.bulk_said:
            window.bulk_said = True
            return True
        return False

    def _window(self, kernel: str, now: float) -> _Window:
        window = self._windows.get(kernel)
        if window is None or now - window.started >= WINDOW:
            if window is None:
                self._order.append(kernel)
                if len(self._order) > 4096:  # kernels come and go; the oldest count is long over
                    self._windows.pop(self._order.popleft(), None)
            window = self._windows[kernel] = _Window(now)
        return window
