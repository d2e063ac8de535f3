"""Where is a credential used: what is it attached to, and which notebooks have used it, how often and when last?

An association is somebody's intention; a usage is what happened. The audit log has every use anyway, so it is what
counts them and knows the last one; a sealed row made at the first use only adds the notebook's name, which the log does
not hold (docs/decisions/0010).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from credmagic.store.rows import AuditRow, UsageRow
from credmagic.store.transaction import Reader
from credmagic.vault.associations import listed
from credmagic.vault.audit import Caller
from credmagic.vault.objects import check_page
from credmagic.vault.records import Stored, iso, open_usage
from credmagic.vault.vault import Vault

RECENT = 20
COUNTED = 50_000
"""How many of the newest uses are counted; of more, `counted_all` is false."""
_PAGE = 5_000
ORDERS = ("createdAt", "-createdAt", "type", "-type")


def uses(
    vault: Vault,
    caller: Caller,
    ref: str,
    environment: str | None = None,
    limit: int = 100,
    offset: int = 0,
    types: Sequence[str] | None = None,
    order: str = "createdAt",
) -> dict[str, Any]:
    """What a credential is attached to, which notebooks use it, and its last uses."""
    check_page(limit, offset, order, ORDERS)
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        found = listed(vault, reader, stored, types)
        counted = _Counted(reader, stored)
        names = _names(vault, reader, stored)
    if order.endswith("type"):
        found.sort(key=lambda one: (one["object_type"], one["object_id"]))
    if order.startswith("-"):
        found.reverse()
    return {
        "id": stored.row.id.hex(),
        "name": stored.name,
        "kind": stored.row.kind,
        "environment": stored.row.environment,
        "associations": found[offset : offset + limit],
        "total": len(found),
        "usages": [{**usage, **counted.of(index)} for index, usage in names.items()],
        "counted_all": counted.all,
        "injected": vault.injected.holders(stored.row.id),
        "recent": [_recent(row, body, names) for row, body in counted.newest],
    }


class _Counted:
    """The uses that went well, by notebook, from the newest backwards."""

    def __init__(self, reader: Reader, stored: Stored) -> None:
        self.newest: list[tuple[AuditRow, dict[str, Any]]] = []
        self._by_index: dict[str, tuple[int, int]] = {}
        seen = 0
        for row in _used(reader, stored.row.id):
            body = json.loads(row.body)
            if seen < RECENT:
                self.newest.append((row, body))
            seen += 1
            if row.outcome == "ok":
                count, last = self._by_index.get(body.get("notebook_ix", ""), (0, row.ts))
                self._by_index[body.get("notebook_ix", "")] = (count + 1, last)
        self.all = seen < COUNTED

    def of(self, index: str) -> dict[str, Any]:
        count, last = self._by_index.get(index, (0, None))
        return {"count": count, "last_at": iso(last)}


def _used(reader: Reader, credential_id: bytes) -> Iterator[AuditRow]:
    where = {"object_id": credential_id, "action": "use"}
    after: tuple[int, ...] | None = None
    for _ in range(COUNTED // _PAGE):
        rows = reader.find(AuditRow, where, order=("seq",), after=after, descending=True, limit=_PAGE)
        yield from rows
        if len(rows) < _PAGE:
            return
        after = (rows[-1].seq,)


def _names(vault: Vault, reader: Reader, stored: Stored) -> dict[str, dict[str, Any]]:
    """The notebooks that used it by their index: the audit log itself holds no names."""
    rows = reader.find(UsageRow, {"credential_id": stored.row.id}, order=("created_at", "id"))
    return {row.object_ix.hex(): open_usage(vault.keyset, row) for row in rows}


def _recent(row: AuditRow, body: dict[str, Any], names: dict[str, dict[str, Any]]) -> dict[str, Any]:
    index = body.get("notebook_ix")
    known = names.get(index or "", {}).get("object_id", f"notebook #{(index or '')[:6]}")
    notebook = known if index else None
    return {"at": iso(row.ts), "plane": body.get("plane"), "notebook": notebook, "outcome": row.outcome}


def note_injected(vault: Vault, caller: Caller, ref: str, held: bool = True) -> dict[str, Any]:
    """The caller's kernel has put the credential into its variables, or taken it back (`held` false)."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref)
    (vault.injected.note if held else vault.injected.drop)(caller, stored.row.id)
    return {"injected": vault.injected.holders(stored.row.id)}
