"""What is a credential attached to, and which one is an object's default?

An association ties a credential to a typed object (notebook, kernelspec, server, data connection…). It may be that
object's default, at most one per (object, owner, kind), and it may say how to inject. The object's id is sealed; it is
found again by its keyed index.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from credmagic.errors import AccessDenied, Conflict, CredentialNotFound, InvalidCredential, NotUsable, word
from credmagic.plugins import Registry
from credmagic.store.rows import AssociationRow, CredentialRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.objects import check_page, named_object
from credmagic.vault.records import Stored, open_association, open_to_show, seal_association
from credmagic.vault.vault import Vault

T = TypeVar("T")
ORDERS = ("isDefault", "-isDefault", "createdAt", "-createdAt", "name", "-name")


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
    """Attach a credential to an object, or change how it is attached.

    Returns the association, with `replaced` (the name that was the default until now, or None) and `changed` (it was
    attached already).
    """
    _check_way(inject)
    object_type, object_id = named_object(caller, object_type, object_id)
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        replaced = _default_there(vault, reader, object_type, object_id, stored) if default else None
        known = _existing(vault, reader, stored, object_type, object_id)
    with vault.change(Event("association.add", caller, object_id=stored.row.id)) as transaction:
        row = attach_in(vault, transaction, caller, stored, object_type, object_id, default, inject)
    return {**open_association(vault.keyset, row), "replaced": replaced, "changed": known is not None}


def _existing(
    vault: Vault, reader: Reader, stored: Stored, object_type: str, object_id: str
) -> AssociationRow | None:
    index = vault.keyset.object_index(object_type, object_id)
    where = {"credential_id": stored.row.id, "object_type": object_type, "object_ix": index}
    return next(iter(reader.find(AssociationRow, where, limit=1)), None)


def _default_there(vault: Vault, reader: Reader, object_type: str, object_id: str, stored: Stored) -> str | None:
    """The name of another credential that is the default of the same kind there now."""
    for row in _rows_of(vault, reader, object_type, object_id):
        if row.is_default and row.kind == stored.row.kind and row.credential_id != stored.row.id:
            credential = reader.get(CredentialRow, id=row.credential_id)
            return open_to_show(vault.keyset, credential).name if credential else None
    return None


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
    object_type, found_id = named_object(caller, object_type, object_id)
    index = vault.keyset.object_index(object_type, found_id)
    if default:
        _unset_default(vault, transaction, object_type, index, stored)
    existing = _existing(vault, transaction, stored, object_type, found_id)
    if existing is not None:
        row = replace(existing, is_default=int(default), inject=inject, revision=existing.revision + 1)
        row = seal_association(vault.keyset, row, found_id)
        transaction.update(row, expected_revision=existing.revision)
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
    object_type, found_id = named_object(caller, object_type, object_id)
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
    with vault.change(Event("association.remove", caller, object_id=stored.row.id)) as transaction:
        row = _existing(vault, transaction, stored, object_type, found_id)
        if row is None:
            raise Conflict(
                f'"{stored.name}" is not attached to {object_type} {found_id}',
                next_step=f"See what it is attached to: %cred uses {word(stored.name)}",
            )
        detached = open_association(vault.keyset, row)
        transaction.delete(row)
    return {"detached": detached}


def listed(vault: Vault, reader: Reader, stored: Stored, types: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """All associations of one credential, oldest first."""
    where: dict[str, Any] = {"credential_id": stored.row.id}
    if types:
        where["object_type"] = list(types)
    rows = reader.find(AssociationRow, where, order=("created_at", "id"))
    return [open_association(vault.keyset, row) for row in rows]


def associated(
    vault: Vault,
    caller: Caller,
    object_type: str = "notebook",
    object_id: str | None = None,
    limit: int = 20,
    offset: int = 0,
    order: str = "",
) -> dict[str, Any]:
    """The credentials attached to one object (without an id: the caller's own), sorted by one of `ORDERS`."""
    check_page(limit, offset, order, ORDERS)
    object_type, object_id = named_object(caller, object_type, object_id)
    with vault.store.read() as reader:
        rows = _rows_of(vault, reader, object_type, object_id)
        if not order.endswith("name"):
            rows = _ordered(rows, order, lambda row: row.is_default)[offset : offset + limit]
        found = [_associated(vault, reader, row, object_id) for row in rows]
        total = len(_rows_of(vault, reader, object_type, object_id))
    if order.endswith("name"):
        found = _ordered(found, order, lambda one: one["name"].casefold())[offset : offset + limit]
    return {"associated": found, "total": total, "object_type": object_type, "object_id": object_id}


def _ordered(rows: list[T], order: str, key: Callable[[T], Any]) -> list[T]:
    """`rows` (oldest first) by `key`, or for an order by time as they are; backwards with a `-`."""
    down = order.startswith("-")
    if not order or order.endswith("createdAt"):
        return rows[::-1] if down else rows
    return sorted(rows, key=key, reverse=down)


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
    """The id of this notebook's default credential of `kind`, else its kernelspec's, else its server's.

    Raises `CredentialNotFound`.
    """
    with vault.store.read() as reader:
        for object_type, object_id in caller.objects():
            for row in _rows_of(vault, reader, object_type, object_id):
                if row.is_default and row.kind == kind:
                    open_association(vault.keyset, row)
                    return row.credential_id.hex()
    raise CredentialNotFound(
        f"no credential of kind {kind} is the default of this notebook, its kernelspec or its server",
        next_step=f"Choose one: %cred select {kind} — or: %cred attach NAME --default",
    )


def injections(vault: Vault, caller: Caller) -> dict[str, Any]:
    """What is attached to this notebook, kernelspec or server with an injector, resolved; each is an audited use.

    One that does not resolve stands in `refused` and keeps no other back.
    """
    ways: dict[bytes, str] = {}
    with vault.store.read() as reader:
        for object_type, object_id in caller.objects():
            for row in _rows_of(vault, reader, object_type, object_id):
                if row.inject:
                    open_association(vault.keyset, row)  # a forged row must not hand out anything
                    ways.setdefault(row.credential_id, row.inject)
    found, refused = [], []
    for credential_id, inject in ways.items():
        try:
            resolved = vault.resolver.resolve(caller, credential_id.hex(), describe=True)
        except (NotUsable, AccessDenied) as error:
            refused.append({"inject": inject, "error": error.to_json()})
            continue
        vault.injected.note(caller, credential_id)
        found.append({"inject": inject, "resolved": resolved})
    return {"injections": found, "refused": refused}
