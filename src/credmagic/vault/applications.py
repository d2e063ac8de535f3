"""Which applications are there, and what may each do?

An application is a machine identity without a password: it signs in with access keys. Its roles are those that
Conductor's clients send, kept for reading back; here ADMIN makes it an Admin, any other a Contributor.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from credmagic.crypto.keyset import Keyset
from credmagic.errors import InvalidCredential
from credmagic.kinds.names import check_name, has_control
from credmagic.store.rows import PrincipalRow
from credmagic.store.transaction import Reader
from credmagic.vault import identities
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.records import iso
from credmagic.vault.vault import Vault

ROLES = ("ADMIN", "USER", "WORKER", "METADATA_MANAGER", "WORKFLOW_MANAGER", "UNRESTRICTED_WORKER")
MOST_TAGS = 100
_TAG = {"key", "type", "value"}


def apps(vault: Vault, caller: Caller) -> dict[str, Any]:
    """Every application, oldest first."""
    with vault.store.read() as reader:
        views = [(row, identities.content(vault.keyset, row)) for row in identities.rows(reader)]
    return {"apps": [_view(row, opened) for row, opened in views if identities.is_application(opened)]}


def show(vault: Vault, caller: Caller, ref: str) -> dict[str, Any]:
    """One application."""
    with vault.store.read() as reader:
        return view(vault.keyset, identities.found(vault, reader, ref, "app"))


def add(vault: Vault, caller: Caller, name: str, roles: Sequence[str] = ()) -> dict[str, Any]:
    """A new application, Contributor unless it has the role ADMIN; it signs in with access keys."""
    with vault.store.read() as reader:
        by = _name_of_caller(vault, reader)
    checked = _checked_roles(roles)
    opened = {
        "id": str(uuid.uuid4()), "name": check_name(name), "roles": checked, "tags": [],
        "created_by": by, "updated_by": by, "updated_at": iso(now()),
    }  # fmt: skip
    row = identities.new(vault.keyset, _role(checked), opened)
    with vault.change(Event("principal.create", caller, object_id=row.id)) as transaction:
        transaction.insert(row)
    return view(vault.keyset, row)


def update(
    vault: Vault, caller: Caller, ref: str, name: str | None = None, roles: Sequence[str] | None = None,
    tags: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Another name, other roles, other tags: each replaces what was there, what is left out stays."""
    given: dict[str, Any] = {} if name is None else {"name": check_name(name)}
    given |= {} if roles is None else {"roles": _checked_roles(roles)}
    given |= {} if tags is None else {"tags": _checked_tags(tags)}
    action = "principal.update" if roles is None else "principal.role"
    with identities.changing(vault, caller, action, ref, what="app") as (transaction, row):
        opened = {**identities.content(vault.keyset, row), **given}
        opened |= {"updated_by": _name_of_caller(vault, transaction), "updated_at": iso(now())}
        role = _role(opened["roles"])
        changed = identities.rewrite(vault, transaction, row, opened, ends_tokens=role != row.role, role=role)
    return view(vault.keyset, changed)


def remove(vault: Vault, caller: Caller, ref: str, force: bool = False) -> dict[str, Any]:
    """Remove an application and its keys; with `force` also the credentials that are its own, else they refuse it."""
    reason = "forced" if force else ""
    with identities.changing(vault, caller, "principal.remove", ref, reason, "app") as (transaction, row):
        owned = identities.remove(vault, transaction, row, force, "app")
    return {"removed": view(vault.keyset, row), "credentials": owned}


def view(keyset: Keyset, row: PrincipalRow) -> dict[str, Any]:
    """An application as everybody may see it (and a machine whose key was asked after, in the same shape)."""
    return _view(row, identities.content(keyset, row))


def _view(row: PrincipalRow, opened: Mapping[str, Any]) -> dict[str, Any]:
    created = iso(row.created_at)
    return {
        "id": opened["id"],
        "name": opened["name"],
        "role": row.role,
        "roles": opened.get("roles", []),
        "tags": opened.get("tags", []),
        "status": row.status,
        "created_by": opened.get("created_by", ""),
        "created_at": created,
        "updated_by": opened.get("updated_by", ""),
        "updated_at": opened.get("updated_at", created),
    }


def _role(roles: Sequence[str]) -> str:
    return "Admin" if "ADMIN" in roles else "Contributor"


def _checked_roles(roles: Sequence[str]) -> list[str]:
    if unknown := set(roles) - set(ROLES):
        raise InvalidCredential(
            "an application cannot have that role" if len(unknown) == 1 else "an application cannot have those roles",
            errors={"roles": f"some of {', '.join(ROLES)}"},
            next_step="ADMIN may manage; any other role may read, write and use.",
        )
    return list(dict.fromkeys(roles))


def _checked_tags(tags: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    good = len(tags) <= MOST_TAGS and all(
        {"key", "value"} <= tag.keys() <= _TAG
        and all(isinstance(text, str) and len(text) <= 256 and not has_control(text) for text in tag.values())
        for tag in tags
    )
    if not good:
        raise InvalidCredential(
            "these tags cannot be kept",
            errors={"tags": f"at most {MOST_TAGS} of {{key, type?, value}}, texts of up to 256 characters"},
            next_step="Tags are for finding and reading; a value that is secret belongs into a credential.",
        )
    return [dict(tag) for tag in tags]


def _name_of_caller(vault: Vault, reader: Reader) -> str:
    row = reader.get(PrincipalRow, id=vault.owners.me)
    opened = identities.content(vault.keyset, row) if row else {}
    return str(opened.get("id") or opened.get("name", ""))
