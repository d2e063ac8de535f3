"""How does a value that the vault made reach a person's eyes, once, and nobody else's?

The vault offers it under an id that works once, for ten minutes, for the kernel that asked. The browser makes a key
pair of its own and sends the public half; the value comes back sealed to it (docs/format.md §8), so the kernel, the
socket and the widget messages between them carry only ciphertext.
"""

from __future__ import annotations

import base64
import binascii
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from credmagic.crypto.entry import reveal_info, seal_entry
from credmagic.errors import InvalidCredential, NotFound, SealBroken

LIFE = 600.0
"""Seconds."""
PENDING = 32
"""Per kernel."""


def gone() -> NotFound:
    """The one answer for an offer that was used up, ran out, or belongs to somebody else."""
    return NotFound(
        "this value was shown already, or the time for it is over",
        next_step="It is stored: use it, or make a new one with %cred rotate NAME --generate",
    )


@dataclass(frozen=True)
class _Offer:
    values: Mapping[str, str] = field(repr=False)
    about: bytes | None
    kernel: str
    ends: float


class Reveals:
    """Values waiting to be shown once, in this process's memory only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._offers: dict[str, _Offer] = {}
        self._lock = threading.Lock()

    def offer(self, values: Mapping[str, str], kernel: str, about: bytes | None = None) -> dict[str, Any]:
        """`reveal_id` and when it ends (`reveal_until`, ISO 8601); `about` is what the audit log will name."""
        reveal_id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        with self._lock:
            now = self._clock()
            self._offers = {key: kept for key, kept in self._offers.items() if kept.ends > now}
            mine = [key for key, kept in self._offers.items() if kept.kernel == kernel]
            for key in mine[: max(0, len(mine) - PENDING + 1)]:
                del self._offers[key]
            self._offers[reveal_id] = _Offer(dict(values), about, kernel, now + LIFE)
        until = datetime.now(UTC) + timedelta(seconds=LIFE)
        return {"reveal_id": reveal_id, "reveal_until": until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}

    def take(self, reveal_id: str, public_key: str, kernel: str) -> tuple[str, bytes | None]:
        """The values sealed to `public_key` (both base64url), and what they are about; the offer is used up.

        Raises `NotFound` for an offer that is not there, `InvalidCredential` for a key that is none.
        """
        with self._lock:
            found = self._offers.get(reveal_id)
            if found is not None and found.kernel == kernel:
                del self._offers[reveal_id]
        if found is None or found.kernel != kernel or self._clock() >= found.ends:
            raise gone()
        try:
            key = base64.urlsafe_b64decode(public_key + "=" * (-len(public_key) % 4))
            sealed = seal_entry(key, reveal_info(reveal_id), found.values)
        except (SealBroken, binascii.Error, ValueError):
            sealed = b""
        if not sealed:
            raise InvalidCredential("the browser's key is no point of P-256", errors={"public_key": "not a key"})
        return base64.urlsafe_b64encode(sealed).decode().rstrip("="), found.about

    def forget(self, kernel: str) -> None:
        """Drop what was offered to a kernel that ended."""
        with self._lock:
            for key in [key for key, kept in self._offers.items() if kept.kernel == kernel]:
                del self._offers[key]
