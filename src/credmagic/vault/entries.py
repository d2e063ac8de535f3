"""Which single-use keys are waiting for a form to be sealed to them?

A key lives in memory only and dies on use, after ten minutes, or when 32 newer ones of the same kernel exist. It is
bound to its kind, to what it edits, and to the kernel that asked. Reuse, expiry, another kernel, wrong info or a
damaged message are one and the same error.
"""

from __future__ import annotations

import base64
import binascii
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from credmagic.crypto.entry import entry_info, new_entry_key, open_entry
from credmagic.errors import InvalidCredential, SealBroken

LIFE = 600.0
"""Seconds."""
PENDING = 32
"""Per kernel."""


def entry_refused() -> InvalidCredential:
    """The one opaque error for an entry that does not open: what was sent is at fault, nothing in the store is."""
    return InvalidCredential(
        "the sealed form did not open",
        next_step="Nothing was stored and nothing you typed is lost: press the button again.",
    )


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True)
class Entry:
    """One pending key and what it is for; `ref` is the id of the credential it edits, if any."""

    private_key: Any
    kind: str
    ref: str | None
    kernel: str
    ends: float


class Entries:
    """The pending keys of one vault."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pending: dict[str, Entry] = {}
        self._lock = threading.Lock()

    def begin(self, kind: str, ref: str | None, kernel: str) -> dict[str, Any]:
        """A fresh key: `entry_id`, `public_key` (base64url), `expires` (ISO 8601)."""
        private_key, public_key = new_entry_key()
        entry_id = _b64(os.urandom(16))
        with self._lock:
            self._drop_old(kernel)
            self._pending[entry_id] = Entry(private_key, kind, ref, kernel, self._clock() + LIFE)
        expires = datetime.now(UTC) + timedelta(seconds=LIFE)
        return {
            "entry_id": entry_id,
            "public_key": _b64(public_key),
            "expires": expires.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }

    def open(self, entry_id: str, sealed: str, kernel: str) -> tuple[Entry, dict[str, Any]]:
        """Use up the key and open what was sealed to it. Raises the one `InvalidCredential`."""
        with self._lock:
            entry = self._pending.pop(entry_id, None)
        if entry is None or entry.kernel != kernel or self._clock() >= entry.ends:
            raise entry_refused()
        try:
            message = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            return entry, open_entry(entry.private_key, message, entry_info(entry_id, entry.kind))
        except (SealBroken, binascii.Error, ValueError):
            pass
        raise entry_refused()

    def forget(self, kernel: str) -> None:
        """Drop the keys of a kernel that ended."""
        with self._lock:
            for entry_id in [key for key, entry in self._pending.items() if entry.kernel == kernel]:
                del self._pending[entry_id]

    def _drop_old(self, kernel: str) -> None:
        now = self._clock()
        for entry_id in [key for key, entry in self._pending.items() if entry.ends <= now]:
            del self._pending[entry_id]
        of_kernel = [key for key, entry in self._pending.items() if entry.kernel == kernel]
        for entry_id in of_kernel[: max(0, len(of_kernel) - PENDING + 1)]:
            del self._pending[entry_id]
