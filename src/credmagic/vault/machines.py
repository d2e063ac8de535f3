"""Which machines may sign in, and with what?

A machine identity is a principal without a person: jobs sign in as it. Its password is kept as a hash alone; a
generated one leaves the vault once, with the answer that made it or sealed to a browser.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from credmagic.crypto.keyset import Keyset
from credmagic.crypto.password_hash import check_new_password, hash_password, is_password
from credmagic.errors import Conflict, CredentialNotFound, InvalidCredential, NotFound, NotSignedIn
from credmagic.kinds.names import check_name
from credmagic.store.rows import CredentialRow, PrincipalRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.access import principal_context
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.credentials import remove_in
from credmagic.vault.passwords import Policy, generate
from credmagic.vault.records import iso, open_meta
from credmagic.vault.vault import Vault

ROLES = ("Admin", "Contributor")
_ID = re.compile(r"[A-Za-z0-9._@-]{1,128}\Z")
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""Checked where there is nobody, so that an unknown id takes as long as a wrong password."""


def machines(vault: Vault, caller: Caller) -> dict[str, Any]:
    """Every machine identity, oldest first."""
    with vault.store.read() as reader:
        return {"machines": [_view(vault.keyset, row) for row in _rows(reader)]}


def add(
    vault: Vault, caller: Caller, id: str | None = None, name: str | None = None, role: str = "Contributor",
    password: str | None = None, reveal: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """A new machine identity; what is left out is made. A generated password comes with the answer, this once."""
    ident = str(uuid.uuid4()) if id is None else id
    errors = {} if _ID.match(ident) else {"id": "1 to 128 of A-Z a-z 0-9 . _ @ -"}
    errors |= {} if role in ROLES else {"role": " or ".join(ROLES)}
    if errors:
        raise InvalidCredential(
            "no such machine identity can be made", errors=errors, next_step="Help: %cred machine add --help"
        )
    display_name = check_name(name if name else f"machine-user-{ident}")
    kept, shown = _password(vault, password)
    row = PrincipalRow(
        os.urandom(16), "machine", "active", role, _index(vault.keyset, ident), b"", vault.keyset.primary_id, 1, now()
    )
    content = {"name": display_name, "id": ident, "password": kept}
    row = _sealed(vault.keyset, row, content)
    with vault.change(Event("principal.create", caller, object_id=row.id)) as transaction:
        if _by_index(transaction, row.name_ix):
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
    with _changing(vault, caller, "principal.password", ref) as (transaction, row):
        content = {**_open(vault.keyset, row), "password": kept}
        changed = _sealed(vault.keyset, replace(row, revision=row.revision + 1), content)
        transaction.update(changed, expected_revision=row.revision)
    return {**_view(vault.keyset, changed), **_handed(vault, caller, row, shown, reveal)}


def pause(vault: Vault, caller: Caller, ref: str) -> dict[str, Any]:
    """Refuse it until it is resumed, whatever token it holds."""
    return _set_status(vault, caller, ref, "paused")


def resume(vault: Vault, caller: Caller, ref: str) -> dict[str, Any]:
    """Let it in again."""
    return _set_status(vault, caller, ref, "active")


def _set_status(vault: Vault, caller: Caller, ref: str, status: str) -> dict[str, Any]:
    with _changing(vault, caller, f"principal.{status}", ref) as (transaction, row):
        content = _open(vault.keyset, row)
        changed = _sealed(vault.keyset, replace(row, status=status, revision=row.revision + 1), content)
        transaction.update(changed, expected_revision=row.revision)
    return _view(vault.keyset, changed)


def remove(vault: Vault, caller: Caller, ref: str, force: bool = False) -> dict[str, Any]:
    """Remove a machine identity; with `force` also the credentials that are its own, else they refuse it."""
    reason = "forced" if force else ""
    with _changing(vault, caller, "principal.remove", ref, reason) as (transaction, row):
        owned = [open_meta(vault.keyset, one) for one in transaction.find(CredentialRow, {"owner_id": row.id})]
        if owned and not force:
            ident = _open(vault.keyset, row)["id"]
            raise Conflict(
                f"{ident} has {len(owned)} credentials of its own",
                next_step=f"Remove them with it: %cred machine rm {ident} --force",
            )
        for stored in owned:
            remove_in(transaction, stored)
        transaction.delete(row)
    return {"removed": _view(vault.keyset, row), "credentials": len(owned)}


def signed_in(vault: Vault, ident: str, password: str) -> bytes:
    """The principal (`Caller.principal`) that id and password prove. Raises `NotSignedIn`, the same for every cause."""
    with vault.store.read() as reader:
        row = _by_index(reader, _index(vault.keyset, ident))
    content = _open(vault.keyset, row) if row else {}
    known = is_password(vault.keyset, str(content.get("password") or _NOBODY), password)
    if row is None or not known or row.status != "active":
        raise NotSignedIn("id or password are wrong, or the identity is paused")
    return row.id


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
        offer = vault.reveals.offer({"password": made}, caller.kernel_id or "", row.id)
        return {"generated": "password", **offer}
    return {"generated": "password", "password": made}


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _index(keyset: Keyset, ident: str) -> bytes:
    return keyset.name_index(keyset.store_id, "machine", ident)


def _rows(reader: Reader) -> list[PrincipalRow]:
    return reader.find(PrincipalRow, {"type": "machine"}, order=("created_at", "id"))


def _by_index(reader: Reader, index: bytes) -> PrincipalRow | None:
    return next((row for row in _rows(reader) if row.name_ix == index), None)


def _open(keyset: Keyset, row: PrincipalRow) -> dict[str, Any]:
    return keyset.open(principal_context(keyset, row), row.sealed)


def _sealed(keyset: Keyset, row: PrincipalRow, content: dict[str, Any]) -> PrincipalRow:
    return replace(row, sealed=keyset.seal(principal_context(keyset, row), content), key_id=keyset.primary_id)


def _view(keyset: Keyset, row: PrincipalRow) -> dict[str, Any]:
    content = _open(keyset, row)
    return {
        "id": content["id"],
        "name": content["name"],
        "email": None,
        "created": iso(row.created_at),
        "status": row.status,
        "role": row.role,
    }


@contextmanager
def _changing(
    vault: Vault, caller: Caller, action: str, ref: str, reason: str = ""
) -> Iterator[tuple[Transaction, PrincipalRow]]:
    with vault.store.read() as reader:
        wanted = _found(vault, reader, ref)
    with vault.change(Event(action, caller, object_id=wanted.id, reason=reason)) as transaction:
        yield transaction, _found(vault, transaction, ref)


def _found(vault: Vault, reader: Reader, ref: str) -> PrincipalRow:
    """The machine of that id, or of that display name where only one has it. Raises `NotFound`."""
    row = _by_index(reader, _index(vault.keyset, ref))
    if row is not None:
        return row
    rows = {row: _open(vault.keyset, row) for row in _rows(reader)}
    named = [row for row, content in rows.items() if content["name"].casefold() == ref.casefold()]
    if len(named) == 1:
        return named[0]
    if named:
        raise Conflict("several machines have that name", next_step="Name it by its id: %cred machine list")
    raise _unknown(ref, [content["id"] for content in rows.values()])


def _unknown(ref: str, known: list[str]) -> NotFound:
    close = get_close_matches(ref, known, n=3, cutoff=0.6)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return CredentialNotFound(
        "there is no machine of that id",
        next_step=f"{hint}See them all: %cred machine list",
        details={"closest": close},
    )
