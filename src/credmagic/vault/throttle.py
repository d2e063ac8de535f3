"""How long must somebody wait who could not sign in?

Counted in the store, so that a restart forgives nothing: failures of an id, failures of an address, and how often this
address failed at this id in a row. Only the last makes the wait grow, and only an address that failed at an id itself
is held to that id's limit: nobody can lock an id for everybody else.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import NoReturn

from credmagic import settings
from credmagic.errors import RateLimited
from credmagic.store.rows import ThrottleRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.audit import Caller, now
from credmagic.vault.vault import Vault

SECOND = 1_000_000
WINDOW = 60 * SECOND
LONGEST_WAIT = 900
"""Seconds."""
_FORGOTTEN = 3_600 * SECOND
"""Quiet for so long, a counter is dropped."""
_DROPPED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Counters:
    """The ids of the rows that count one try."""

    ident: bytes
    address: bytes
    pair: bytes
    passed: bytes

    @classmethod
    def of(cls, vault: Vault, caller: Caller, ident: str) -> Counters:
        """Those of somebody at `caller.peer` who says to be `ident`."""
        index, address = vault.keyset.object_index, network(caller.peer)
        return cls(
            index("throttle/id", ident),
            index("throttle/address", address),
            index("throttle/pair", f"{address} {ident}"),
            index("throttle/passed", ident),
        )


def network(peer: str) -> str:
    """The address whose failures count together: of IPv6 the /64, which one person has to himself."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def check(vault: Vault, reader: Reader, counters: Counters) -> None:
    """Raises `RateLimited` (`details["retry_after"]` in seconds) while the next try has to wait."""
    if settings.rates_off():
        return
    limits, at = vault.rates.limits, now()
    pair = _row(reader, counters.pair)
    left = [pair.retry_at] if pair else []
    left += _window_over(reader, counters.address, limits.failures_of_an_address, at)
    left += _window_over(reader, counters.passed, limits.sign_ins_of_an_id, at)
    if pair and pair.seen_at > at - WINDOW:
        left += _window_over(reader, counters.ident, limits.failures_of_an_id, at)
    wait = max((-((at - end) // SECOND) for end in left), default=0)
    if 0 < wait <= LONGEST_WAIT:  # longer than that: the clock was set back
        _refuse(wait)


def failed(vault: Vault, transaction: Transaction, counters: Counters) -> bool:
    """Count a failure; True when it begins a wait."""
    limits, at = vault.rates.limits, now()
    of_ident = _count(transaction, counters.ident, at)
    of_address = _count(transaction, counters.address, at)
    in_a_row = _count(transaction, counters.pair, at, free=limits.free_failures)
    for row in transaction.find(ThrottleRow, order=("seen_at", "id"), limit=_DROPPED_AT_ONCE):
        if row.seen_at < at - _FORGOTTEN:
            transaction.delete(row)
    return (
        of_ident == limits.failures_of_an_id
        or of_address == limits.failures_of_an_address
        or in_a_row == limits.free_failures
    )


def passed(transaction: Transaction, counters: Counters) -> None:
    """Count a sign-in; what failed in a row before it is forgiven."""
    _count(transaction, counters.passed, now())
    if pair := _row(transaction, counters.pair):
        transaction.delete(pair)


def _row(reader: Reader, key: bytes) -> ThrottleRow | None:
    return reader.get(ThrottleRow, id=key)


def _window_over(reader: Reader, key: bytes, limit: int, at: int) -> list[int]:
    """When the window of a counter ends that has reached its limit."""
    row = _row(reader, key)
    return [row.started_at + WINDOW] if row and row.count >= limit and row.started_at <= at else []


def _count(transaction: Transaction, key: bytes, at: int, free: int | None = None) -> int:
    """Add one: within a window of a minute, or with `free` in a row and with a wait that doubles after so many."""
    old = _row(transaction, key)
    fresh = old is None or not 0 <= at - old.started_at < (_FORGOTTEN if free is not None else WINDOW)
    row = ThrottleRow(key, 0, at, 0, at) if old is None or fresh else old
    row = replace(row, count=row.count + 1, seen_at=at)
    if free is not None and row.count >= free:
        row = replace(row, started_at=at, retry_at=at + wait_seconds(row.count - free) * SECOND)
    if old is None:
        transaction.insert(row)
    else:
        transaction.update(row)
    return row.count


def wait_seconds(doublings: int) -> int:
    """1, 2, 4 … 900 seconds."""
    return min(1 << min(doublings, 16), LONGEST_WAIT)


def _refuse(wait: int) -> NoReturn:
    raise RateLimited(
        "too many tries to sign in",
        next_step=f"Wait {wait} s. Lost the secret? credmagic key create, or machine set-password",
        details={"retry_after": wait},
    )
