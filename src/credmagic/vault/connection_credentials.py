"""How does a connection get its credential, in one write or in two?

What is written merges by field name with what is there. Until all required fields are there the credential is
`incomplete` and does not resolve. Shared by `team`, both parts belong to the team. Shared by `member`, the part "app"
(which application asks) belongs to the team, everything else to the one who writes it, and leans on the team's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from credmagic.errors import Conflict, CredentialNotFound, InvalidCredential
from credmagic.kinds.base import CredentialKind, jsonable
from credmagic.kinds.reading import REQUIRED, read, refusal
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import ConfigurationRow, CredentialRow, VersionRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.audit import Caller, Event, append, now
from credmagic.vault.client_part import LEANS, team_part
from credmagic.vault.connection_names import configured, found
from credmagic.vault.connection_records import open_configuration
from credmagic.vault.credentials import make_draft, next_version
from credmagic.vault.filling import Place, drop, held, held_by
from credmagic.vault.records import Stored, open_version, seal_meta, seal_version
from credmagic.vault.vault import Vault

PARTS = ("", "app", "runtime")


@dataclass(frozen=True)
class _Written:
    """What will be stored: the sealed values of a version, what follows from them, and the status."""

    values: dict[str, Any]
    meta: dict[str, Any]
    status: str
    warnings: list[str]


def set_credentials(
    vault: Vault, caller: Caller, app_id: str, environment: str, fields: Mapping[str, Any], part: str = "",
    verify: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Write (a part of) the credential of a connection. With `verify` a complete one is tried out first.

    Raises `InvalidCredential`, `Conflict` (a credential of another kind stands there), `VerificationFailed`.
    """
    _check_part(part)
    with vault.store.read() as reader:
        connection = found(vault, reader, app_id)
        place = Place(connection.app_id, configured(reader, connection, environment))
        owner = vault.owners.team if part == "app" else place.owner(vault)
        vault.acting.check(vault.owners.owned(owner))
        stored = held_by(vault, reader, place, owner)
        _check_kind(place, stored)
        cls = find_kind(place.configuration.kind)
        before = _values(vault, reader, stored)
        own = {**_configured(vault, place.configuration), **before, **_entered(cls, fields, before)}
        own = {name: value for name, value in own.items() if value is not None}
        leans = owner != vault.owners.team
        below = team_part(vault, reader, cls.kind, environment, place.app_id) if leans else {}
        lent, theirs = _lent(below), cls.client_part if below and below["secret"] else ()
        own = {n: value for n, value in own.items() if n not in theirs and (n not in lent or lent[n] != value)}
    written = _written(cls, own, below, leans=leans, probe=verify)
    changed = _store(vault, caller, place, owner, stored, written)
    view = {"app_id": connection.app_id, "environment": environment, "part": part, **vault.view(changed)}
    return {**view, "credentials_entered": written.status == "active", "warnings": written.warnings}


def follow(vault: Vault, caller: Caller, app_id: str, before: ConfigurationRow | None, after: ConfigurationRow) -> None:
    """The connection was configured: a field that stood as it said before (in the credential that serves the caller)
    becomes what it says now. Another member's does so when that member enters it again.
    """
    said, says = (_configured(vault, row) if row else {} for row in (before, after))
    changed = {name: says.get(name) for name in {**said, **says} if said.get(name) != says.get(name)}
    if not changed:
        return
    with vault.store.read() as reader:
        place = Place(app_id, after)
        stored = held_by(vault, reader, place, place.owner(vault))
        values = _values(vault, reader, stored)
    fields = {name: value for name, value in changed.items() if values.get(name) == said.get(name)}
    if fields and stored is not None and stored.row.kind == after.kind:
        set_credentials(vault, caller, app_id, after.environment, fields)


def _configured(vault: Vault, row: ConfigurationRow) -> dict[str, Any]:
    """Fields of the credential that the configuration says."""
    content = open_configuration(vault.keyset, row)
    configured = find_kind(row.kind).configured
    return {field: content[name] for name, field in configured.items() if name in content}


def _check_part(part: str) -> None:
    if part not in PARTS:
        raise InvalidCredential("there is no such part", errors={"part": "app or runtime"})


def _check_kind(place: Place, stored: Stored | None) -> None:
    if stored is not None and stored.row.kind != place.configuration.kind:
        raise Conflict(
            f'there is a credential "{stored.name}" of kind {stored.row.kind} in {stored.row.environment}, '
            f"but the connection is of kind {place.configuration.kind}",
            next_step=f"Rename it: %cred rename {stored.name} NEW --env {stored.row.environment}",
        )


def _values(vault: Vault, reader: Reader, stored: Stored | None) -> dict[str, Any]:
    """The fields that are stored so far."""
    if stored is None:
        return {}
    row = reader.get(VersionRow, credential_id=stored.row.id, version=stored.row.current_version)
    opened = open_version(vault.keyset, stored.row, row) if row else {"public": {}, "secret": {}}
    derived = find_kind(stored.row.kind).model_computed_fields
    return {n: v for n, v in {**opened["public"], **opened["secret"]}.items() if n not in derived}


def _entered(cls: type[CredentialKind], fields: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What is written now, by canonical name and checked field by field; None clears. Raises `InvalidCredential`."""
    secret_map = next((spec.name for spec in cls.specs() if spec.secret and spec.type == "map"), None)
    named = {
        name if cls.spec(name.partition(".")[0]) or not secret_map else f"{secret_map}.{name}": value
        for name, value in fields.items()
    }
    converted, problems = read(cls, named)
    problems = {name: text for name, text in problems.items() if text != REQUIRED or cls.spec(name) is None}
    if problems:
        raise refusal(cls, problems)
    cleared = {spec.name: None for name, value in fields.items() if value is None and (spec := cls.spec(name))}
    if secret_map and secret_map in converted and isinstance(before.get(secret_map), Mapping):
        converted[secret_map] = {**before[secret_map], **converted[secret_map]}
    return {**cleared, **converted}


def _written(
    cls: type[CredentialKind], own: Mapping[str, Any], below: Mapping[str, Any], *, leans: bool, probe: bool
) -> _Written:
    """Complete where all required fields are there, the team's part included; else kept as it is."""
    secret = {spec.name for spec in cls.specs() if spec.secret}
    parts = {
        "public": {name: jsonable(value) for name, value in own.items() if name not in secret},
        "secret": {name: dict(v) if isinstance(v, Mapping) else v for name, v in own.items() if name in secret},
    }
    meta: dict[str, Any] = {
        "fields": parts["public"], "secrets": sorted(parts["secret"]), "expires_at": None, "verified": None,
    }  # fmt: skip
    lent = _lent(below)
    missing = [spec.name for spec in cls.specs() if spec.required and spec.name not in {**lent, **own}]
    if missing:
        return _Written(parts, meta, "incomplete", [f"still missing: {', '.join(missing)}"])
    try:
        draft = make_draft(cls.parse({**lent, **own}), None, probe)
    except InvalidCredential as error:
        if not set(error.errors) - set(own):  # what was written is wrong in itself
            raise
        return _Written(parts, meta, "incomplete", [f"{name} {text}" for name, text in error.errors.items()])
    if not leans or not cls.client_part:
        return _Written(draft.values(), draft.meta(), "active", draft.warnings)
    values = {**draft.values(), **parts, LEANS: True}
    values.setdefault("exchange", cls.exchange or "")
    verified = {"expires_at": draft.expires_at, "verified": draft.verified}
    return _Written(values, {**meta, **verified}, "active", draft.warnings)


def _lent(below: Mapping[str, Any]) -> dict[str, Any]:
    """What the team's part lends. What a member writes that is the same is lent, too: it changes with the team's."""
    return {name: value for part in below.values() for name, value in part.items()}


def _store(
    vault: Vault, caller: Caller, place: Place, owner: bytes, stored: Stored | None, written: _Written
) -> Stored:
    """Write it as a new credential, or a new version; then what leans on it may have become complete."""
    at, environment = now(), place.configuration.environment
    if stored is None:
        cls = find_kind(place.configuration.kind)
        index = vault.keyset.name_index(owner, environment, place.app_id)
        row = CredentialRow(
            os.urandom(16), owner, index, environment, cls.kind, cls.version, written.status, 1, 1,
            vault.keyset.primary_id, b"", at, at,
        )  # fmt: skip
        meta = {"name": place.app_id, "description": "", "tags": [], **written.meta}
    else:
        version = next_version(vault, stored.row)
        status = written.status if stored.row.status != "paused" else "paused"
        row = replace(
            stored.row, status=status, current_version=version, revision=stored.row.revision + 1, updated_at=at
        )
        meta = {**stored.meta, **written.meta}
    changed = seal_meta(vault.keyset, row, meta)
    action = "credential.replace" if stored else "credential.create"
    with vault.change(Event(action, caller, object_id=row.id, version=row.current_version)) as transaction:
        if stored is None:
            transaction.insert(changed.row)
        else:
            transaction.update(changed.row, expected_revision=stored.row.revision)
        transaction.insert(seal_version(vault.keyset, row, row.current_version, written.values, at))
        if owner == vault.owners.team and place.configuration.sharing == "member":
            _complete_members(vault, caller, transaction, place)
    return changed


def _complete_members(vault: Vault, caller: Caller, transaction: Transaction, place: Place) -> None:
    """The team's part has changed: an incomplete member's credential that now has all it needs becomes active."""
    cls = find_kind(place.configuration.kind)
    below = team_part(vault, transaction, cls.kind, place.configuration.environment, place.app_id)
    for stored in held(vault, transaction, place):
        if stored.row.owner_id == vault.owners.team or stored.row.status != "incomplete":
            continue
        written = _written(cls, _values(vault, transaction, stored), below, leans=True, probe=False)
        if written.status != "active":
            continue
        before = stored.row
        version = before.current_version + 1  # incomplete ones were never rolled back
        row = replace(before, status="active", current_version=version, revision=before.revision + 1)
        transaction.update(
            seal_meta(vault.keyset, row, {**stored.meta, **written.meta}).row, expected_revision=before.revision
        )
        transaction.insert(seal_version(vault.keyset, row, version, written.values, now()))
        append(transaction, vault.keyset, Event("credential.replace", caller, "ok", row.id, version, "completed"))


def entered(vault: Vault, caller: Caller, app_id: str, environment: str, part: str = "") -> dict[str, Any]:
    """What is there of the credential: "app" is the team's, everything else the one that serves the caller.

    Raises `NotFound` when nothing was entered yet.
    """
    _check_part(part)
    with vault.store.read() as reader:
        connection = found(vault, reader, app_id)
        place = Place(connection.app_id, configured(reader, connection, environment))
        stored = held_by(vault, reader, place, vault.owners.team if part == "app" else place.owner(vault))
    if stored is None or stored.row.kind != place.configuration.kind:
        raise CredentialNotFound(
            f"nothing was entered for the connection {connection.app_id} in {environment}",
            next_step=f"%cred connection set-credentials --app-id {connection.app_id} --env {environment}",
        )
    return {"app_id": connection.app_id, "environment": environment, "part": part, **vault.view(stored)}


def drop_credentials(vault: Vault, caller: Caller, app_id: str, environment: str, part: str = "") -> dict[str, Any]:
    """Remove a part of the credential: "app" is the team's, "runtime" the one that serves the caller."""
    _check_part(part)
    with vault.change(Event("connection.drop_credentials", caller)) as transaction:
        connection = found(vault, transaction, app_id)
        place = Place(connection.app_id, configured(transaction, connection, environment))
        owner = vault.owners.team if part == "app" else place.owner(vault)
        vault.acting.check(vault.owners.owned(owner))
        gone = drop(vault, transaction, place, owners=(owner,))
    return {"app_id": connection.app_id, "environment": environment, "dropped": gone}
