"""What happens to a credential between its making and its end: rotate, generate, roll back, pause, resume?

Versions are immutable and never renumbered: rotating adds one, rolling back points to an earlier one. Earlier versions
resolve by number for as long as they are stored, or until the overlap that a rotation was given is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from credmagic.errors import (
    AccessDenied,
    Conflict,
    CredentialNotFound,
    CredmagicError,
    InvalidCredential,
    NotUsable,
    short,
    word,
)
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.registry import find_kind
from credmagic.masking import mask
from credmagic.store.rows import VersionRow
from credmagic.vault import passwords
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.client_part import entered, lent_to
from credmagic.vault.credentials import make_draft, next_version, on_top, write
from credmagic.vault.guarding import check_change
from credmagic.vault.records import Stored, iso, open_version, seal_meta
from credmagic.vault.vault import Vault
from credmagic.verify.base import verify as ask_service

DAY = 86_400_000_000
LONGEST_OVERLAP = 3650
"""Days."""


def rotate(
    vault: Vault,
    caller: Caller,
    ref: str,
    fields: Mapping[str, Any],
    environment: str | None = None,
    verify: bool = True,
    expires_at: str | None = None,
    overlap_days: int | None = None,
) -> dict[str, Any]:
    """Give a credential new values as a new version; fields that are not given are kept.

    The date of the old values ends with them: the new ones have `expires_at`, else what they say themselves, else none.
    After `overlap_days` (0: at once) earlier versions do not resolve by number any more.
    """
    if not fields:
        raise InvalidCredential(
            "rotate needs at least one new value",
            next_step=f"%cred rotate {word(short(ref))} --secret FIELD=prompt",
        )
    _check_overlap(overlap_days)

    def attempt() -> dict[str, Any]:
        with vault.store.read() as reader:
            stored = vault.find(reader, ref, environment)
            before = vault.credential(reader, stored)
        check_change(vault, caller, stored)
        return _rotated(
            vault, caller, stored, before.updated(entered(vault, stored, fields)), verify, expires_at, overlap_days
        )

    return on_top(attempt)


def _rotated(
    vault: Vault,
    caller: Caller,
    stored: Stored,
    credential: CredentialKind,
    verify: bool,
    expires_at: str | None,
    overlap_days: int | None,
) -> dict[str, Any]:
    draft = replace(make_draft(credential, expires_at, verify), lent=lent_to(vault, stored))
    meta = {**stored.meta, **draft.meta()}
    if overlap_days is not None:
        meta["ends"] = _ending(stored, next_version(vault, stored.row) - 1, now() + overlap_days * DAY)
    warnings = list(draft.warnings)
    if stored.expires_at is not None and draft.expires_at is None and expires_at is None:
        old = (iso(stored.expires_at) or "")[:10]
        warnings.append(f"the date {old} was of the old values: --expires sets a new one")
    changed = write(vault, caller, stored, stored.row, meta, draft)
    return {**vault.view(changed), "warnings": warnings}


def _ending(stored: Stored, last: int, until: int) -> list[list[int]]:
    """`ends` with every version up to `last`; what ends earlier stays so."""
    kept = [pair for pair in stored.meta.get("ends", []) if pair[1] < until or pair[0] > last]
    return [*kept, [last, until]]


def _check_overlap(days: int | None) -> None:
    if days is not None and not 0 <= days <= LONGEST_OVERLAP:
        raise InvalidCredential("no such overlap", errors={"overlap_days": f"0 to {LONGEST_OVERLAP} days"})


def generate(
    vault: Vault,
    caller: Caller,
    ref: str,
    environment: str | None = None,
    field: str | None = None,
    length: int = 64,
    classes: Sequence[str] = passwords.URL_SAFE,
    expires_at: str | None = None,
    overlap_days: int | None = None,
) -> dict[str, Any]:
    """Rotate to a random value by a policy, offered once for showing: view with `generated` (the field), `reveal_id`.

    The service does not know it yet, so it is not asked.
    """
    policy = passwords.Policy(length, tuple(classes))
    _check_overlap(overlap_days)
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        before = vault.credential(reader, stored)
    if stored.guarded and caller.plane == "local":
        raise AccessDenied(
            f'"{stored.name}" is guarded: this process could not show what it makes',
            next_step=f"Do it in a notebook with a grant, or give it a value: %cred rotate {stored.in_command}",
        )
    check_change(vault, caller, stored)
    if stored.row.status != "active":  # showing it is a use
        raise NotUsable(
            f'"{stored.name}" is {stored.row.status}',
            code=stored.row.status,
            next_step=f"%cred resume {stored.in_command}",
        )
    target = generated_field(type(before), field)
    made = passwords.generate(policy, without=[stored.name], label=mask(stored.name, target))
    view = _rotated(vault, caller, stored, before.updated({target: made}), False, expires_at, overlap_days)
    offer = vault.reveals.offer({target: str.__str__(made)}, caller.session, stored.row.id)
    return {**view, "generated": target, **offer}


def generated_field(cls: type[CredentialKind], wanted: str | None = None) -> str:
    """The secret that a random value can take: the one named, else the kind's `generates`, else the only one needed.

    Raises `InvalidCredential` where there is none or no single one.
    """
    secrets = [spec for spec in cls.specs() if spec.secret and spec.type == "str"]
    names = [spec.name for spec in secrets]
    if wanted is not None:
        spec = cls.spec(wanted)
        if spec is not None and spec.name in names:
            return spec.name
        raise _no_such(cls, wanted, names)
    declared = getattr(cls, "generates", None)
    needed = [spec.name for spec in secrets if spec.required] or [name for name in names if name == "password"]
    if declared is None and len(needed) == 1:
        return needed[0]
    if declared:
        return str(declared)
    raise _no_such(cls, None, names)


def _no_such(cls: type[CredentialKind], wanted: str | None, names: list[str]) -> InvalidCredential:
    what = "has no such secret" if wanted else "has no single secret that could be made at random"
    choice = f" — or name one: --field {' or '.join(names)}" if names else ""
    return InvalidCredential(
        f"the kind {cls.kind} {what}",
        errors={"field": f"one of {', '.join(names)}" if names else "none can be generated"},
        next_step=f"Give it new values: %cred rotate NAME{choice}",
    )


def reveal(vault: Vault, caller: Caller, reveal_id: str, public_key: str) -> dict[str, Any]:
    """What was generated, once, sealed to the browser's own key. Raises `NotFound` when it was shown already."""
    try:
        sealed, about = vault.reveals.take(reveal_id, public_key, caller.session)
    except CredmagicError as error:
        vault.record(Event("reveal", caller, "denied", reason=error.code))
        raise
    vault.record(Event("reveal", caller, object_id=about))
    return {"sealed": sealed}


def rollback(
    vault: Vault, caller: Caller, ref: str, version: int, environment: str | None = None, verify: bool = True
) -> dict[str, Any]:
    """Make an earlier (or later) version the current one. Raises `CredentialNotFound`, `Conflict` (it is already)."""
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        row = reader.get(VersionRow, credential_id=stored.row.id, version=version)
    check_change(vault, caller, stored)
    if row is None:
        raise CredentialNotFound(
            f'"{stored.name}" has no version {version}', next_step=f"See them: %cred versions {stored.in_command}"
        )
    if version == stored.row.current_version:
        raise Conflict(
            f'version {version} of "{stored.name}" is the current one already',
            next_step=f"See them: %cred versions {stored.in_command}",
        )
    opened = open_version(vault.keyset, stored.row, row)
    credential = find_kind(stored.row.kind).parse_stored(row.kind_version, opened["public"], opened["secret"])
    result = ask_service(credential) if verify else None
    verified = {"at": now(), "outcome": result.outcome, "reason": result.reason} if result else None
    meta = dict(stored.meta)
    meta.update(
        fields=credential.public(), secrets=sorted(credential.secrets()),
        expires_at=opened.get("expires_at"), verified=verified,
    )  # fmt: skip
    changed = seal_meta(
        vault.keyset,
        replace(
            stored.row, current_version=version, kind_version=row.kind_version,
            revision=stored.row.revision + 1, updated_at=now(),
        ),
        meta,
    )  # fmt: skip
    with vault.change(Event("credential.rollback", caller, object_id=stored.row.id, version=version)) as transaction:
        transaction.update(changed.row, expected_revision=stored.row.revision)
    ended = changed.expires_at is not None and changed.expires_at <= now()
    return {**vault.view(changed), "warnings": [f"version {version} has expired: `use` refuses it"] if ended else []}


def pause(vault: Vault, caller: Caller, ref: str, environment: str | None = None) -> dict[str, Any]:
    """It does not resolve until it is resumed. `injected` names the running kernels that still hold its values."""
    view = _set_status(vault, caller, ref, environment, "paused")
    return {**view, "injected": vault.injected.holders(bytes.fromhex(view["id"]))}


def resume(vault: Vault, caller: Caller, ref: str, environment: str | None = None) -> dict[str, Any]:
    """It resolves again."""
    return _set_status(vault, caller, ref, environment, "active")


def _set_status(vault: Vault, caller: Caller, ref: str, environment: str | None, status: str) -> dict[str, Any]:
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
    if stored.row.status == status:
        return vault.view(stored)
    if stored.row.status == "incomplete":
        raise NotUsable(
            f'"{stored.name}" is incomplete', code="incomplete", next_step=f"Fill it in: %cred edit {stored.in_command}"
        )
    row = replace(stored.row, status=status, revision=stored.row.revision + 1)
    changed = seal_meta(vault.keyset, row, stored.meta)
    action = "credential.pause" if status == "paused" else "credential.resume"
    with vault.change(Event(action, caller, object_id=row.id)) as transaction:
        transaction.update(changed.row, expected_revision=stored.row.revision)
    return vault.view(changed)
