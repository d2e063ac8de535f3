"""How does a server that must never block reach a vault that does?

Every call of the vault runs in a small pool of threads. Opening it there too keeps the server's start as
quick as without us. A vault that does not open (locked, unusable) is tried again at later calls, so that
unlocking it helps without a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from credmagic import settings
from credmagic.errors import CredmagicError

if TYPE_CHECKING:
    from credmagic.vault.vault import Vault

THREADS = 8
RETRY_AFTER = 2.0
"""Seconds for which a failure to open is remembered: asking a keyring may take long and may prompt."""


class VaultGate:
    """The one vault of this server, opened at first need."""

    def __init__(self, opener: Callable[[], Vault]) -> None:
        self._opener = opener
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="credmagic")
        self._lock = threading.Lock()
        self._vault: Vault | None = None
        self._failed: tuple[float, CredmagicError] | None = None
        self._renaming = asyncio.Lock()

    def vault(self) -> Vault:
        """The vault; blocks while it opens. Raises `VaultLocked` or `StoreUnusable`."""
        if self._vault is not None:
            return self._vault
        with self._lock:
            return self._vault or self._open()

    def _open(self) -> Vault:
        if self._failed is not None and time.monotonic() - self._failed[0] < RETRY_AFTER:
            raise self._failed[1].with_traceback(None)
        try:
            self._vault = self._opener()
        except CredmagicError as error:
            self._failed = (time.monotonic(), error)
            raise
        return self._vault

    def state(self) -> str:
        """`open`, `locked` (it did not open), `none` (there is no store yet) or `closed` (not opened yet)."""
        if self._vault is not None:
            return "open"
        if not store_exists():
            return "none"
        return "closed" if self._failed is None else "locked"

    async def warm(self) -> None:
        """Open the vault in the background if there is one; never creates a store."""
        if store_exists():
            await self.run(self.vault)

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a blocking function beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)

    async def call(self, action: str, params: Mapping[str, Any], **who: Any) -> dict[str, Any]:
        """Run one action of the table; `who` are the fields of `vault.actions.Caller`.

        Raises `VaultLocked`, `StoreUnusable` and what the action raises.
        """
        result: dict[str, Any] = await self.run(self._dispatch, action, params, who)
        return result

    def _dispatch(self, action: str, params: Mapping[str, Any], who: dict[str, Any]) -> dict[str, Any]:
        from credmagic.vault.actions import Caller, dispatch

        return dispatch(self.vault(), Caller(**who), action, params)

    async def record(self, action: str, **who: Any) -> None:
        """Write a refusal at the door into the audit log, if there is a vault to write it to."""
        if store_exists():
            with contextlib.suppress(CredmagicError):
                await self.run(self._record, action, who)

    def _record(self, action: str, who: dict[str, Any]) -> None:
        from credmagic.vault.audit import Caller, Event

        self.vault().record(Event(action, Caller(**who), outcome="refused"))

    async def renamed(self, old: str, new: str) -> None:
        """The server gave a notebook or a folder another name: what is attached follows.

        One after the other, in the order they are told: a notebook is renamed, then the folder it lies in.
        """
        async with self._renaming:
            if store_exists():
                await self.run(self._renamed, old, new)

    def _renamed(self, old: str, new: str) -> None:
        from credmagic.vault.audit import Caller
        from credmagic.vault.renames import follow

        follow(self.vault(), Caller("server"), old, new)

    def forget_kernel(self, kernel_id: str) -> None:
        """A kernel ended or starts anew: whatever the vault kept for it in memory goes."""
        if self._vault is not None:
            self._vault.forget_kernel(kernel_id)

    def close(self) -> None:
        """Give up the threads and the vault; blocks until what runs has ended.

        Keys are wiped only then: a record sealed meanwhile would be sealed with zeros, and lost.
        """
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._vault is not None:
            self._vault.close()
            self._vault = None


def store_exists() -> bool:
    """True when there is something to open: a store file, or a database named by URL."""
    return settings.store_url() is not None or settings.home().store_file.exists()
