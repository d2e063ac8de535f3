"""How are credentials listed and shown, without their secrets?

Lists are keyset pages over (created, id), so that page one of a hundred thousand costs what page one of twenty does.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any

from credmagic.errors import InvalidCredential
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import AssociationRow, CredentialRow, VersionRow
from credmagic.store.transaction import Reader
from credmagic.vault.audit import Caller
from credmagic.vault.guarding import grants_of
from credmagic.vault.last_use import with_last_use
from credmagic.vault.records import iso
from credmagic.vault.token_health import with_tokens
from credmagic.vault.vault import Vault

MAX_PAGE = 1000


def show(vault: Vault, caller: Caller, ref: str, environment: str | None = None) -> dict[str, Any]:
    """One credential, masked, with how many versions and uses it has."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        return {
            **with_last_use(reader, with_tokens(vault, reader, [vault.view(stored)]))[0],
            "versions": reader.count(VersionRow, {"credential_id": stored.row.id}),
            "uses": reader.count(AssociationRow, {"credential_id": stored.row.id}),
            "grants": grants_of(vault, reader, stored) if stored.guarded and vault.is_ours(stored) else [],
        }


def page(
    vault: Vault,
    caller: Caller,
    kind: str | Sequence[str] | None = None,
    environment: str | None = None,
    limit: int = 20,
    after: str | None = None,
    offset: int = 0,
    count: bool = False,
) -> dict[str, Any]:
    """One page of credentials, oldest first; `next` is the cursor of the following page, or None."""
    if not 1 <= limit <= MAX_PAGE or offset < 0:
        raise InvalidCredential(f"a page holds 1 to {MAX_PAGE} credentials", errors={"limit": f"1 to {MAX_PAGE}"})
    where = _filters(kind, environment)
    with vault.store.read() as reader:
        owners = vault.listed_owners(reader)
        rows = _ordered(owners, reader, where, offset + limit + 1, _cursor(after))[offset:]
        found: dict[str, Any] = {
            "credentials": with_tokens(vault, reader, [vault.view(vault.shown(row)) for row in rows[:limit]]),
            "next": _cursor_of(rows[limit - 1]) if len(rows) > limit else None,
        }
        if count:
            found["total"] = sum(_number(reader.count(CredentialRow, {"owner_id": one, **where})) for one in owners)
    return found


def _filters(kind: str | Sequence[str] | None, environment: str | None) -> dict[str, Any]:
    where: dict[str, Any] = {}
    if kind:
        kinds = [kind] if isinstance(kind, str) else list(kind)
        where["kind"] = [find_kind(name).kind for name in kinds]
    if environment is not None:
        where["environment"] = environment
    return where


def _number(counted: Any) -> int:
    return int(counted)


def _ordered(
    owners: Sequence[bytes], reader: Reader, where: Mapping[str, Any], limit: int, after: tuple[int, bytes] | None
) -> list[CredentialRow]:
    # One keyset query an owner, merged: `owner IN (…) ORDER BY` would sort the whole store for 20 rows.
    order = ("created_at", "id")
    pages = [
        reader.find(CredentialRow, {"owner_id": owner, **where}, order=order, after=after, limit=limit)
        for owner in owners
    ]
    return list(islice(merge(*pages, key=lambda row: (row.created_at, row.id)), limit))


def _cursor_of(row: CredentialRow) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.created_at, row.id.hex()]).encode()).decode().rstrip("=")


def _cursor(text: str | None) -> tuple[int, bytes] | None:
    if not text:
        return None
    try:
        created_at, hex_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(created_at, int) and abs(created_at) < 2**63:
            return created_at, bytes.fromhex(hex_id)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise InvalidCredential("not a page of this list", errors={"after": "take `next` of the page before"})


def known_names(vault: Vault, caller: Caller) -> dict[str, Any]:
    """Names, kinds and environments, for completion."""
    with vault.store.read() as reader:
        return {
            "names": [
                {"name": stored.name, "kind": stored.row.kind, "environment": stored.row.environment}
                for stored in vault.visible(reader)
            ]
        }


def versions(vault: Vault, caller: Caller, ref: str, environment: str | None = None) -> dict[str, Any]:
    """All versions of a credential, newest first."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        where = {"credential_id": stored.row.id}
        rows = reader.find(VersionRow, where, order=("version",), descending=True)
        return {
            "versions": [
                {
                    "version": row.version,
                    "created_at": iso(row.created_at),
                    "current": row.version == stored.row.current_version,
                }
                for row in rows
            ]
        }
