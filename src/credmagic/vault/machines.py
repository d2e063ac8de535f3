"""Which machines may sign in, and with what?

A machine identity is a principal without a person: jobs sign in as it. Its password is kept as a hash alone; a
generated one leaves the vault once, with the answer that made it or sealed to a browser.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from credmagic.crypto.keyset import Keyset
from credmagic.crypto.password_hash import check_new_password, hash_password, is_password
from credmagic.errors import Conflict, InvalidCredential
from credmagic.kinds.names import check_name
from credmagic.store.rows import PrincipalRow
from credmagic.vault import identities
from credmagic.vault.audit import Caller, Event
from credmagic.vault.passwords import Policy, generate
from credmagic.vault.records import iso
from credmagic.vault.vault import Vault

_ID = re.compile(r"[A-Za-z0-9._@-]{1,128}\Z")
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""Checked where there is nobody, so that an unknown id takes as long as a wrong password."""


def machines(vault: Vault, caller: Caller) -> dict[str, Any]:
    """Every machine identity, oldest first."""
    with vault.store.read() as reader:
        return {"machines": [_view(vault.keyset, row) for row in identities.rows(reader)]}


def add(
    vault: Vault, caller: Caller, id: str | None = None, name: str | None = None, role: str = "Contributor",
    password: str | None = None, reveal: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """A new machine identity; what is left out is made. A generated password comes with the answer, this once."""
    ident = str(uuid.uuid4()) if id is None else id
    errors = {} if _ID.match(ident) else {"id": "1 to 128 of A-Z a-z 0-9 . _ @ -"}
    errors |= {} if role in identities.ROLES else {"role": " or ".join(identities.ROLES)}
    if errors:
        raise InvalidCredential(
            "no such machine identity can be made", errors=errors, next_step="Help: %cred machine add --help"
        )
    display_name = check_name(name if name else f"machine-user-{ident}")
    kept, shown = _password(vault, password)
    row = identities.new(vault.keyset, role, {"name": display_name, "id": ident, "password": kept})
    with vault.change(Event("principal.create", caller, object_id=row.id)) as transaction:
        if identities.by_ident(transaction, vault.keyset, ident):
            raise Conflict(
                "there is a machine of that id already",
                errors={"id": "taken"},
                next_step="Give it a new password: %cred machine set-password ID",
            )
        transaction.insert(row)
    return {**_view(vault.keyset, row), **_handed(vault, caller, row, shown, reveal)}


def set_password(
    vault: Vault, caller: Caller, ref: str, password: str | None = None, reveal: bool = False
) -> dict[str, Any]:
    """Another password; the old one is refused from now on. A generated one comes with the answer, this once."""
    kept, shown = _password(vault, password)
    with identities.changing(vault, caller, "principal.password", ref) as (transaction, row):
        content = {**identities.content(vault.keyset, row), "password": kept}
        changed = identities.rewrite(vault, transaction, row, content, ends_tokens=True)
    return {**_view(vault.keyset, changed), **_handed(vault, caller, row, shown, reveal)}


def pause(vault: Vault, caller: Caller, ref: str) -> dict[str, Any]:
    """Refuse it until it is resumed, whatever token it holds."""
    return _set_status(vault, caller, ref, "paused")


def resume(vault: Vault, caller: Caller, ref: str) -> dict[str, Any]:
    """Let it in again."""
    return _set_status(vault, caller, ref, "active")


def _set_status(vault: Vault, caller: Caller, ref: str, status: str) -> dict[str, Any]:
    with identities.changing(vault, caller, f"principal.{status}", ref) as (transaction, row):
        content = identities.content(vault.keyset, row)
        changed = identities.rewrite(vault, transaction, row, content, ends_tokens=True, status=status)
    return _view(vault.keyset, changed)


def remove(vault: Vault, caller: Caller, ref: str, force: bool = False) -> dict[str, Any]:
    """Remove a machine identity and its keys; with `force` also the credentials that are its own."""
    with identities.changing(vault, caller, "principal.remove", ref, "forced" if force else "") as (transaction, row):
        owned = identities.remove(vault, transaction, row, force, "machine")
    return {"removed": _view(vault.keyset, row), "credentials": owned}


def prove(vault: Vault, ident: str, password: str) -> PrincipalRow | None:
    """The machine whose id and password these are; None for every other pair. Whether it is paused is not asked.

    Raises `RateLimited` when too many passwords wait already.
    """
    with vault.store.read() as reader:
        row = identities.by_ident(reader, vault.keyset, ident)
    opened = identities.content(vault.keyset, row) if row else {}
    known = is_password(vault.keyset, str(opened.get("password") or _NOBODY), password)
    return row if known else None


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────────────
def _password(vault: Vault, given: str | None) -> tuple[str, str]:
    """The hash to keep, and the password itself if it was made here."""
    if given is not None:
        check_new_password(given)
        return hash_password(vault.keyset, given), ""
    made = str.__str__(generate(Policy()))
    return hash_password(vault.keyset, made), made


def _handed(vault: Vault, caller: Caller, row: PrincipalRow, made: str, reveal: bool) -> dict[str, Any]:
    """A generated password for whoever asked: for a browser to open, or for a terminal or file as it is."""
    if not made:
        return {}
    if reveal or caller.plane not in ("local", "kernel"):
        offer = vault.reveals.offer({"password": made}, caller.session, row.id)
        return {"generated": "password", **offer}
    return {"generated": "password", "password": made}


def _view(keyset: Keyset, row: PrincipalRow) -> dict[str, Any]:
    content = identities.content(keyset, row)
    return {
        "id": content["id"],
        "name": content["name"],
        "email": None,
        "created": iso(row.created_at),
        "status": row.status,
        "role": row.role,
    }
