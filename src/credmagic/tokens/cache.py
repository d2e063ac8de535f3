"""When is a token fetched, and by whom, so that code always has a fresh one and the provider is asked once?

In memory only. Per credential one thread asks while others wait, or go on with a token that is still good. A token is
renewed at 80 % of its life and at least a minute before its end; chance makes it a little earlier, so that many kernels
do not come at once. After a refusal the provider is left in peace for a while, longer each time.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from credmagic.errors import CredmagicError, StoreUnusable, TokenRefused, Unreachable
from credmagic.values import SecretStr, Token

SHARE = 0.8
"""Of a token's life after which it is renewed."""
MARGIN = 60.0
"""Seconds before its end by which it is renewed in any case, if it lives long enough."""
JITTER = 0.1
"""Share of the life by which renewal may come earlier."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds for which a refusal is repeated without asking again; doubled each time."""


@dataclass(frozen=True)
class Held:
    """A token and when it is old."""

    token: Token
    renew_at: float
    """Wall clock, seconds since 1970; `inf` for a token that lives until it is refused."""
    ends_at: float
    fetched: tuple[float, float]
    """Wall clock and monotonic clock when it came: whichever says first that it is old is right."""

    def older_than(self, moment: float, clock: tuple[float, float]) -> bool:
        """Whether `moment` has passed, also by the clock that nobody can set."""
        return clock[0] >= moment or self.fetched[0] + (clock[1] - self.fetched[1]) >= moment


@dataclass
class _Slot:
    """What is known of one credential."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    held: dict[Hashable, Held] = field(default_factory=dict)
    refusal: CredmagicError | None = None
    refused_for: Hashable = None
    asked_again_at: float = 0.0
    pause: float = 0.0


Fetch = Callable[[], Token]


class TokenCache:
    """The tokens of one open vault. Thread-safe."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.clock = clock
        """Seconds since 1970, for the cache and for the exchanges that fill it."""
        self._ticks, self._chance = ticks, chance
        self._slots: dict[bytes, _Slot] = {}
        self._guard = threading.Lock()
        self.fetched = 0
        """How many tokens came in so far: it differs whenever `issued` may differ."""

    def get(self, credential_id: bytes, state: Hashable, fetch: Fetch) -> Token:
        """A token of that credential in that state (its version, say) that is not about to end.

        `fetch` is called by one thread at a time.
        Raises what `fetch` raises, and for a while after a refusal the same again without calling it.
        """
        with self._guard:
            slot = self._slots.setdefault(credential_id, _Slot())
        held = slot.held.get(state)
        if held and not held.older_than(held.renew_at, self._now()):
            return held.token
        still_good = held is not None and not held.older_than(held.ends_at - MARGIN, self._now())
        if not slot.lock.acquire(blocking=not still_good):
            assert held is not None
            return held.token  # somebody else is renewing it
        try:
            return self._renewed(slot, state, fetch).token
        finally:
            slot.lock.release()

    def _renewed(self, slot: _Slot, state: Hashable, fetch: Fetch) -> Held:
        held = slot.held.get(state)
        if held and not held.older_than(held.renew_at, self._now()):
            return held  # another thread was first
        try:
            self._leave_in_peace(slot, state)
            new = self._asked(slot, state, fetch)
        except (Unreachable, StoreUnusable):
            if held is None or held.older_than(held.ends_at - MARGIN, self._now()):
                raise
            return held  # good for a minute at least; the next use tries again
        still = {key: other for key, other in slot.held.items() if not other.older_than(other.ends_at, self._now())}
        slot.held = still | {state: new}
        self.fetched += 1
        return new

    def _leave_in_peace(self, slot: _Slot, state: Hashable) -> None:
        refusal = slot.refusal
        if refusal is not None and slot.refused_for == state and self._ticks() < slot.asked_again_at:
            raise type(refusal)(  # not the very same object: each raise adds to its traceback
                refusal.message, next_step=refusal.next_step, code=refusal.code, details=refusal.details
            )

    def _asked(self, slot: _Slot, state: Hashable, fetch: Fetch) -> Held:
        try:
            token = fetch()
        except (TokenRefused, Unreachable) as error:
            slot.pause = min(slot.pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            slot.refusal, slot.refused_for, slot.asked_again_at = error, state, self._ticks() + slot.pause
            raise
        slot.refusal, slot.pause = None, 0.0
        return self._held(token)

    def _held(self, token: Token) -> Held:
        wall, ticks = self._now()
        if token.expires_at is None:
            return Held(token, float("inf"), float("inf"), (wall, ticks))
        ends = token.expires_at.timestamp()
        life = max(FIRST_PAUSE, ends - wall)  # one that is dead by our clock: asking again brings another such
        renew = wall + life * (SHARE - JITTER * self._chance())
        if life > 2 * MARGIN:
            renew = min(renew, ends - MARGIN)
        return Held(token, renew, ends, (wall, ticks))

    def _now(self) -> tuple[float, float]:
        return self.clock(), self._ticks()

    def holds(self, credential_id: bytes) -> bool:
        """Whether there is a token of it that has not ended, in whatever state of the credential."""
        return self.held(credential_id) is not None

    def held(self, credential_id: bytes) -> Held | None:
        """The token of it that lives longest, in whatever state of the credential; None when all have ended."""
        with self._guard:
            slot = self._slots.get(credential_id)
        tokens = tuple(slot.held.values()) if slot else ()
        alive = [held for held in tokens if not held.older_than(held.ends_at, self._now())]
        return max(alive, key=lambda held: held.ends_at) if alive else None

    def drop(self, credential_id: bytes) -> None:
        """Forget the credential: it was rotated, paused or deleted. A fetch under way reaches only who waits for it."""
        with self._guard:
            self._slots.pop(credential_id, None)

    def issued(self) -> list[tuple[bytes, str]]:
        """(credential id, value) of every token that is held, and of the secrets that came with it."""
        with self._guard:
            slots = list(self._slots.items())
        found = [(key, held.token) for key, slot in slots for held in tuple(slot.held.values())]
        return [
            (key, str.__str__(value))
            for key, token in found
            for value in (token.value, *token.extra.values())
            if isinstance(value, SecretStr)
        ]

    def __len__(self) -> int:
        """Of how many credentials there is a token."""
        with self._guard:
            return sum(1 for slot in self._slots.values() if slot.held)
