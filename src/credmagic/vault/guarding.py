"""Which notebooks may use a guarded credential, and who decides?

Guarding turns "any notebook of its owner" into a list of grants: notebooks by path, kernelspecs by name, both as
the server knows them. Only the operator's terminal grants, since a page's script could press any button. On one's own
machine it prevents accidents and is no boundary: code that runs as you can do what you can do.
"""

from __future__ import annotations

import os
from dataclasses import replace
from shlex import quote
from typing import Any

from credmagic.errors import AccessDenied, Conflict, InvalidCredential, word
from credmagic.store.rows import GrantRow
from credmagic.store.transaction import Reader
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.identity_provider import SIGNED_IN
from credmagic.vault.objects import check_object
from credmagic.vault.records import Stored, open_grant, seal_grant, seal_meta
from credmagic.vault.vault import Vault

GRANTABLE = ("notebook", "kernelspec")


def guard(vault: Vault, caller: Caller, ref: str, on: bool, environment: str | None = None) -> dict[str, Any]:
    """Guard a credential, or stop guarding it; grants stay for the next time. Returns its view with `grants`."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        grants = grants_of(vault, reader, stored)
    if stored.guarded != on:
        meta = {**stored.meta, "guarded": on}
        row = replace(stored.row, revision=stored.row.revision + 1)
        changed = seal_meta(vault.keyset, row, meta)
        with vault.change(Event("guard.on" if on else "guard.off", caller, object_id=row.id)) as transaction:
            transaction.update(changed.row, expected_revision=stored.row.revision)
        stored = changed
    return {**vault.view(stored), "grants": grants}


def grant(
    vault: Vault, caller: Caller, ref: str, object_type: str, object_id: str, environment: str | None = None
) -> dict[str, Any]:
    """Let one notebook or kernelspec use a guarded credential. Granting twice changes nothing."""
    where, stored = _place(vault, ref, object_type, object_id, environment)
    with vault.store.read() as reader:
        known = reader.find(GrantRow, where, limit=1)
    if known:
        return {"grant": open_grant(vault.keyset, known[0]), "guarded": stored.guarded}
    row = GrantRow(
        os.urandom(16), stored.row.id, vault.owners.me, object_type, where["object_ix"],
        vault.keyset.primary_id, 1, b"", now(),
    )  # fmt: skip
    row = seal_grant(vault.keyset, row, object_id)
    with vault.change(Event("grant.add", caller, object_id=stored.row.id)) as transaction:
        transaction.insert(row)
    return {"grant": open_grant(vault.keyset, row), "guarded": stored.guarded}


def revoke(
    vault: Vault, caller: Caller, ref: str, object_type: str, object_id: str, environment: str | None = None
) -> dict[str, Any]:
    """Take a grant away. Raises `Conflict` when there is none."""
    where, stored = _place(vault, ref, object_type, object_id, environment)
    with vault.change(Event("grant.remove", caller, object_id=stored.row.id)) as transaction:
        rows = transaction.find(GrantRow, where, limit=1)
        if not rows:
            raise Conflict(
                f'{object_type} {object_id} has no grant for "{stored.name}"',
                next_step=f"See who has one: credmagic show {quote(stored.name)}",
            )
        transaction.delete(rows[0])
    return {"revoked": {"object_type": object_type, "object_id": object_id}, "guarded": stored.guarded}


def _place(
    vault: Vault, ref: str, object_type: str, object_id: str, environment: str | None
) -> tuple[dict[str, Any], Stored]:
    if object_type not in GRANTABLE:
        raise InvalidCredential(
            "grants are for notebooks and kernelspecs",
            errors={"object_type": f"one of {', '.join(GRANTABLE)}"},
            next_step="credmagic grant NAME notebook PATH",
        )
    check_object(object_type, object_id, "credmagic grant NAME notebook PATH")
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
    index = vault.keyset.object_index(object_type, object_id)
    return {"credential_id": stored.row.id, "object_type": object_type, "object_ix": index}, stored


def grants_of(vault: Vault, reader: Reader, stored: Stored) -> list[dict[str, Any]]:
    """The grants of one credential, oldest first."""
    rows = reader.find(GrantRow, {"credential_id": stored.row.id}, order=("created_at", "id"))
    return [open_grant(vault.keyset, row) for row in rows]


def check_change(vault: Vault, caller: Caller, stored: Stored) -> None:
    """Only who may use a guarded credential may change its fields: a new host with the stored password would tell it.

    The operator's own process may. What a sign-in brought is changed by nothing else: an edit would store the secret of
    the application beside it. Raises `AccessDenied`, `InvalidCredential`.
    """
    if mark := stored.meta.get(SIGNED_IN):
        raise InvalidCredential(
            f'"{stored.name}" is what your sign-in brought: its values are not edited',
            next_step=f"Sign in again: %cred login {word(mark['app_id'])} --idp",
        )
    if not stored.guarded or caller.plane == "local":
        return
    if not caller.objects():
        raise AccessDenied(
            f'"{stored.name}" is guarded: its values are changed in a notebook with a grant, or in a terminal',
            next_step=f"In a terminal: credmagic rotate {quote(stored.name)}",
        )
    vault.resolver.check_grant(caller, stored)
