"""How are credentials edited and removed? (How they are made: `creating`; what happens in between: `lifecycle`.)

Input is validated by the kind's class and, unless asked not to, tried out against the service *before* a write
transaction begins; inside it nothing slow happens. A refusal at any step leaves the store as it was. Values that
change make a new immutable version; name, description, tags and expiry change only the sealed meta.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from credmagic.errors import ChangedMeanwhile, CredentialInUse, CredmagicError, NameTaken, word
from credmagic.kinds import names as rules
from credmagic.kinds.base import CredentialKind
from credmagic.store.rows import AssociationRow, CredentialRow, GrantRow, UsageRow, VersionRow
from credmagic.store.transaction import Transaction
from credmagic.vault.associations import listed
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.client_part import LEANS, entered, lent_to
from credmagic.vault.guarding import check_change
from credmagic.vault.records import Stored, iso, micros, open_to_show, seal_meta, seal_version
from credmagic.vault.vault import Vault
from credmagic.verify.base import verify

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
    lent: Mapping[str, Mapping[str, Any]] | None = None
    """What the team lends to a member's credential, which stays the team's; None for one that does not lean on it."""

    def own(self, part: str) -> dict[str, Any]:
        """The `public` or the `secret` values, without what is only lent."""
        values = self.credential.public() if part == "public" else self.credential.secrets()
        lent = self.lent[part] if self.lent else {}
        return {name: value for name, value in values.items() if name not in lent or lent[name] != value}

    def values(self) -> dict[str, Any]:
        """The sealed content of a version."""
        credential = self.credential
        values: dict[str, Any] = {"public": self.own("public"), "secret": self.own("secret")}
        flat = credential.flatten()
        if self.lent is not None:
            values |= {LEANS: True, "exchange": type(credential).exchange or ""}
        elif credential.needs_exchange() or "config_id" in values["public"]:  # for `releasing`; none leaves as is
            values["exchange"] = type(credential).exchange or ""
        elif flat.keys() != {**values["public"], **values["secret"]}.keys():
            values["flat"] = flat
            values["flat_secret"] = self.credential.secret_keys()
        if self.expires_at is not None:
            values["expires_at"] = self.expires_at
        return values

    def meta(self) -> dict[str, Any]:
        """The part of the sealed meta that follows from the values."""
        return {
            "fields": self.own("public"),
            "secrets": sorted(self.own("secret")),
            "expires_at": self.expires_at,
            "verified": self.verified,
        }


def make_draft(credential: CredentialKind, expires_at: str | None, probe: bool) -> Draft:
    """What is to be written; its end is the date given, else (for None) what the value itself says.

    With `probe` the service is asked first: raises `VerificationFailed`, `Unreachable`.
    """
    expiry = credential.expiry() if expires_at is None else given_expiry(expires_at)
    result = verify(credential, keeps_renewed=True) if probe else None
    if result and result.renewed:
        credential = credential.updated(result.renewed)
    verified = {"at": now(), "outcome": result.outcome, "reason": result.reason} if result else None
    ended = ["it has expired already: `use` refuses it"] if expiry and (micros(expiry) or 0) <= now() else []
    return Draft(credential, micros(expiry), verified, [*credential.warnings(), *ended])


def given_expiry(text: str) -> datetime | None:
    """The date in a parameter `expires_at`; the empty text means "no end". Raises `InvalidCredential`."""
    return rules.parse_expiry(text) if text else None


def taken(name: str, environment: str) -> NameTaken:
    """There is one of that name already."""
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
        draft = None
        if before is not None and fields:
            check_change(vault, caller, stored)
            changed_to = before.updated(entered(vault, stored, fields))
            draft = replace(make_draft(changed_to, expires_at, verify), lent=lent_to(vault, stored))
            if expires_at is None and draft.expires_at is None:  # an edit keeps the date, a rotation does not
                draft = replace(draft, expires_at=stored.expires_at)
        meta = _changed_meta(stored, draft, description, tags, expires_at)
        row = stored.row
        if new_name is not None:
            meta["name"] = rules.check_name(new_name)
            row = replace(row, name_ix=vault.keyset.name_index(row.owner_id, row.environment, meta["name"]))
        changed = write(vault, caller, stored, row, meta, draft, revision)
        return {**vault.view(changed), "warnings": [*(draft.warnings if draft else []), *_over(changed)]}

    return attempt() if revision is not None else on_top(attempt)


def _changed_meta(
    stored: Stored, draft: Draft | None, description: str | None, tags: Sequence[str] | None, expires_at: str | None
) -> dict[str, Any]:
    meta: dict[str, Any] = dict(stored.meta)
    if draft is not None:
        meta.update(draft.meta())
    elif expires_at is not None:
        meta["expires_at"] = micros(given_expiry(expires_at))
    if description is not None:
        meta["description"] = rules.check_description(description)
    if tags is not None:
        meta["tags"] = rules.check_tags(tags)
    return meta


def _over(stored: Stored) -> list[str]:
    """New values do not move the date: who edits an expired credential hears that it stays expired."""
    if stored.expires_at is None or stored.expires_at > now():
        return []
    return [f"it expired on {(iso(stored.expires_at) or '')[:10]} and is not handed out; a new date: --expires DATE"]


def on_top(attempt: Callable[[], T]) -> T:
    """Run an attempt of reading and writing again when somebody else wrote in between."""
    return again(attempt, ChangedMeanwhile)


def again(attempt: Callable[[], T], refused: type[CredmagicError]) -> T:
    """Run an attempt until it is not refused because somebody else was faster."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(refused):
            return attempt()
    return attempt()


def write(
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
    version = next_version(vault, row) if draft else row.current_version
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
        raise taken(changed.name, row.environment) from None
    return changed


def next_version(vault: Vault, row: CredentialRow) -> int:
    """One more than there ever was: after a rollback the current version is not the highest."""
    with vault.store.read() as reader:
        where = {"credential_id": row.id}
        highest = reader.find(VersionRow, where, order=("version",), descending=True, limit=1)
    return highest[0].version + 1


def rename(vault: Vault, caller: Caller, ref: str, new_name: str, environment: str | None = None) -> dict[str, Any]:
    """Give a credential another name; its id, versions and associations stay."""
    return update(vault, caller, ref, environment, new_name=new_name)


def delete(
    vault: Vault, caller: Caller, ref: str, environment: str | None = None, force: bool = False
) -> dict[str, Any]:
    """Remove a credential with all its versions, a damaged one too.

    Raises `CredentialInUse` while something is associated or a running kernel has it injected; `force` does it
    nevertheless and stands in the audit log.
    """
    with vault.store.read() as reader:
        row = vault.find(reader, ref, environment, open_=open_to_show).row
    event = Event("credential.delete", caller, object_id=row.id, reason="forced" if force else "")
    with vault.change(event) as transaction:
        stored = vault.find(transaction, row.id.hex(), open_=open_to_show)
        if not force:
            check_unused(vault, transaction, stored)
        remove_in(transaction, stored)
    return {"deleted": vault.view(stored)}


def remove_in(transaction: Transaction, stored: Stored) -> None:
    """Remove a credential with everything that hangs on it, inside a running transaction."""
    for table in (AssociationRow, GrantRow, UsageRow, VersionRow):
        for used in transaction.find(table, {"credential_id": stored.row.id}):
            transaction.delete(used)
    transaction.delete(stored.row)


def check_unused(vault: Vault, transaction: Transaction, stored: Stored) -> None:
    """Raises `CredentialInUse` while something is associated or a running kernel has it injected."""
    uses = listed(vault, transaction, stored)
    holders = vault.injected.holders(stored.row.id)
    if not uses and not holders:
        return
    places = [f"{use['object_type']} {use['object_id']}" for use in uses]
    said = [f"is attached to {_few(places)}"] if places else []
    said += [f"is injected into the running kernel of {_few(holders)}"] if holders else []
    raise CredentialInUse(
        f'"{stored.name}" {" and ".join(said)}',
        next_step=f"See %cred uses {stored.in_command}; "
        + ("detach it first" if uses else "shut that kernel down first")
        + f", or: %cred rm {stored.in_command} --force",
        details={"uses": uses, "injected": holders},
    )


def _few(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
