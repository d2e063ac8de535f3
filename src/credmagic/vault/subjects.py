"""For whom does a credential get its token, and where does that one's sign-in lie?

What a sign-in at the identity provider of a connection brings is stored as a credential of the member's own, named
after the connection (`APP-idp`), in its environment, and is renewed like any other. Its access token is the subject of
what the connection's credential asks for: of the one who asks, and never of anybody else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from credmagic.errors import Conflict, InvalidCredential, NotUsable, TokenRefused, word
from credmagic.kinds.exchange import SignInRequest, Subject
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import CredentialRow, VersionRow
from credmagic.store.transaction import Reader
from credmagic.values import Token
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.connection_credentials import set_credentials
from credmagic.vault.connection_names import configured, found
from credmagic.vault.credentials import next_version
from credmagic.vault.filling import Place, held_by, sign_in_name
from credmagic.vault.identity_provider import (
    LOGIN,
    SIGNED_IN,
    configuration_of,
    sign_in_request,
    step_request,
    whose,
)
from credmagic.vault.lookup import sign_in_first
from credmagic.vault.records import Stored, micros, open_meta, open_version, seal_meta, seal_version
from credmagic.vault.vault import Vault


@dataclass(frozen=True)
class SignedIn:
    """A member's sign-in, still sealed as far as its application is concerned, and what the connection says."""

    stored: Stored
    version: int
    values: Mapping[str, Any]
    content: Mapping[str, Any]

    def subject(self, token: Token) -> Subject:
        """The subject, once its token is known."""
        settings = self.content.get("app_config") or {}
        return Subject(token, step_request(self.content), settings.get("header") or {})


# ── using it ─────────────────────────────────────────────────────────────────────────────────────────────────
def signed_in(vault: Vault, caller: Caller, stored: Stored) -> SignedIn:
    """The caller's own sign-in for what `stored` is the credential of.

    Raises `TokenRefused` with the command that helps, and for a sign-in that is paused `NotUsable`.
    """
    name, environment = stored.name, stored.row.environment
    owner = vault.owners.seen_by(caller.principal).me
    with vault.store.read() as reader:
        content = configuration_of(vault, reader, environment, name)
        if content is None:
            raise _no_provider(name, f"add --app-id {word(name)}")
        if content["kind"] != stored.row.kind:
            raise _no_provider(name, f"configure --app-id {word(name)} --kind {stored.row.kind} --type member")
        if not content.get("identity_provider"):
            raise _no_provider(name, f"set-identity-provider --app-id {word(name)} --env {word(environment)}")
        own = _kept(vault, reader, owner, environment, name)
        row = own and reader.get(VersionRow, credential_id=own.row.id, version=own.row.current_version)
        values = open_version(vault.keyset, own.row, row) if own and row else {}
    if own is None or values.get(SIGNED_IN) != whose(content, name):
        raise sign_in_first(name, environment)
    try:
        vault.resolver.check_usable(caller, own)
    except NotUsable as error:
        if error.code != "expired":
            raise
        own = None
    if own is None:
        raise sign_in_first(name, environment)
    return SignedIn(own, own.row.current_version, values, content)


def _kept(vault: Vault, reader: Reader, owner: bytes, environment: str, app_id: str) -> Stored | None:
    """What that owner's last sign-in for a connection brought."""
    index = vault.keyset.name_index(owner, environment, sign_in_name(app_id))
    where = {"owner_id": owner, "environment": environment, "name_ix": index}
    rows = reader.find(CredentialRow, where, limit=1)
    return open_meta(vault.keyset, rows[0]) if rows else None


def _no_provider(name: str, command: str) -> TokenRefused:
    return TokenRefused(
        f'"{name}" got no token: no connection says at which identity provider people sign in for it',
        next_step=f"Say it: %cred connection {command}",
        details={"error": "no_provider"},
    )


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Door:
    """A connection in one environment, where members sign in."""

    app_id: str
    environment: str
    connection_id: bytes
    request: SignInRequest
    mark: Mapping[str, str]

    def keep(self, vault: Vault, caller: Caller, fields: Mapping[str, Any], ends: str | None) -> dict[str, Any]:
        """Store what a sign-in brought, for the caller alone; what it is for is there from then on. The view."""
        _take_part(vault, caller, self)
        credential = find_kind(LOGIN).parse({name: value for name, value in fields.items() if value})
        secret = credential.secrets()
        values = {"public": {}, "secret": secret, "exchange": credential.exchange or "", SIGNED_IN: dict(self.mark)}
        until = micros(datetime.fromisoformat(ends)) if ends else None
        meta = {
            "fields": {}, "secrets": sorted(secret), "expires_at": until, "verified": None, SIGNED_IN: dict(self.mark),
        }  # fmt: skip
        return _store(vault, caller, self, values, meta)


def door_of(vault: Vault, app_id: str, environment: str) -> Door:
    """Where members of a connection sign in. Raises `NotFound`, `InvalidCredential`, `Conflict`."""
    vault.acting.check(vault.owners.owned(vault.owners.me), writing=True)
    with vault.store.read() as reader:
        connection = found(vault, reader, app_id)
        configured(reader, connection, environment)
        content = configuration_of(vault, reader, environment, connection.app_id)
        own = _kept(vault, reader, vault.owners.me, environment, connection.app_id)
    if own is not None and SIGNED_IN not in own.meta:
        raise Conflict(
            f'there is a credential "{own.name}" already, whose name this sign-in needs',
            next_step=f"Rename it: %cred rename {word(own.name)} NEW",
        )
    request = sign_in_request(content) if content else None
    if content is None or request is None:
        raise InvalidCredential(
            f"the connection {connection.app_id} does not say where its members sign in",
            next_step=f"%cred connection set-identity-provider --app-id {connection.app_id} --env {environment} "
            "--authorization-url URL (or --device-authorization-url URL)",
        )
    mark = whose(content, connection.app_id)
    return Door(connection.app_id, environment, connection.row.id, request, mark)


def _take_part(vault: Vault, caller: Caller, door: Door) -> None:
    """A member who signed in has a credential of the connection, which leans on the team's part of it."""
    with vault.store.read() as reader:
        place = Place(door.app_id, configured(reader, found(vault, reader, door.app_id), door.environment))
        mine = held_by(vault, reader, place, vault.owners.me)
    if mine is None:
        set_credentials(vault, caller, door.app_id, door.environment, {}, "runtime")


def _store(
    vault: Vault, caller: Caller, door: Door, values: Mapping[str, Any], meta: Mapping[str, Any]
) -> dict[str, Any]:
    me, environment, name, at = vault.owners.me, door.environment, sign_in_name(door.app_id), now()
    with vault.store.read() as reader:
        before = _kept(vault, reader, me, environment, door.app_id)
    if before is None:
        cls, index = find_kind(LOGIN), vault.keyset.name_index(me, environment, name)
        row = CredentialRow(
            os.urandom(16), me, index, environment, cls.kind, cls.version, "active", 1, 1,
            vault.keyset.primary_id, b"", at, at,
        )  # fmt: skip
    else:
        version = next_version(vault, before.row)
        row = replace(before.row, current_version=version, revision=before.row.revision + 1, updated_at=at)
    described = before.meta if before else {"name": name, "description": _about(door), "tags": []}
    changed = seal_meta(vault.keyset, row, {**described, **meta})
    action = "credential.replace" if before else "credential.create"
    with vault.change(Event(action, caller, object_id=row.id, version=row.current_version)) as transaction:
        if before is None:
            transaction.insert(changed.row)
        else:
            transaction.update(changed.row, expected_revision=before.row.revision)
        transaction.insert(seal_version(vault.keyset, row, row.current_version, values, at))
    return vault.view(changed)


def _about(door: Door) -> str:
    return f"Your sign-in at the identity provider of the connection {door.app_id}."
