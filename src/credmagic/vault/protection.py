"""How does the owner of a store change what protects its keys?

Operator actions, for a shell on the machine that holds the store. A slot is rewrapped in an order that leaves the
store openable at every step: the new slot is added, reopened and compared, and only then do the old ones go.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Callable
from typing import Any

from credmagic.crypto.keyset import unwrap_root
from credmagic.keys.base import KeyProvider, providers
from credmagic.store.rows import KeySlotRow
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.opening import slot_row
from credmagic.vault.vault import Vault

RECOVERY = "recovery"


def protect(vault: Vault, caller: Caller, provider: str, secret: str | None = None) -> dict[str, Any]:
    """Keep the store's key with `provider` from now on; the recovery key stays as it is."""
    keeper = providers.get(provider)()
    _add(vault, caller, keeper, secret, lambda slot: slot.provider != RECOVERY)
    vault.keys_in = keeper.title
    return {"provider": provider, "keys_in": vault.keys_in}


def recovery_key(vault: Vault, caller: Caller) -> dict[str, Any]:
    """Make a recovery key, to be shown once; the one before stops working."""
    keeper = providers.get(RECOVERY)()
    shown = _add(vault, caller, keeper, None, lambda slot: slot.provider == RECOVERY)
    return {"recovery_key": str(shown)}


def _add(
    vault: Vault,
    caller: Caller,
    keeper: KeyProvider,
    secret: str | None,
    replaces: Callable[[KeySlotRow], bool],
) -> str:
    """Add a slot, prove that it opens, drop the ones it `replaces`. Returns what is shown once, if anything."""
    slot_id = os.urandom(16)
    store_id = vault.keyset.store_id
    made = keeper.create(store_id, slot_id, secret=secret)
    row = slot_row(keeper, made.slot_key, made.parameters, vault.root_key, store_id, slot_id, now())
    more = {"provider": keeper.name}
    with vault.change(Event("key.rewrap_start", caller, more=more)) as transaction:
        transaction.insert(row)
    _prove(vault, row, keeper, made.shown_once or secret)
    with vault.change(Event("key.rewrap_done", caller, more=more)) as transaction:
        old = [slot for slot in transaction.find(KeySlotRow) if slot.slot_id != slot_id and replaces(slot)]
        for slot in old:
            transaction.delete(slot)
    for slot in old:
        _forget(slot)
    return str(made.shown_once) if made.shown_once else ""


def _prove(vault: Vault, row: KeySlotRow, keeper: KeyProvider, secret: str | None) -> None:
    """Open the new slot from what is stored outside, as the next process will. Raises if it does not."""
    parameters = json.loads(row.parameters)
    store_id = vault.keyset.store_id
    slot_key = keeper.unlock(store_id, row.slot_id, parameters, secret=secret)
    root_key = unwrap_root(slot_key, row.sealed, store_id, row.slot_id, row.provider, parameters)
    if not hmac.compare_digest(root_key, vault.root_key):
        raise keeper.wrong_key(parameters)


def _forget(slot: KeySlotRow) -> None:
    """Remove the external key of a slot that is gone."""
    keeper: KeyProvider = providers.get(slot.provider)()
    parameters: dict[str, Any] = json.loads(slot.parameters)
    keeper.forget(parameters)
