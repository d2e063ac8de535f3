"""How are the parts put together? config → keys + store → vault → client; the one composition root.

Two depths: `Local` opens only keys and the hot port for `use` (no SQLAlchemy, no pydantic) and the whole vault
when something else is asked; `open_vault` is the whole vault, for the server.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from credmagic import settings
from credmagic.client.local import LocalClient
from credmagic.errors import VaultLocked
from credmagic.store.hot_read import HotRead
from credmagic.store.ports import HotPort, SchemaMismatch
from credmagic.vault.audit import Caller, Event, append
from credmagic.vault.opening import Opened, unlock
from credmagic.vault.rates import Rates
from credmagic.vault.resolve import Resolver

if TYPE_CHECKING:
    from credmagic.store.sql import SqlStore
    from credmagic.vault.vault import Vault

Notify = Callable[[str], None]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _hot_port() -> HotPort | None:
    """The light way into an existing SQLite store of this very schema, else None."""
    if settings.store_url() or not settings.home().store_file.exists():
        return None
    try:
        port = HotRead(settings.home().store_file)
    except SchemaMismatch:
        return None
    if port.store_meta() is None:
        port.close()
        return None
    return port


def _open_store(notify: Notify) -> tuple[SqlStore, Opened | None]:
    """The store, made with its keys if there was none; the keys come along when they were just made."""
    from credmagic.store.sql import SqlStore

    home = settings.home()
    if settings.store_url() is None:
        settings.private_dir(home.data)
    store = SqlStore.open(settings.store_url() or home.store_file, create=True)
    try:
        return store, _first_keys(store, notify)
    except BaseException:
        store.close()
        raise


def _first_keys(store: SqlStore, notify: Notify) -> Opened | None:
    """The keys made for a store that has none yet; None when it has some, or just got them from somebody else."""
    if store.store_meta() is not None:
        return None
    from credmagic.keys.choose import choose_default
    from credmagic.store.rows import StoreMetaRow
    from credmagic.vault.opening import conceive

    provider, note = choose_default()
    birth = conceive(provider)
    with store.transaction() as transaction:
        first = transaction.get(StoreMetaRow, id=1) is None
        if first:
            for row in birth.rows:
                transaction.insert(row)
            append(transaction, birth.opened.keyset, Event("store.init", Caller("local")))
    if not first:
        birth.undo()
        return None
    if note:
        notify(note)
    return birth.opened


def open_vault(*, notify: Notify = _say, rates: Rates | None = None, unlocked: Opened | None = None) -> Vault:
    """Open the whole vault, making a new store if there is none; `unlocked` keys are not asked for again.

    Raises `VaultLocked` (no slot's key at hand, or a wrong one) and `StoreUnusable`.
    """
    from credmagic.store.rows import KeySlotRow
    from credmagic.vault.entries import Entries
    from credmagic.vault.releasing import Releaser
    from credmagic.vault.vault import Vault, describe_values

    store, opened = _open_store(notify)

    def failed(slot: KeySlotRow) -> None:
        with store.transaction() as transaction:
            transaction.update(slot)

    try:
        opened = opened or unlocked or unlock(store, failed=failed)
    except BaseException:
        store.close()  # a server tries again and again until it is unlocked
        raise
    rates = rates or Rates()
    port = _hot_port() or store
    resolver = Resolver(opened.keyset, port, rates=rates, describe=describe_values)
    vault = Vault(
        store, opened.keyset, resolver, Entries(),
        root_key=opened.root_key, keys_in=opened.keys_in, rates=rates,
    )  # fmt: skip
    releaser = Releaser(vault)
    resolver.names, resolver.release, vault.for_caller = vault.names, releaser.release, releaser.for_caller
    return vault


class Local:
    """The vault of this process, opened as deep as it is needed (`client.local.Opened`)."""

    def __init__(self, notify: Notify = _say) -> None:
        self._notify = notify
        self._vault: Vault | None = None
        self._lock = threading.Lock()
        self._unlocked: Opened | None = None
        self._resolver = self._light()
        self._caller = Caller("local")

    def _light(self) -> Resolver | None:
        port = _hot_port()
        if port is None:
            return None
        try:
            self._unlocked = unlock(port)
        except VaultLocked:
            port.close()
            return None  # the whole vault tries again: it counts wrong passphrases in the store
        return Resolver(self._unlocked.keyset, port, names=lambda: self._whole().names(), release=self._release)

    def _release(self, *what: Any) -> dict[str, Any]:
        """For credentials whose secrets stay in the vault: the whole of it fetches, and keeps, their tokens."""
        release = self._whole().resolver.release
        assert release is not None
        return release(*what)

    def resolve(self, ref: str, **how: Any) -> dict[str, Any]:
        """The hot path."""
        resolver = self._resolver or self._whole().resolver
        return resolver.resolve(self._caller, ref, **how)

    def dispatch(self, action: str, params: dict[str, Any]) -> dict[str, Any]:
        """Any other action."""
        from credmagic.vault.actions import dispatch

        return dispatch(self._whole(), self._caller, action, params)

    def _whole(self) -> Vault:
        with self._lock:
            if self._vault is None:
                self._vault = open_vault(notify=self._notify, unlocked=self._unlocked)
            return self._vault

    def close(self) -> None:
        """Wipe keys and drop connections."""
        if self._resolver is not None:
            self._resolver.keyset.wipe()
            self._resolver.port.close()
        if self._vault is not None:
            self._vault.close()


def local_client() -> LocalClient:
    """The client of a process without a server (entry point `credmagic.clients: local`)."""
    return LocalClient(Local)
