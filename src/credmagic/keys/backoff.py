"""How long must one wait after wrong passphrases?

The store counts (`failures`, `retry_at` of a slot); the rule stands here, as pure functions of numbers.
"""

from __future__ import annotations

from credmagic.errors import VaultLocked
from credmagic.keys.base import OR_RECOVERY

FREE_TRIES = 5
FIRST_WAIT = 30
LONGEST_WAIT = 3600
"""Seconds. Without an end to the doubling, somebody who types nonsense would lock the owner out for days."""


def wait_seconds(failures: int) -> int:
    """Seconds to wait after `failures` wrong tries in a row: 0 up to four, 30 after five, then doubling."""
    if failures < FREE_TRIES:
        return 0
    doublings = min(failures - FREE_TRIES, 16)
    return min(FIRST_WAIT << doublings, LONGEST_WAIT)


def next_retry(failures: int, now: int) -> int:
    """The time (integer microseconds, like `now`) before which no further try is made."""
    return now + wait_seconds(failures) * 1_000_000


def check_retry(retry_at: int, now: int) -> None:
    """Raise `VaultLocked` while the wait lasts (both in microseconds)."""
    left = -((now - retry_at) // 1_000_000)
    # More than the longest wait means that the clock was set back; that must not lock the owner out for years.
    if 0 < left <= LONGEST_WAIT:
        raise VaultLocked(
            f"too many wrong tries: the next one is possible in {left} s",
            next_step=f"Wait, then try again, {OR_RECOVERY}",
            details={"retry_after": left},
        )
