"""What is a credential attached to, and which one is an object's default?

An association ties a credential to a typed object (notebook, kernelspec, server, data connection…). It may be that
object's default, at most one per (object, owner, kind), and it may say how to inject. The object's id is sealed; it is
found again by its keyed index.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from credmagic.errors import Conflict, CredentialNotFound, InvalidCredential, word
from credmagic.plugins import Registry
from credmagic.store.rows import AssociationRow, AuditRow, CredentialRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.records import Stored, iso, open_association, open_to_show, seal_association
from credmagic.vault.vault import Vault

RECENT = 20
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_object(object_type: str, object_id: str | None) -> tuple[str, str]:
    """A type in snake_case and an id of 1 to 1024 characters. Raises `InvalidCredential`."""
    if not _TYPE.match(object_type):
        raise InvalidCredential(
            "not a type of object", errors={"object_type": "small letters and _, e.g. notebook, kernelspec"}
        )
    if not object_id or len(object_id) > 1024 or _CONTROL.search(object_id):
        raise InvalidCredential(
            "the object needs an id",
            errors={"object_id": "1 to 1024 characters without control characters"},
            next_step=f"%cred attach NAME {object_type} ID",
        )
    return object_type, object_id


def _object(caller: Caller, object_type: str, object_id: str | None) -> tuple[str, str]:
    """The object meant; a notebook without an id is the caller's own, as its server knows it."""
    if object_id is None and object_type == "notebook":
        object_id = caller.notebook
        if object_id is None:
            raise InvalidCredential(
                "this session belongs to no notebook that a server knows",
                next_step="Name the object: %cred attach NAME notebook PATH",
                errors={"object_id": "missing"},
            )
    return check_object(object_type, object_id)


def attach(
    vault: Vault,
    caller: Caller,
    ref: str,
    environment: str | None = None,
    object_type: str = "notebook",
    object_id: str | None = None,
    default: bool = False,
    inject: str = "",
) -> dict[str, Any]:
    """Attach a credential to an object, or change how it is attached. Returns the association."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
    with vault.change(Event("association.add", caller, object_id=stored.row.id)) as transaction:
        row = attach_in(vault, transaction, caller, stored, object_type, object_id, default, inject)
    return open_association(vault.keyset, row)


def attach_in(
    vault: Vault,
    transaction: Transaction,
    caller: Caller,
    stored: Stored,
    object_type: str = "notebook",
    object_id: str | None = None,
    default: bool = False,
    inject: str = "",
) -> AssociationRow:
    """The same inside a running transaction (a form saves and attaches in one)."""
    _check_way(inject)
    object_type, found_id = _object(caller, object_type, object_id)
    index = vault.keyset.object_index(object_type, found_id)
    if default:
        _unset_default(vault, transaction, object_type, index, stored)
    where = {"credential_id": stored.row.id, "object_type": object_type, "object_ix": index}
    existing = transaction.find(AssociationRow, where, limit=1)
    if existing:
        row = replace(existing[0], is_default=int(default), inject=inject, revision=existing[0].revision + 1)
        row = seal_association(vault.keyset, row, found_id)
        transaction.update(row, expected_revision=existing[0].revision)
        return row
    row = AssociationRow(
        os.urandom(16), stored.row.id, vault.owners.me, object_type, index, int(default), inject,
        stored.row.kind, vault.keyset.primary_id, 1, b"", now(),
    )  # fmt: skip
    row = seal_association(vault.keyset, row, found_id)
    transaction.insert(row)
    return row


def _check_way(inject: str) -> None:
    """Refuse what no kernel could do. The ways are plug-ins of the kernel side, known here by name only."""
    ways = Registry[object]("credmagic.injectors").names()
    if inject and inject not in ways:
        raise InvalidCredential(
            "there is no such way of injecting",
            errors={"inject": f"must be one of {', '.join(ways)}"},
            next_step="Variables, for example: %cred attach NAME --inject export",
        )


def _unset_default(vault: Vault, transaction: Transaction, object_type: str, index: bytes, stored: Stored) -> None:
    where = {
        "object_type": object_type, "object_ix": index, "owner_id": vault.owners.me,
        "kind": stored.row.kind, "is_default": 1,
    }  # fmt: skip
    for row in transaction.find(AssociationRow, where):
        if row.credential_id != stored.row.id:
            object_id = open_association(vault.keyset, row)["object_id"]
            changed = replace(row, is_default=0, revision=row.revision + 1)
            transaction.update(seal_association(vault.keyset, changed, object_id), expected_revision=row.revision)


def detach(
    vault: Vault,
    caller: Caller,
    ref: str,
    environment: str | None = None,
    object_type: str = "notebook",
    object_id: str | None = None,
) -> dict[str, Any]:
    """Take an association away. Raises `Conflict` when there is none."""
    object_type, found_id = _object(caller, object_type, object_id)
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
    with vault.change(Event("association.remove", caller, object_id=stored.row.id)) as transaction:
        index = vault.keyset.object_index(object_type, found_id)
        where = {"credential_id": stored.row.id, "object_type": object_type, "object_ix": index}
        rows = transaction.find(AssociationRow, where, limit=1)
        if not rows:
            raise Conflict(
                f'"{stored.name}" is not attached to {object_type} {found_id}',
                next_step=f"See what it is attached to: %cred uses {word(stored.name)}",
            )
        detached = open_association(vault.keyset, rows[0])
        transaction.delete(rows[0])
    return {"detached": detached}


def listed(vault: Vault, reader: Reader, stored: Stored, types: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """All associations of one credential, oldest first."""
    where: dict[str, Any] = {"credential_id": stored.row.id}
    if types:
        where["object_type"] = list(types)
    rows = reader.find(AssociationRow, where, order=("created_at", "id"))
    return [open_association(vault.keyset, row) for row in rows]


def uses(
    vault: Vault,
    caller: Caller,
    ref: str,
    environment: str | None = None,
    limit: int = 100,
    offset: int = 0,
    types: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What a credential is attached to, and when it was last used from where."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        found = listed(vault, reader, stored, types)
        where = {"object_id": stored.row.id, "action": "use"}
        rows = reader.find(AuditRow, where, order=("seq",), descending=True, limit=RECENT)
        known = _known_notebooks(vault, reader, caller)
    return {
        "associations": found[offset : offset + limit],
        "total": len(found),
        "recent": [_recent(row, known) for row in rows],
    }


def _known_notebooks(vault: Vault, reader: Reader, caller: Caller) -> dict[str, str]:
    """Paths by keyed index: the audit log itself holds no names."""
    rows = reader.find(AssociationRow, {"object_type": "notebook"}, limit=1000)
    known = {row.object_ix.hex(): open_association(vault.keyset, row)["object_id"] for row in rows}
    if caller.notebook:
        known[vault.keyset.object_index("notebook", caller.notebook).hex()] = caller.notebook
    return known


def _recent(row: AuditRow, known: dict[str, str]) -> dict[str, Any]:
    body = json.loads(row.body)
    index = body.get("notebook_ix")
    notebook = known.get(index, f"notebook #{index[:6]}") if index else None
    return {"at": iso(row.ts), "plane": body.get("plane"), "notebook": notebook, "outcome": row.outcome}


def associated(
    vault: Vault,
    caller: Caller,
    object_type: str,
    object_id: str,
    limit: int = 20,
    offset: int = 0,
    order: str = "",
) -> dict[str, Any]:
    """The credentials attached to one object; `order` is `isDefault`, `-isDefault` or nothing."""
    object_type, object_id = check_object(object_type, object_id)
    with vault.store.read() as reader:
        rows = _rows_of(vault, reader, object_type, object_id)
        if order:
            rows.sort(key=lambda row: row.is_default, reverse=order.startswith("-"))
        found = [_associated(vault, reader, row, object_id) for row in rows[offset : offset + limit]]
    return {"associated": found, "total": len(rows)}


def _rows_of(vault: Vault, reader: Reader, object_type: str, object_id: str) -> list[AssociationRow]:
    index = vault.keyset.object_index(object_type, object_id)
    where = {"object_type": object_type, "object_ix": index, "owner_id": vault.owners.me}
    return reader.find(AssociationRow, where, order=("created_at", "id"))


def _associated(vault: Vault, reader: Reader, row: AssociationRow, object_id: str) -> dict[str, Any]:
    credential = reader.get(CredentialRow, id=row.credential_id)
    if credential is None:
        raise CredentialNotFound("an association points to a credential that is gone")
    shown = open_association(vault.keyset, row)
    return {
        **vault.view(open_to_show(vault.keyset, credential)),
        "object_type": row.object_type,
        "object_id": object_id,
        "is_default": shown["is_default"],
        "inject": shown["inject"],
    }


def default_of(vault: Vault, caller: Caller, kind: str) -> str:
    """The id of this notebook's default credential of `kind`. Raises `CredentialNotFound` if there is none."""
    if caller.notebook:
        with vault.store.read() as reader:
            for row in _rows_of(vault, reader, "notebook", caller.notebook):
                if row.is_default and row.kind == kind:
                    open_association(vault.keyset, row)
                    return row.credential_id.hex()
    raise CredentialNotFound(
        f"this notebook has no default credential of kind {kind}",
        next_step=f"Choose one: %cred select {kind} — or: %cred attach NAME --default",
    )


def injections(vault: Vault, caller: Caller) -> dict[str, Any]:
    """What is attached to this notebook with an injector, resolved; each resolution is an audited use."""
    if not caller.notebook:
        return {"injections": []}
    with vault.store.read() as reader:
        rows = [row for row in _rows_of(vault, reader, "notebook", caller.notebook) if row.inject]
        for row in rows:
            open_association(vault.keyset, row)  # a forged row must not hand out anything
    return {
        "injections": [
            {
                "inject": row.inject,
                "resolved": vault.resolver.resolve(caller, row.credential_id.hex(), describe=True),
            }
            for row in rows
        ]
    }
