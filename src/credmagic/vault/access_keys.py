"""Which keys may a machine or an application sign in with, and how is one checked?

A key is an id (`cmk_…`, no secret) and a secret (`cms_…`) of 256 bits, shown once. The store keeps
HMAC(pepper, secret): a slow hash would buy nothing at that size and would let anybody keep the server busy. Two active
keys at once let one take the other's place without a gap.
"""

from __future__ import annotations

import hmac
import os
import secrets
import string
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from credmagic.crypto import context
from credmagic.crypto.keyset import Keyset
from credmagic.errors import Conflict, CredentialNotFound
from credmagic.store.rows import AccessKeyRow, PrincipalRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault import applications, identities
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.records import iso
from credmagic.vault.vault import Vault

ID, SECRET = "cmk_", "cms_"
ACTIVE_AT_ONCE = 2
_BASE32 = string.ascii_lowercase + "234567"
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LABEL = b"credmagic/access-key/v1"
_NOBODY = bytes(32)
"""Compared where there is no such key, so that an unknown id takes the same path as a wrong secret."""


# ── the format ───────────────────────────────────────────────────────────────────────────────────────────────
def new_id() -> str:
    """A fresh key id: `cmk_` and 20 of a-z 2-7."""
    return ID + "".join(secrets.choice(_BASE32) for _ in range(20))


def new_secret() -> str:
    """A fresh key secret: `cms_`, 43 of 0-9 A-Z a-z (256 bits), and 6 that check them."""
    drawn = "".join(secrets.choice(_BASE62) for _ in range(43))
    return SECRET + drawn + checksum(drawn)


def checksum(drawn: str) -> str:
    """CRC-32 in base 62, six digits: a mistyped or cut secret is told from a revoked one without asking a server."""
    number, digits = zlib.crc32((SECRET + drawn).encode()), ""
    for _ in range(6):
        number, digit = divmod(number, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits


def is_secret(text: str) -> bool:
    """Whether `text` has the form of a key's secret, and its checksum."""
    body = text.removeprefix(SECRET)
    return len(text) == 53 and len(body) == 49 and set(body) <= set(_BASE62) and body[43:] == checksum(body[:43])


# ── actions ──────────────────────────────────────────────────────────────────────────────────────────────────
def keys(vault: Vault, caller: Caller, ref: str) -> dict[str, Any]:
    """The access keys of an application or machine, oldest first."""
    with vault.store.read() as reader:
        owner = identities.found(vault, reader, ref)
        return {"keys": [view(vault.keyset, row) for row in of(reader, owner)]}


def create(vault: Vault, caller: Caller, ref: str, reveal: bool = False) -> dict[str, Any]:
    """A new access key of an application or machine. Its secret comes with the answer, this once."""
    key_id, secret = new_id(), new_secret()
    with identities.changing(vault, caller, "access_key.create", ref) as (transaction, owner):
        _check_room(transaction, owner, ref)
        row = AccessKeyRow(
            os.urandom(16), owner.id, index(vault.keyset, key_id), "active", 1, vault.keyset.primary_id, 1, b"", now()
        )
        row = _sealed(vault.keyset, row, {"id": key_id, "hash": _hash(vault.keyset, secret).hex()})
        transaction.insert(row)
        name = identities.content(vault.keyset, owner)["name"]
    shown = {"secret": secret}
    if reveal:
        shown = vault.reveals.offer(shown, caller.session, row.id)
    return {**view(vault.keyset, row), "name": name, "generated": "secret", **shown}


def pause(vault: Vault, caller: Caller, key_id: str, ref: str | None = None) -> dict[str, Any]:
    """Refuse a key, and every token it was exchanged for, until it is resumed. `ref`: only if it is that one's."""
    return _set_status(vault, caller, "paused", key_id, ref)


def resume(vault: Vault, caller: Caller, key_id: str, ref: str | None = None) -> dict[str, Any]:
    """Let a key sign in again; tokens from before stay refused."""
    return _set_status(vault, caller, "active", key_id, ref)


def remove(vault: Vault, caller: Caller, key_id: str, ref: str | None = None) -> dict[str, Any]:
    """Delete a key: it and its tokens are refused from now on."""
    with _changing(vault, caller, "access_key.remove", key_id, ref) as (transaction, row, _):
        transaction.delete(row)
    return {"removed": view(vault.keyset, row)}


def owner(vault: Vault, caller: Caller, key_id: str) -> dict[str, Any]:
    """The application (or machine) whose key it is."""
    with vault.store.read() as reader:
        _, principal = _found(vault, reader, key_id, None)
        return applications.view(vault.keyset, principal)


def _set_status(vault: Vault, caller: Caller, status: str, key_id: str, ref: str | None) -> dict[str, Any]:
    with _changing(vault, caller, f"access_key.{status}", key_id, ref) as (transaction, row, principal):
        if status == "active" and row.status != "active":
            _check_room(transaction, principal, identities.content(vault.keyset, principal)["id"])
        opened = content(vault.keyset, row)
        raised = replace(row, status=status, akv=row.akv + 1, revision=row.revision + 1)
        changed = _sealed(vault.keyset, raised, opened)
        transaction.update(changed, expected_revision=row.revision)
    return view(vault.keyset, changed)


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────
def prove(vault: Vault, key_id: str, secret: str) -> tuple[PrincipalRow, AccessKeyRow] | None:
    """The identity and the key whose id and secret these are; None for every other pair. Paused ones are found too."""
    with vault.store.read() as reader:
        row = by_key_id(reader, vault.keyset, key_id)
        principal = reader.get(PrincipalRow, id=row.principal_id) if row else None
    kept = bytes.fromhex(content(vault.keyset, row)["hash"]) if row else _NOBODY
    right = hmac.compare_digest(_hash(vault.keyset, secret), kept)
    return (principal, row) if row and principal and right else None


def by_key_id(reader: Reader, keyset: Keyset, key_id: str) -> AccessKeyRow | None:
    """The key of that id."""
    return next(iter(reader.find(AccessKeyRow, {"key_ix": index(keyset, key_id)}, limit=1)), None)


def index(keyset: Keyset, key_id: str) -> bytes:
    """What stands for a key id in the store, and in its counters of wrong tries."""
    return keyset.object_index("access_key", key_id)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────
def of(reader: Reader, principal: PrincipalRow) -> list[AccessKeyRow]:
    """The keys of one identity, oldest first."""
    return reader.find(AccessKeyRow, {"principal_id": principal.id}, order=("created_at", "id"))


def content(keyset: Keyset, row: AccessKeyRow) -> dict[str, Any]:
    """What is sealed in the row: the key's id and the hash of its secret. Raises `SealBroken`."""
    return keyset.open(_context(keyset, row), row.sealed)


def view(keyset: Keyset, row: AccessKeyRow) -> dict[str, Any]:
    """A key as everybody may see it."""
    return {"id": content(keyset, row)["id"], "status": row.status, "created_at": iso(row.created_at)}


def _context(keyset: Keyset, row: AccessKeyRow) -> bytes:
    columns = (row.principal_id, row.key_ix, row.status, row.akv)
    return context.row_context(keyset.store_id, "access_keys", row.id, columns, row.revision)


def _sealed(keyset: Keyset, row: AccessKeyRow, opened: dict[str, Any]) -> AccessKeyRow:
    return replace(row, sealed=keyset.seal(_context(keyset, row), opened), key_id=keyset.primary_id)


def _hash(keyset: Keyset, secret: str) -> bytes:
    return keyset.peppered(_LABEL, secret)


def _check_room(reader: Reader, principal: PrincipalRow, ref: str) -> None:
    active = [row for row in of(reader, principal) if row.status == "active"]
    if len(active) >= ACTIVE_AT_ONCE:
        raise Conflict(
            f"it has {ACTIVE_AT_ONCE} active keys already: the one in use and the one that takes its place",
            next_step=f"Pause or remove one first: %cred key list {ref}",
        )


@contextmanager
def _changing(
    vault: Vault, caller: Caller, action: str, key_id: str, ref: str | None
) -> Iterator[tuple[Transaction, AccessKeyRow, PrincipalRow]]:
    with vault.store.read() as reader:
        row, _ = _found(vault, reader, key_id, ref)
    with vault.change(Event(action, caller, object_id=row.id)) as transaction:
        yield transaction, *_found(vault, transaction, key_id, ref)


def _found(vault: Vault, reader: Reader, key_id: str, ref: str | None) -> tuple[AccessKeyRow, PrincipalRow]:
    """The key of that id with whose it is, if it is `ref`'s. Raises `NotFound`."""
    row = by_key_id(reader, vault.keyset, key_id)
    principal = reader.get(PrincipalRow, id=row.principal_id) if row else None
    if row is None or principal is None or (ref is not None and identities.found(vault, reader, ref) != principal):
        raise CredentialNotFound("there is no access key of that id", next_step="See an application's: %cred key list")
    return row, principal
