"""How is an identity without a person kept: a machine with a password, an application with access keys?

Both are a principal of type machine. Its content is sealed; `epoch` in it rises with every change that must end the
tokens it holds, and so does the `akv` of its keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from credmagic.crypto.keyset import Keyset
from credmagic.errors import Conflict, CredentialNotFound, NotFound, short
from credmagic.store.rows import AccessKeyRow, CredentialRow, PrincipalRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.access import principal_context
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.credentials import remove_in
from credmagic.vault.records import open_meta
from credmagic.vault.vault import Vault

ROLES = ("Admin", "Contributor")


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────
def index(keyset: Keyset, ident: str) -> bytes:
    """What stands for an account id in the store."""
    return keyset.name_index(keyset.store_id, "machine", ident)


def rows(reader: Reader) -> list[PrincipalRow]:
    """Every one, oldest first."""
    return reader.find(PrincipalRow, {"type": "machine"}, order=("created_at", "id"))


def by_ident(reader: Reader, keyset: Keyset, ident: str) -> PrincipalRow | None:
    """The one with that account id."""
    return next(iter(reader.find(PrincipalRow, {"type": "machine", "name_ix": index(keyset, ident)}, limit=1)), None)


def found(vault: Vault, reader: Reader, ref: str, what: str = "machine") -> PrincipalRow:
    """The one of that id, or of that display name where only one has it. Raises `NotFound`, `Conflict`.

    `what` is the verb that lists them: machine, or app for applications alone.
    """
    row = by_ident(reader, vault.keyset, ref)
    if row is not None and (what == "machine" or is_application(content(vault.keyset, row))):
        return row
    known = {row: content(vault.keyset, row) for row in rows(reader)}
    if what != "machine":
        known = {row: opened for row, opened in known.items() if is_application(opened)}
    named = [row for row, opened in known.items() if opened["name"].casefold() == ref.casefold()]
    if len(named) == 1:
        return named[0]
    if named:
        raise Conflict(f"several have that name: {what}", next_step=f"Name it by its id: %cred {what} list")
    raise unknown(ref, [opened["id"] for opened in known.values()], what)


def unknown(ref: str, known: list[str], what: str = "machine") -> NotFound:
    """The one answer for an id that is not there, or that this caller may not see."""
    close = get_close_matches(short(ref), known, n=3, cutoff=0.6)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return CredentialNotFound(
        f"there is no {_TITLES[what]} of that id",
        next_step=f"{hint}See them all: %cred {what} list",
        details={"closest": close},
    )


_TITLES = {"machine": "machine", "app": "application"}


def is_application(opened: Mapping[str, Any]) -> bool:
    """Whether this content is an application's."""
    return "roles" in opened


# ── content ──────────────────────────────────────────────────────────────────────────────────────────────────
def content(keyset: Keyset, row: PrincipalRow) -> dict[str, Any]:
    """What is sealed in the row: id, name, password hash… Raises `SealBroken`."""
    return keyset.open(principal_context(keyset, row), row.sealed)


def new(keyset: Keyset, role: str, opened: Mapping[str, Any]) -> PrincipalRow:
    """The row of a new one; `opened` is its content."""
    place = index(keyset, opened["id"])
    row = PrincipalRow(os.urandom(16), "machine", "active", role, place, b"", keyset.primary_id, 1, now())
    return sealed(keyset, row, opened)


def sealed(keyset: Keyset, row: PrincipalRow, opened: Mapping[str, Any]) -> PrincipalRow:
    """The row with that content in it."""
    return replace(row, sealed=keyset.seal(principal_context(keyset, row), opened), key_id=keyset.primary_id)


def epoch(opened: Mapping[str, Any]) -> int:
    """How often the tokens of this identity were ended; 0 where nobody ever did."""
    return int(opened.get("epoch", 0))


def rewrite(
    vault: Vault, transaction: Transaction, row: PrincipalRow, opened: Mapping[str, Any], *, ends_tokens: bool,
    **columns: Any,
) -> PrincipalRow:  # fmt: skip
    """Put changed columns and content in the row's place; with `ends_tokens` no token issued so far is believed."""
    kept = {**opened, "epoch": epoch(opened) + 1} if ends_tokens else opened
    changed = sealed(vault.keyset, replace(row, revision=row.revision + 1, **columns), kept)
    transaction.update(changed, expected_revision=row.revision)
    return changed


# ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────
@contextmanager
def changing(
    vault: Vault, caller: Caller, action: str, ref: str, reason: str = "", what: str = "machine"
) -> Iterator[tuple[Transaction, PrincipalRow]]:
    """A transaction about the identity `ref` means, with its row as it is inside."""
    with vault.store.read() as reader:
        wanted = found(vault, reader, ref, what)
    with vault.change(Event(action, caller, object_id=wanted.id, reason=reason)) as transaction:
        yield transaction, found(vault, transaction, ref, what)


def remove(vault: Vault, transaction: Transaction, row: PrincipalRow, force: bool, what: str) -> int:
    """Remove an identity with its keys; with `force` also the credentials that are its own, else they refuse it."""
    owned = [open_meta(vault.keyset, one) for one in transaction.find(CredentialRow, {"owner_id": row.id})]
    if owned and not force:
        ident = content(vault.keyset, row)["id"]
        raise Conflict(
            f"{ident} has {len(owned)} credentials of its own",
            next_step=f"Remove them with it: %cred {what} rm {ident} --force",
        )
    for stored in owned:
        remove_in(transaction, stored)
    for key in transaction.find(AccessKeyRow, {"principal_id": row.id}):
        transaction.delete(key)
    transaction.delete(row)
    return len(owned)
