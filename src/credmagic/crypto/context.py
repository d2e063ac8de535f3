"""Where does a record belong? The bytes that tie it to that place. (docs/format.md §3)

    CTX = TLV("credmagic/ctx/v1", store_id, part, …)

A record opens only under the context it was sealed with: moved to another credential, owner, kind, status or
version, it is broken. Values that cannot be what their column says raise `SealBroken` (see `tlv.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from credmagic.crypto import canonical
from credmagic.crypto.tlv import Cell, column, text, tlv, u32, u64
from credmagic.errors import InvalidCredential, SealBroken

_LABEL = b"credmagic/ctx/v1"


def meta_context(
    store_id: bytes,
    *,
    credential_id: bytes,
    owner_id: bytes,
    environment: str,
    kind: str,
    kind_version: int,
    status: str,
    current_version: int,
    revision: int,
) -> bytes:
    """The place of a credential's name, public fields and the like. No environment is the empty text."""
    return tlv(
        _LABEL, store_id, b"meta", credential_id, owner_id, text(environment), text(kind), u32(kind_version),
        text(status), u64(current_version), u64(revision),
    )  # fmt: skip


def secret_context(
    store_id: bytes, *, credential_id: bytes, owner_id: bytes, kind: str, kind_version: int, version: int
) -> bytes:
    """The place of one version's secret fields."""
    return tlv(_LABEL, store_id, b"secret", credential_id, owner_id, text(kind), u32(kind_version), u64(version))


def row_context(store_id: bytes, table: str, primary_key: bytes, columns: Sequence[Cell], revision: int) -> bytes:
    """The place of a row that decides something; `columns` are those that do, in declared order."""
    return tlv(_LABEL, store_id, b"row", text(table), primary_key, *map(column, columns), u64(revision))


def key_context(store_id: bytes, key_id: int, purpose: str, status: str) -> bytes:
    """The place of a data key."""
    return tlv(_LABEL, store_id, b"key", u32(key_id), text(purpose), text(status))


def slot_context(store_id: bytes, slot_id: bytes, provider: str, parameters: Mapping[str, Any]) -> bytes:
    """The place of the root key in one key slot; the parameters are taken in as canonical JSON."""
    try:
        return tlv(_LABEL, store_id, b"slot", slot_id, text(provider), canonical.dump(parameters))
    except InvalidCredential:
        pass  # read from the slot's row: what no JSON can carry was not written by us
    raise SealBroken(reason="column")
