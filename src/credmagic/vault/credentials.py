"""How are credentials made, read, changed and removed?

Input is validated by the kind's class and, unless asked not to, tried out against the service *before* a write
transaction begins; inside it nothing slow happens. A refusal at any step leaves the store as it was. Values that
change make a new immutable version; name, description, tags and expiry change only the sealed meta.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from typing import Any

from credmagic.errors import (
    CredentialInUse,
    CredmagicError,
    InvalidCredential,
    NameTaken,
    Unreachable,
    VerificationFailed,
)
from credmagic.kinds import names as rules
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import AssociationRow, CredentialRow, VersionRow
from credmagic.store.sql import Reader, Transaction
from credmagic.vault.associations import attach_in, listed
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.records import Stored, iso, micros, open_meta, seal_meta, seal_version
from credmagic.vault.vault import Vault
from credmagic.verify.base import Result, verify

MAX_PAGE = 1000


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────
def show(vault: Vault, caller: Caller, ref: str, environment: str | None = None) -> dict[str, Any]:
    """One credential, masked, with how many versions and uses it has."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        return {
            **vault.view(stored),
            "last_used_at": iso(reader.last_used([stored.row.id]).get(stored.row.id)),
            "versions": reader.count(VersionRow, {"credential_id": stored.row.id}),
            "uses": reader.count(AssociationRow, {"credential_id": stored.row.id}),
        }


def page(
    vault: Vault,
    caller: Caller,
    kind: str | Sequence[str] | None = None,
    environment: str | None = None,
    limit: int = 20,
    after: str | None = None,
    offset: int = 0,
    count: bool = False,
) -> dict[str, Any]:
    """One page of credentials, oldest first; `next` is the cursor of the following page, or None."""
    if not 1 <= limit <= MAX_PAGE or offset < 0:
        raise InvalidCredential(f"a page holds 1 to {MAX_PAGE} credentials", errors={"limit": f"1 to {MAX_PAGE}"})
    where = _filters(kind, environment)
    with vault.store.read() as reader:
        rows = _ordered(vault, reader, where, offset + limit + 1, _cursor(after))[offset:]
        found: dict[str, Any] = {
            "credentials": [vault.view(open_meta(vault.keyset, row)) for row in rows[:limit]],
            "next": _cursor_of(rows[limit - 1]) if len(rows) > limit else None,
        }
        if count:
            found["total"] = sum(
                _number(reader.count(CredentialRow, {"owner_id": owner, **where})) for owner in vault.owners
            )
    return found


def _filters(kind: str | Sequence[str] | None, environment: str | None) -> dict[str, Any]:
    where: dict[str, Any] = {}
    if kind:
        kinds = [kind] if isinstance(kind, str) else list(kind)
        where["kind"] = [find_kind(name).kind for name in kinds]
    if environment is not None:
        where["environment"] = environment
    return where


def _number(counted: Any) -> int:
    return int(counted)


def _ordered(
    vault: Vault, reader: Reader, where: Mapping[str, Any], limit: int, after: tuple[int, bytes] | None
) -> list[CredentialRow]:
    # One keyset query an owner, merged: `owner IN (…) ORDER BY` would sort the whole store for 20 rows.
    order = ("created_at", "id")
    pages = [
        reader.find(CredentialRow, {"owner_id": owner, **where}, order=order, after=after, limit=limit)
        for owner in vault.owners
    ]
    return list(islice(merge(*pages, key=lambda row: (row.created_at, row.id)), limit))


def _cursor_of(row: CredentialRow) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.created_at, row.id.hex()]).encode()).decode().rstrip("=")


def _cursor(text: str | None) -> tuple[int, bytes] | None:
    if not text:
        return None
    try:
        created_at, hex_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return int(created_at), bytes.fromhex(hex_id)
    except (ValueError, TypeError, binascii.Error):
        pass
    raise InvalidCredential("not a page of this list", errors={"after": "take `next` of the page before"})


def known_names(vault: Vault, caller: Caller) -> dict[str, Any]:
    """Names, kinds and environments, for completion."""
    with vault.store.read() as reader:
        return {
            "names": [
                {"name": stored.name, "kind": stored.row.kind, "environment": stored.row.environment}
                for stored in vault.visible(reader)
            ]
        }


def versions(vault: Vault, caller: Caller, ref: str, environment: str | None = None) -> dict[str, Any]:
    """All versions of a credential, newest first."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        where = {"credential_id": stored.row.id}
        rows = reader.find(VersionRow, where, order=("version",), descending=True)
        return {
            "versions": [
                {
                    "version": row.version,
                    "created_at": iso(row.created_at),
                    "current": row.version == stored.row.current_version,
                }
                for row in rows
            ]
        }


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Draft:
    """Validated input, tried out, ready to be written."""

    credential: CredentialKind
    expires_at: int | None
    verified: dict[str, Any] | None
    warnings: list[str]

    def values(self) -> dict[str, Any]:
        """The sealed content of a version."""
        values: dict[str, Any] = {"public": self.credential.public(), "secret": self.credential.secrets()}
        flat = self.credential.flatten()
        if flat.keys() != {**values["public"], **values["secret"]}.keys():
            values["flat"] = {key: str(value) for key, value in flat.items()}
            values["flat_secret"] = self.credential.secret_keys()
        return values

    def meta(self) -> dict[str, Any]:
        """The part of the sealed meta that follows from the values."""
        return {
            "fields": self.credential.public(),
            "secrets": sorted(self.credential.secrets()),
            "expires_at": self.expires_at,
            "verified": self.verified,
        }


def _draft(credential: CredentialKind, expires_at: str | None, probe: bool) -> Draft:
    expiry = rules.parse_expiry(expires_at) if expires_at else credential.expiry()
    result = verify(credential) if probe else None
    return Draft(credential, micros(expiry), _verified(result), credential.warnings())


def _verified(result: Result | None) -> dict[str, Any] | None:
    return None if result is None else {"at": now(), "outcome": result.outcome, "reason": result.reason}


def create(
    vault: Vault,
    caller: Caller,
    name: str,
    kind: str,
    fields: Mapping[str, Any],
    environment: str = "",
    team: bool = False,
    description: str = "",
    tags: Sequence[str] = (),
    expires_at: str | None = None,
    verify: bool = True,
    attach: bool = False,
) -> dict[str, Any]:
    """Store a new credential. Raises `InvalidCredential`, `NameTaken`, `VerificationFailed`, `Unreachable`."""
    name, environment = rules.check_name(name), rules.check_environment(environment)
    described = {"name": name, "description": rules.check_description(description), "tags": rules.check_tags(tags)}
    cls = find_kind(kind)
    owner = vault.owners.team if team else vault.owners.me
    index = vault.keyset.name_index(owner, environment, name)
    with vault.store.read() as reader:
        if reader.find(CredentialRow, {"owner_id": owner, "environment": environment, "name_ix": index}, limit=1):
            raise _taken(name, environment)
    draft = _draft(cls.parse(fields), expires_at, verify)
    at = now()
    row = CredentialRow(
        os.urandom(16), owner, index, environment, cls.kind, cls.version, "active", 1, 1,
        vault.keyset.primary_id, b"", at, at,
    )  # fmt: skip
    stored = seal_meta(vault.keyset, row, {**described, **draft.meta()})
    try:
        with vault.change(Event("credential.create", caller, object_id=row.id, version=1)) as transaction:
            transaction.insert(stored.row)
            transaction.insert(seal_version(vault.keyset, row, 1, draft.values(), at))
            if attach:
                attach_in(vault, transaction, caller, stored)
    except NameTaken:
        raise _taken(name, environment) from None
    return {**vault.view(stored), "warnings": draft.warnings}


def _taken(name: str, environment: str) -> NameTaken:
    where = f" in {environment}" if environment else ""
    return NameTaken(
        f'there is a credential "{name}"{where} already',
        next_step=f"Change it: %cred edit {name} — or choose another name",
        errors={"name": "taken"},
    )


def update(
    vault: Vault,
    caller: Caller,
    ref: str,
    environment: str | None = None,
    fields: Mapping[str, Any] | None = None,
    description: str | None = None,
    tags: Sequence[str] | None = None,
    expires_at: str | None = None,
    new_name: str | None = None,
    verify: bool = True,
    revision: int | None = None,
) -> dict[str, Any]:
    """Change a credential: absent fields keep their value, null clears one, `expires_at=""` clears the date.

    Raises `ChangedMeanwhile` when `revision` (or what was read here) is no longer the stored one.
    """
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        before = vault.credential(reader, stored) if fields else None
    meta: dict[str, Any] = dict(stored.meta)
    draft = None
    if before is not None and fields:
        draft = _draft(before.updated(fields), None, verify)
        meta.update(draft.meta())
        meta["expires_at"] = draft.expires_at if draft.expires_at is not None else stored.expires_at
    if description is not None:
        meta["description"] = rules.check_description(description)
    if tags is not None:
        meta["tags"] = rules.check_tags(tags)
    if expires_at is not None:
        meta["expires_at"] = micros(rules.parse_expiry(expires_at)) if expires_at else None
    row = stored.row
    if new_name is not None:
        meta["name"] = rules.check_name(new_name)
        row = replace(row, name_ix=vault.keyset.name_index(row.owner_id, row.environment, meta["name"]))
    changed = _write(vault, caller, stored, row, meta, draft, revision)
    return {**vault.view(changed), "warnings": draft.warnings if draft else []}


def _write(
    vault: Vault,
    caller: Caller,
    stored: Stored,
    row: CredentialRow,
    meta: Mapping[str, Any],
    draft: Draft | None,
    revision: int | None = None,
) -> Stored:
    """Write the meta, and a new version when there is a draft, if nobody changed the row since it was read."""
    at = now()
    version = row.current_version + 1 if draft else row.current_version
    row = replace(row, current_version=version, revision=row.revision + 1, updated_at=at)
    if draft:
        row = replace(row, kind_version=type(draft.credential).version)
    changed = seal_meta(vault.keyset, row, meta)
    action = "credential.replace" if draft else "credential.meta"
    try:
        with vault.change(Event(action, caller, object_id=row.id, version=version)) as transaction:
            expected = stored.row.revision if revision is None else revision
            transaction.update(changed.row, expected_revision=expected)
            if draft:
                transaction.insert(seal_version(vault.keyset, row, version, draft.values(), at))
    except NameTaken:
        raise _taken(changed.name, row.environment) from None
    return changed


def rotate(
    vault: Vault,
    caller: Caller,
    ref: str,
    fields: Mapping[str, Any],
    environment: str | None = None,
    verify: bool = True,
) -> dict[str, Any]:
    """Give a credential new values as a new version; fields that are not given are kept."""
    if not fields:
        raise InvalidCredential(
            "rotate needs at least one new value",
            next_step=f"%cred rotate {ref} --secret FIELD=prompt",
        )
    return update(vault, caller, ref, environment, fields=fields, verify=verify)


def rename(vault: Vault, caller: Caller, ref: str, new_name: str, environment: str | None = None) -> dict[str, Any]:
    """Give a credential another name; its id, versions and associations stay."""
    return update(vault, caller, ref, environment, new_name=new_name)


def delete(
    vault: Vault, caller: Caller, ref: str, environment: str | None = None, force: bool = False
) -> dict[str, Any]:
    """Remove a credential with all its versions. Raises `CredentialInUse` while something is associated."""
    with vault.store.read() as reader:
        row = vault.find(reader, ref, environment).row
    event = Event("credential.delete", caller, object_id=row.id, reason="forced" if force else "")
    with vault.change(event) as transaction:
        stored = vault.find(transaction, row.id.hex())
        _check_unused(vault, transaction, stored, force)
        for table in (AssociationRow, VersionRow):
            for used in transaction.find(table, {"credential_id": row.id}):
                transaction.delete(used)
        transaction.delete(stored.row)
    return {"deleted": vault.view(stored)}


def _check_unused(vault: Vault, transaction: Transaction, stored: Stored, force: bool) -> None:
    uses = listed(vault, transaction, stored)
    if uses and not force:
        shown = ", ".join(f"{use['object_type']} {use['object_id']}" for use in uses[:5])
        raise CredentialInUse(
            f'"{stored.name}" is attached to {shown}{" …" if len(uses) > 5 else ""}',
            next_step=f"See %cred uses {stored.name}; detach it first, or: %cred rm {stored.name} --force",
            details={"uses": uses},
        )


def check(vault: Vault, caller: Caller, ref: str, environment: str | None = None) -> dict[str, Any]:
    """Try a stored credential out against its service and remember the result."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        credential = vault.credential(reader, stored)
    result, failure = probe(credential)
    verified = {"at": now(), "outcome": result.outcome, "reason": result.reason}
    with vault.store.read() as reader:  # the probe took time: remember its result on what is there now
        latest = vault.find(reader, stored.row.id.hex())
    row = replace(latest.row, revision=latest.row.revision + 1)
    changed = seal_meta(vault.keyset, row, {**latest.meta, "verified": verified})
    event = Event("credential.verify", caller, result.outcome, row.id, row.current_version)
    with vault.change(event) as transaction:
        transaction.update(changed.row, expected_revision=latest.row.revision)
    if failure is not None:
        raise failure
    return {"outcome": result.outcome, "reason": result.reason, "took_ms": result.took_ms}


def probe(credential: CredentialKind) -> tuple[Result, CredmagicError | None]:
    """Run the kind's probe; a refusal comes back as a result too, beside the error to raise."""
    try:
        return verify(credential), None
    except VerificationFailed as error:
        return Result("refused", error.message, 0), error
    except Unreachable as error:
        return Result("unreachable", error.message, 0), error
