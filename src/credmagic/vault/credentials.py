"""How are credentials made, changed and removed?

Input is validated by the kind's class and, unless asked not to, tried out against the service *before* a write
transaction begins; inside it nothing slow happens. A refusal at any step leaves the store as it was. Values that
change make a new immutable version; name, description, tags and expiry change only the sealed meta.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from credmagic.errors import (
    ChangedMeanwhile,
    CredentialInUse,
    CredmagicError,
    InvalidCredential,
    NameTaken,
    Unreachable,
    VerificationFailed,
    word,
)
from credmagic.kinds import names as rules
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import AssociationRow, CredentialRow, VersionRow
from credmagic.store.transaction import Transaction
from credmagic.vault.associations import attach_in, listed
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.records import Stored, iso, micros, open_to_show, seal_meta, seal_version
from credmagic.vault.vault import Vault
from credmagic.verify.base import Result, verify

T = TypeVar("T")

_ATTEMPTS = 100
"""Enough for many writers of one credential: one of them gets through at each attempt."""


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
    if verify:  # before the service is asked; the unique index has the last word in any case
        with vault.store.read() as reader:
            place = {"owner_id": owner, "environment": environment, "name_ix": index}
            if reader.find(CredentialRow, place, limit=1):
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
        next_step=f"Change it: %cred edit {word(name)} — or choose another name",
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

    With `revision` only if that is still the stored one, else `ChangedMeanwhile`. Without one, changes made by
    others meanwhile are kept, and this one is made on top of them.
    """

    def attempt() -> dict[str, Any]:
        with vault.store.read() as reader:
            stored = vault.find(reader, ref, environment)
            before = vault.credential(reader, stored) if fields else None
        draft = _draft(before.updated(fields), None, verify) if before is not None and fields else None
        meta = _changed_meta(stored, draft, description, tags, expires_at)
        row = stored.row
        if new_name is not None:
            meta["name"] = rules.check_name(new_name)
            row = replace(row, name_ix=vault.keyset.name_index(row.owner_id, row.environment, meta["name"]))
        changed = _write(vault, caller, stored, row, meta, draft, revision)
        return {**vault.view(changed), "warnings": [*(draft.warnings if draft else []), *_over(changed)]}

    return attempt() if revision is not None else _on_top(attempt)


def _changed_meta(
    stored: Stored, draft: Draft | None, description: str | None, tags: Sequence[str] | None, expires_at: str | None
) -> dict[str, Any]:
    meta: dict[str, Any] = dict(stored.meta)
    if draft is not None:
        meta.update(draft.meta())
        meta["expires_at"] = draft.expires_at if draft.expires_at is not None else stored.expires_at
    if description is not None:
        meta["description"] = rules.check_description(description)
    if tags is not None:
        meta["tags"] = rules.check_tags(tags)
    if expires_at is not None:
        meta["expires_at"] = micros(rules.parse_expiry(expires_at)) if expires_at else None
    return meta


def _over(stored: Stored) -> list[str]:
    """New values do not move the date: who changes an expired credential hears that it stays expired."""
    if stored.expires_at is None or stored.expires_at > now():
        return []
    return [f"it expired on {(iso(stored.expires_at) or '')[:10]} and is not handed out; a new date: --expires DATE"]


def _on_top(attempt: Callable[[], T]) -> T:
    """Run an attempt of reading and writing again when somebody else wrote in between."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(ChangedMeanwhile):
            return attempt()
    return attempt()


def _write(
    vault: Vault, caller: Caller, stored: Stored, row: CredentialRow, meta: Mapping[str, Any], draft: Draft | None,
    revision: int | None,
) -> Stored:  # fmt: skip
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
    expires_at: str | None = None,
    verify: bool = True,
) -> dict[str, Any]:
    """Give a credential new values as a new version; fields that are not given are kept, and so is the date."""
    if not fields:
        raise InvalidCredential(
            "rotate needs at least one new value",
            next_step=f"%cred rotate {word(ref)} --secret FIELD=prompt",
        )
    return update(vault, caller, ref, environment, fields=fields, expires_at=expires_at, verify=verify)


def rename(vault: Vault, caller: Caller, ref: str, new_name: str, environment: str | None = None) -> dict[str, Any]:
    """Give a credential another name; its id, versions and associations stay."""
    return update(vault, caller, ref, environment, new_name=new_name)


def delete(
    vault: Vault, caller: Caller, ref: str, environment: str | None = None, force: bool = False
) -> dict[str, Any]:
    """Remove a credential with all its versions, a damaged one too. Raises `CredentialInUse` while it is attached."""
    with vault.store.read() as reader:
        row = vault.find(reader, ref, environment, open_=open_to_show).row
    event = Event("credential.delete", caller, object_id=row.id, reason="forced" if force else "")
    with vault.change(event) as transaction:
        stored = vault.find(transaction, row.id.hex(), open_=open_to_show)
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
            next_step=f"See %cred uses {word(stored.name)}; detach it first, or: %cred rm {word(stored.name)} --force",
            details={"uses": uses},
        )


def check(vault: Vault, caller: Caller, ref: str, environment: str | None = None) -> dict[str, Any]:
    """Try a stored credential out against its service and remember the result.

    Raises what the service answered (`VerificationFailed`, `Unreachable`), after that was remembered too.
    """
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        credential = vault.credential(reader, stored)
    outcome, reason, took_ms = "ok", "", 0
    failure: CredmagicError | None = None
    try:
        result = verify(credential)
        outcome, reason, took_ms = result.outcome, result.reason, result.took_ms
    except VerificationFailed as error:
        outcome, reason, failure = "refused", error.message, error
    except Unreachable as error:
        outcome, reason, failure = "unreachable", error.message, error
    _remember(vault, caller, stored, {"at": now(), "outcome": outcome, "reason": reason})
    if failure is not None:
        raise failure
    return {"outcome": outcome, "reason": reason, "took_ms": took_ms}


def _remember(vault: Vault, caller: Caller, stored: Stored, verified: dict[str, Any]) -> None:
    """Write the outcome on what is there *now*: a probe takes time, and the values may have changed meanwhile."""

    def attempt() -> None:
        with vault.store.read() as reader:
            latest = vault.find(reader, stored.row.id.hex())
        if latest.row.current_version != stored.row.current_version:
            return
        row = replace(latest.row, revision=latest.row.revision + 1)
        changed = seal_meta(vault.keyset, row, {**latest.meta, "verified": verified})
        event = Event("credential.verify", caller, verified["outcome"], row.id, row.current_version)
        with vault.change(event) as transaction:
            transaction.update(changed.row, expected_revision=latest.row.revision)

    _on_top(attempt)
