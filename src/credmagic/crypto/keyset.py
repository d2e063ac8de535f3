"""Which keys does one store have, and what do they do? (docs/format.md §4 and §5)

    slot key ──opens──▶ root key ──SUB "wrap" opens──▶ data keys: record · name · pepper · audit · jwt

A `Keyset` is an open store's keys in memory. It seals and opens records, makes blind indexes and audit
MACs, and never hands a key out: what signs tokens goes to `jwt.py` as an object. A slot's root key is wrapped and
unwrapped by `wrap_root` and `unwrap_root`.
"""

from __future__ import annotations

import hmac
import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from credmagic.crypto import canonical
from credmagic.crypto.context import key_context, slot_context
from credmagic.crypto.envelope import KEY_SIZE, ROOT_SUBKEY_ID, SLOT_KEY_ID, key_id_of, seal, subkey, unseal
from credmagic.crypto.tlv import tlv, u64
from credmagic.errors import SealBroken, VaultLocked

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PURPOSES = ("record", "name", "pepper", "audit", "jwt")
PRIMARY, RETIRING, DESTROYED = "primary", "retiring", "destroyed"
INDEX_SIZE = 16


@dataclass(frozen=True, slots=True)
class SealedKey:
    """One row of `data_keys`: a key as the store keeps it. `status` is primary, retiring or destroyed."""

    id: int
    purpose: str
    status: str
    sealed: bytes = field(repr=False)


class Keyset:
    """The open keys of one store. Safe to use from several threads; `wipe` it when the vault locks."""

    def __init__(self, store_id: bytes, records: Mapping[int, bytearray], primary_id: int,
                 others: Mapping[str, bytearray]) -> None:  # fmt: skip
        self.store_id = store_id
        self.primary_id = primary_id
        self._records = dict(records)
        self._others = dict(others)

    @classmethod
    def generate(cls, store_id: bytes, root_key: bytes | bytearray) -> tuple[Self, list[SealedKey]]:
        """The keys of a new store: open, and sealed for its rows."""
        wrap = subkey(root_key, b"wrap", store_id)
        rows = []
        for key_id, purpose in enumerate(PURPOSES, start=1):
            place = key_context(store_id, key_id, purpose, PRIMARY)
            sealed = seal(wrap, ROOT_SUBKEY_ID, os.urandom(KEY_SIZE), place)
            rows.append(SealedKey(key_id, purpose, PRIMARY, sealed))
        return cls.unlock(store_id, root_key, rows), rows

    @classmethod
    def unlock(cls, store_id: bytes, root_key: bytes | bytearray, sealed_keys: Iterable[SealedKey]) -> Self:
        """The keys of a store. `SealBroken` if one was changed, or a purpose has not one primary key."""
        wrap = subkey(root_key, b"wrap", store_id)
        records: dict[int, bytearray] = {}
        primary: dict[str, tuple[int, bytearray]] = {}
        for row in sealed_keys:
            if row.status == DESTROYED:
                continue
            if row.id in records or key_id_of(row.sealed) != ROOT_SUBKEY_ID:
                raise SealBroken(reason="key")
            key = unseal(wrap, row.sealed, key_context(store_id, row.id, row.purpose, row.status))
            if row.purpose == "record":
                records[row.id] = bytearray(key)
            if row.status == PRIMARY:
                if row.purpose in primary:
                    raise SealBroken(reason="key")
                primary[row.purpose] = (row.id, records.get(row.id) or bytearray(key))
        if set(primary) != set(PURPOSES):
            raise SealBroken(reason="key")
        primary_id, _ = primary.pop("record")
        return cls(store_id, records, primary_id, {purpose: key for purpose, (_, key) in primary.items()})

    def seal(self, context: bytes, obj: Mapping[str, Any]) -> bytes:
        """`obj` as a record of this place, under the primary record key. `InvalidCredential` over 1 MiB."""
        return seal(self._record_key(self.primary_id), self.primary_id, canonical.dump(obj), context)

    def open(self, context: bytes, sealed: bytes) -> dict[str, Any]:
        """The object in a record of this place, else `SealBroken`."""
        return canonical.load(unseal(self._record_key(key_id_of(sealed)), sealed, context))

    def name_index(self, owner_id: bytes, environment: str, name: str) -> bytes:
        """What stands for a name in the store, so that it can be looked up but not read: 16 bytes."""
        folded = unicodedata.normalize("NFKC", name).casefold()
        return self._index(owner_id, _any_text(environment), _any_text(folded))

    def object_index(self, object_type: str, object_id: str) -> bytes:
        """The same for what a credential is associated with; neither part is folded."""
        return self._index(_any_text(object_type), _any_text(object_id))

    def audit_mac(self, previous: bytes, seq: int, ts: int, body: bytes) -> bytes:
        """The link after `previous` in the audit chain: 32 bytes. `ts` is in microseconds since 1970."""
        return hmac.digest(self._other("audit"), tlv(previous, u64(seq), u64(ts), body), "sha256")

    def peppered(self, label: bytes, text: str) -> bytes:
        """What stands for a password or key before it is hashed: 32 bytes nobody makes without the store's pepper."""
        return hmac.digest(self._other("pepper"), tlv(label, _any_text(text)), "sha256")

    def signing_key(self, period: int) -> Ed25519PrivateKey:
        """What signs tokens in one period (a number, see `jwt.py`); it follows from the key of purpose jwt."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # not for reading a value

        seed = subkey(self._other("jwt"), b"jwt/" + u64(period) + b"/", self.store_id)
        return Ed25519PrivateKey.from_private_bytes(seed)

    def wipe(self) -> None:
        """Overwrite and forget the keys. Copies that Python made are beyond reach; no more is claimed."""
        for key in (*self._records.values(), *self._others.values()):
            key[:] = bytes(len(key))
        self._records.clear()
        self._others.clear()

    def _index(self, *parts: bytes) -> bytes:
        return hmac.digest(self._other("name"), tlv(*parts), "sha256")[:INDEX_SIZE]

    def _record_key(self, key_id: int) -> bytearray:
        if key := self._records.get(key_id):
            return key
        self._other("name")  # a wiped keyset is locked, an unknown id is a broken record
        raise SealBroken(reason="key")

    def _other(self, purpose: str) -> bytearray:
        if key := self._others.get(purpose):
            return key
        raise VaultLocked("the vault is locked", next_step="Open it again: credmagic status")


def new_root_key() -> bytearray:
    """A fresh root key for a new store."""
    return bytearray(os.urandom(KEY_SIZE))


def wrap_root(
    slot_key: bytes | bytearray,
    root_key: bytes | bytearray,
    store_id: bytes,
    slot_id: bytes,
    provider: str,
    parameters: Mapping[str, Any],
) -> bytes:
    """The root key sealed for one key slot."""
    return seal(slot_key, SLOT_KEY_ID, root_key, slot_context(store_id, slot_id, provider, parameters))


def unwrap_root(
    slot_key: bytes | bytearray,
    sealed: bytes,
    store_id: bytes,
    slot_id: bytes,
    provider: str,
    parameters: Mapping[str, Any],
) -> bytearray:
    """The root key in a slot. `SealBroken` for another slot key and for a slot that was changed."""
    if key_id_of(sealed) != SLOT_KEY_ID:
        raise SealBroken(reason="key")
    return bytearray(unseal(slot_key, sealed, slot_context(store_id, slot_id, provider, parameters)))


def _any_text(value: str) -> bytes:
    # Looked-up names come from anywhere: half a surrogate pair must be "not found", not a crash.
    return value.encode("utf-8", "surrogatepass")
