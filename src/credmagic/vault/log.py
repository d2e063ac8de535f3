"""What happened, as far as the one who asks may know it?

Everybody reads what he did himself and what was done to what is his. To who manages the store everything is his, what
the team shares and what is gone too, but for what another did with a credential of that one's own. Who reaches all (see
`access`) reads all. Each page is checked against the chain of MACs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from credmagic.store.rows import AuditRow, CredentialRow, PrincipalRow
from credmagic.store.transaction import Reader
from credmagic.vault import access
from credmagic.vault.access import principal_context
from credmagic.vault.audit import Caller, check_chain
from credmagic.vault.lookup import Owners
from credmagic.vault.records import iso
from credmagic.vault.vault import Vault

SEARCHED = 50_000
"""How many of the newest events are looked through for those one may know of."""
_PAGE = 500


def audit(
    vault: Vault, caller: Caller, ref: str | None = None, environment: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """The newest events that the caller may know of, newest first; of one credential with `ref`."""
    with vault.store.read() as reader:
        where = {"object_id": vault.find(reader, ref, environment).row.id} if ref else {}
        rows = list(islice(_readable(vault, reader, where), limit))
        _check(vault, reader, rows)
        names, actors = _names(vault, reader, rows), _actors(vault, reader, rows)
    return {"events": [_event(row, names, actors) for row in rows], "chain": "whole"}


# ── which ────────────────────────────────────────────────────────────────────────────────────────────────────
def _readable(vault: Vault, reader: Reader, where: Mapping[str, Any]) -> Iterator[AuditRow]:
    after: tuple[int, ...] | None = None
    for _ in range(SEARCHED // _PAGE):
        rows = reader.find(AuditRow, where, order=("seq",), after=after, descending=True, limit=_PAGE)
        own = rows if access.OTHERS in vault.acting.reach else _own(vault, reader, rows)
        yield from own
        if len(rows) < _PAGE:
            return
        after = (rows[-1].seq,)


def _own(vault: Vault, reader: Reader, rows: list[AuditRow]) -> list[AuditRow]:
    foreign = [row for row in rows if _actor(vault, row) != vault.owners.me]
    about = {row.object_id for row in foreign if row.object_id}
    kept = reader.find(CredentialRow, {"id": sorted(about)}) if about else []
    if vault.acting.reaches("manage"):
        others = {row.id for row in kept if row.owner_id not in vault.owners}
        hidden = {row.seq for row in foreign if row.object_id in others}
    else:
        mine = {row.id for row in kept if row.owner_id == vault.owners.me}
        hidden = {row.seq for row in foreign if row.object_id not in mine}
    return [row for row in rows if row.seq not in hidden]


def _actor(vault: Vault, row: AuditRow) -> bytes:
    """The principal that did it; what nobody signed in for was done by the laptop owner, or to his store."""
    principal = json.loads(row.body).get("principal")
    return bytes.fromhex(principal) if principal else Owners.of(vault.keyset).me


def _check(vault: Vault, reader: Reader, rows: list[AuditRow]) -> None:
    """Follow the chain from just before the oldest row shown to the newest."""
    if rows:
        oldest = rows[-1].seq
        before = reader.get(AuditRow, seq=oldest - 1)
        span = reader.find(AuditRow, order=("seq",), after=(oldest - 1,), limit=rows[0].seq - oldest + 1)
        check_chain(vault.keyset, span, seq=oldest - 1, mac=before.mac if before else b"")


# ── how they are shown ───────────────────────────────────────────────────────────────────────────────────────
def _names(vault: Vault, reader: Reader, rows: Iterable[AuditRow]) -> dict[bytes, str]:
    """Today's names of what the rows are about: the log itself holds none. What is gone or another's has none."""
    ids = sorted({row.object_id for row in rows if row.object_id})
    found = reader.find(CredentialRow, {"id": ids, "owner_id": list(vault.owners)})
    return {row.id: vault.shown(row).name for row in found}


def _actors(vault: Vault, reader: Reader, rows: Iterable[AuditRow]) -> dict[int, str]:
    """Who did it, by the event's number, where it was not the one who asks."""
    foreign = {row.seq: actor for row in rows if (actor := _actor(vault, row)) != vault.owners.me}
    named = {
        row.id: vault.keyset.open(principal_context(vault.keyset, row), row.sealed)
        for row in reader.find(PrincipalRow, {"id": sorted(set(foreign.values()))})
    }
    return {
        seq: str(named[actor].get("id") or named[actor]["name"]) if actor in named else f"{actor.hex()} (gone)"
        for seq, actor in foreign.items()
    }


def _event(row: AuditRow, names: Mapping[bytes, str], actors: Mapping[int, str]) -> dict[str, Any]:
    body = json.loads(row.body)
    return {
        "seq": row.seq,
        "at": iso(row.ts),
        "action": row.action,
        "outcome": row.outcome,
        "actor": actors.get(row.seq) or body.get("kernel") or body.get("peer") or "you",
        "plane": body.get("plane"),
        "object_id": row.object_id.hex() if row.object_id else None,
        "name": names.get(row.object_id) if row.object_id else None,
        "version": body.get("version"),
        "reason": body.get("reason", ""),
    }
