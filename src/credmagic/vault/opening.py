"""How does a store come into being, and how are its keys opened?

Any one key slot opens the root key; the root key opens the data keys. A missing or wrong key is a hard stop with the
next step: nothing here ever makes a new key for a store that has one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from credmagic.crypto.keyset import Keyset, SealedKey, new_root_key, unwrap_root, wrap_root
from credmagic.errors import SealBroken, VaultLocked
from credmagic.keys.backoff import check_retry, next_retry
from credmagic.keys.base import KeyProvider, NotAtHand, damaged, providers
from credmagic.store.ports import HotPort
from credmagic.store.rows import DataKeyRow, KeySlotRow, PrincipalRow, StoreMetaRow
from credmagic.vault.access import principal_context

FORMAT = 1

Failed = Callable[[KeySlotRow], None]
"""Remember the changed counters of a slot whose key was wrong."""


@dataclass(frozen=True)
class Opened:
    """The keys of a store and, for people, where the one that opened it lies."""

    keyset: Keyset
    root_key: bytearray
    keys_in: str


def _micros() -> int:
    return time.time_ns() // 1000


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────
def unlock(port: HotPort, *, failed: Failed = lambda slot: None) -> Opened:
    """Open the keys with the first slot whose key is at hand. Raises `VaultLocked`."""
    meta = port.store_meta()
    if meta is None:
        raise VaultLocked("this store has no keys yet", next_step="Make the first credential: %cred new")
    refused: list[VaultLocked] = []
    for slot in port.key_slots():
        try:
            root_key, keys_in = open_slot(meta.store_id, slot, failed=failed)
        except VaultLocked as error:
            refused.append(error)
            continue
        return Opened(open_keys(meta.store_id, root_key, port.data_keys()), root_key, keys_in)
    if not refused:
        raise VaultLocked("this store has no key slot", next_step="Restore its database from a backup.")
    # A key that is missing or wrong says more than one that nobody gave.
    raise min(refused, key=lambda error: isinstance(error, NotAtHand))


def open_slot(store_id: bytes, slot: KeySlotRow, *, failed: Failed) -> tuple[bytearray, str]:
    """The root key behind one slot. Raises `NotAtHand` (try another) or `VaultLocked` (stop)."""
    provider = providers.get(slot.provider)()
    parameters = _parameters(slot)
    check_retry(slot.retry_at, _micros())
    slot_key = provider.unlock(store_id, slot.slot_id, parameters)
    try:
        root_key = unwrap_root(slot_key, slot.sealed, store_id, slot.slot_id, slot.provider, parameters)
    except SealBroken:
        pass
    else:
        if slot.failures:
            failed(replace(slot, failures=0, retry_at=0))
        return root_key, provider.describe(parameters)
    failures = slot.failures + 1
    failed(replace(slot, failures=failures, retry_at=next_retry(failures, _micros())))
    raise provider.wrong_key(parameters)


def _parameters(slot: KeySlotRow) -> dict[str, Any]:
    """A slot's parameters are not sealed before the slot is open: whatever stands there is foreign input."""
    try:
        parameters = json.loads(slot.parameters)
    except ValueError:
        parameters = None
    if not isinstance(parameters, dict):
        raise damaged("its parameters are not readable")
    return parameters


def open_keys(store_id: bytes, root_key: bytearray, rows: list[DataKeyRow]) -> Keyset:
    """The key set of a store whose root key is known."""
    return Keyset.unlock(store_id, root_key, [SealedKey(r.id, r.purpose, r.status, r.sealed) for r in rows])


# ── making ───────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Birth:
    """Everything a new store begins with; inserted in one transaction, or not at all."""

    opened: Opened
    rows: list[Any]
    provider: KeyProvider
    parameters: dict[str, Any]

    def undo(self) -> None:
        """Another process was faster: take the external key back."""
        self.provider.forget(self.parameters)


def conceive(provider_name: str) -> Birth:
    """Make the keys of a new store with `provider_name` holding the slot's key. Raises `VaultLocked`."""
    provider = providers.get(provider_name)()
    store_id, slot_id, at = os.urandom(16), os.urandom(16), _micros()
    slot = provider.create(store_id, slot_id)
    root_key = new_root_key()
    keyset, sealed_keys = Keyset.generate(store_id, root_key)
    rows: list[Any] = [
        StoreMetaRow(id=1, store_id=store_id, format=FORMAT, created_at=at, options="{}", state=None),
        slot_row(provider, slot.slot_key, slot.parameters, root_key, store_id, slot_id, at),
        *(DataKeyRow(key.id, key.purpose, key.status, key.sealed, at) for key in sealed_keys),
        principal(keyset, "user", "owner", "laptop owner", at),
        principal(keyset, "team", "team 1", "default", at),
    ]
    opened = Opened(keyset, root_key, provider.describe(slot.parameters))
    return Birth(opened, rows, provider, slot.parameters)


def slot_row(
    provider: KeyProvider,
    slot_key: bytearray,
    parameters: dict[str, Any],
    root_key: bytearray,
    store_id: bytes,
    slot_id: bytes,
    at: int,
) -> KeySlotRow:
    """The slot's row: the root key sealed with the slot's key."""
    sealed = wrap_root(slot_key, root_key, store_id, slot_id, provider.name, parameters)
    text = json.dumps(parameters, sort_keys=True, separators=(",", ":"))
    return KeySlotRow(slot_id, provider.name, text, sealed, at)


def principal(keyset: Keyset, kind: str, ident: str, display_name: str, at: int) -> PrincipalRow:
    """A principal's row; its id and index follow from the name key."""
    role = "owner" if kind == "user" else "member"
    row = PrincipalRow(
        id=keyset.object_index("principal", ident),
        type=kind,
        status="active",
        role=role,
        name_ix=keyset.name_index(keyset.store_id, kind, ident),
        sealed=b"",
        key_id=keyset.primary_id,
        revision=1,
        created_at=at,
    )
    return replace(row, sealed=keyset.seal(principal_context(keyset, row), {"name": display_name}))
