"""How does a process without a server reach the vault? By opening it itself.

`use` needs only the light resolver (stdlib sqlite3 and the key set); everything else opens the whole vault. Both are
opened when first needed, again after a fork, and are known here only by what they can do: `wiring` builds them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Protocol


class Opened(Protocol):
    """An open vault as this client sees it."""

    def resolve(self, ref: str, **how: Any) -> dict[str, Any]:
        """The hot path: one name to values."""

    def dispatch(self, action: str, params: dict[str, Any]) -> dict[str, Any]:
        """Any action of the table."""

    def close(self) -> None:
        """Wipe keys, drop connections."""


class LocalClient:
    """The vault in this process, behind the same protocol as the socket (`client.base.Client`)."""

    plane = "local"

    def __init__(self, open_: Callable[[], Opened]) -> None:
        self._open = open_
        self._lock = threading.RLock()
        self._opened: tuple[int, Opened] | None = None

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Run one action of the table."""
        return self._vault().dispatch(action, params)

    def resolve(
        self,
        ref: str | None,
        *,
        environment: str | None = None,
        version: int | None = None,
        kind: str | None = None,
        scope: str | None = None,
    ) -> dict[str, Any]:
        """The values of one credential, the use recorded first."""
        if ref is None or kind is not None:  # needs the kinds' names or the notebook's default
            return self.call("resolve", ref=ref, environment=environment, version=version, kind=kind, scope=scope)
        return self._vault().resolve(ref, environment=environment, version=version, scope=scope)

    def begin_entry(self, kind: str, ref: str | None = None, environment: str | None = None) -> dict[str, Any]:
        """A single-use public key to which a form may seal its fields."""
        return self.call("begin_entry", kind=kind, ref=ref, environment=environment)

    def submit_entry(self, entry_id: str, purpose: str, sealed: str) -> dict[str, Any]:
        """Hand over what the browser sealed."""
        return self.call("submit_entry", entry_id=entry_id, purpose=purpose, sealed=sealed)

    def close(self) -> None:
        """Wipe the keys and drop connections; the next call opens again."""
        with self._lock:
            if self._opened is not None and self._opened[0] == os.getpid():
                self._opened[1].close()
            self._opened = None

    def _vault(self) -> Opened:
        opened = self._opened
        if opened is not None and opened[0] == os.getpid():  # a forked child opens its own
            return opened[1]
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = (os.getpid(), self._open())
            return self._opened[1]
