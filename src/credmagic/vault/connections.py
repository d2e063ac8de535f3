"""What is a connection, and what is it configured to be in each environment?

A connection is an `app_id` that code refers to. Per environment one configuration says which kind of credential serves
it, whether one serves the whole team or each member has its own, and where it leads. Draft and live are separate and
never copied into each other. The credentials themselves: `connection_credentials`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from credmagic.errors import InvalidCredential
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.names import check_environment
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import ConfigurationRow, ConnectionRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.configuration import check_settings, identity_provider
from credmagic.vault.connection_credentials import follow
from credmagic.vault.connection_names import Connection, configurations, configured, draft, found, insert
from credmagic.vault.connection_records import open_configuration, open_connection, seal_configuration
from credmagic.vault.filling import Place, drop, filled
from credmagic.vault.records import iso
from credmagic.vault.vault import Vault


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────
def connections(vault: Vault, caller: Caller, environment: str | None = None) -> dict[str, Any]:
    """Every connection with its configurations (of one environment), oldest first; never a value."""
    with vault.store.read() as reader:
        rows = reader.find(ConnectionRow, {"owner_id": vault.owners.team}, order=("created_at", "id"))
        return {
            "connections": [
                _shown(vault, reader, Connection(row, open_connection(vault.keyset, row)), environment) for row in rows
            ]
        }


def show(vault: Vault, caller: Caller, app_id: str, environment: str | None = None) -> dict[str, Any]:
    """One connection with its configurations. Raises `NotFound` with the closest names."""
    with vault.store.read() as reader:
        return _shown(vault, reader, found(vault, reader, app_id), environment)


def _shown(vault: Vault, reader: Reader, connection: Connection, environment: str | None) -> dict[str, Any]:
    rows = configurations(reader, connection)
    return {
        "connection_id": connection.row.id.hex(),
        "app_id": connection.app_id,
        "resource": connection.content.get("resource") or {},
        "created_at": iso(connection.row.created_at),
        "configurations": [
            configuration_view(vault, reader, connection, row) for row in rows if environment in (None, row.environment)
        ],
    }


def configuration_view(vault: Vault, reader: Reader, connection: Connection, row: ConfigurationRow) -> dict[str, Any]:
    """One configuration as it may be shown: of the identity provider only which fields are set."""
    content = open_configuration(vault.keyset, row)
    provider = content.pop("identity_provider", {})
    cls = find_kind(row.kind)
    nothing_to_enter = all(spec.common for spec in cls.specs())
    return {
        "environment": row.environment,
        "kind": row.kind,
        "scheme": cls.runtime_scheme,
        "sharing": row.sharing,
        "sso": bool(row.sso),
        **content,
        "identity_provider": sorted(provider),
        "credentials_entered": nothing_to_enter or filled(vault, reader, Place(connection.app_id, row)),
    }


@contextmanager
def _changing(
    vault: Vault, caller: Caller, action: str, app_id: str, reason: str = ""
) -> Iterator[tuple[Transaction, Connection]]:
    """A write transaction about one connection, and its audit row."""
    with vault.store.read() as reader:
        row = found(vault, reader, app_id).row
    with vault.change(Event(action, caller, object_id=row.id, reason=reason)) as transaction:
        yield transaction, found(vault, transaction, row.id.hex())


# ── making ───────────────────────────────────────────────────────────────────────────────────────────────────
def add(vault: Vault, caller: Caller, app_id: str, resource: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A new connection. Raises `Conflict` when there is one, `InvalidCredential` for a name that cannot be one."""
    connection = draft(vault, app_id, resource)
    with vault.change(Event("connection.create", caller, object_id=connection.row.id)) as transaction:
        insert(vault, transaction, connection)
        return _shown(vault, transaction, connection, None)


# ── configuring ──────────────────────────────────────────────────────────────────────────────────────────────
def configure(
    vault: Vault,
    caller: Caller,
    app_id: str,
    environment: str,
    kind: str | None = None,
    sharing: str | None = None,
    sso: bool | None = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Say what the connection is in one environment; what is absent stays, None in `settings` clears.

    Another kind, sharing or sso drops the credentials there, also those of the identity provider. Raises
    `CredentialInUse` while one of them is attached to something, and keeps everything.
    """
    with _changing(vault, caller, "connection.configure", app_id) as (transaction, connection):
        there = {row.environment: row for row in configurations(transaction, connection)}
        row = configure_in(vault, transaction, connection, environment, kind, sharing, sso, settings or {})
        view = {"app_id": connection.app_id, **configuration_view(vault, transaction, connection, row)}
    follow(vault, caller, connection.app_id, there.get(row.environment), row)
    return view


def configure_in(
    vault: Vault, transaction: Transaction, connection: Connection, environment: str,
    kind: str | None, sharing: str | None, sso: bool | None, settings: Mapping[str, Any],
) -> ConfigurationRow:  # fmt: skip
    """The same inside a running transaction."""
    environment = check_environment(environment) or _no_environment()
    before = next((r for r in configurations(transaction, connection) if r.environment == environment), None)
    cls = find_kind(kind or (before.kind if before else _missing("kind")))
    row = _decided(vault, connection, environment, cls, before, sharing, sso)
    content = open_configuration(vault.keyset, before) if before else {}
    content = check_settings({**content, **settings}, cls)
    if before and (before.kind, before.sharing, before.sso) != (row.kind, row.sharing, row.sso):
        drop(vault, transaction, Place(connection.app_id, before))
        content.pop("identity_provider", None)
    row = seal_configuration(vault.keyset, row, content)
    if before:
        transaction.update(row, expected_revision=before.revision)
    else:
        transaction.insert(row)
    return row


def _decided(
    vault: Vault, connection: Connection, environment: str, cls: type[CredentialKind],
    before: ConfigurationRow | None, sharing: str | None, sso: bool | None,
) -> ConfigurationRow:  # fmt: skip
    """The row with the columns that decide something. Raises `InvalidCredential` where the kind forbids it."""
    sharing = sharing or (before.sharing if before else _missing("type"))
    errors = {}
    if sharing not in ("team", "member"):
        errors["type"] = "team or member"
    elif sharing not in cls.sharing:
        errors["type"] = f"a connection of kind {cls.kind} is for {' or '.join(cls.sharing)} only"
    if sso is not None and sso != cls.sso:
        errors["sso"] = f"a connection of kind {cls.kind} {'needs' if cls.sso else 'has no'} single sign-on"
    if errors:
        raise InvalidCredential(
            "the connection cannot be configured like this", errors=errors,
            next_step=f"Try: %cred connection configure --app-id {connection.app_id} --env {environment} "
            f"--kind {cls.kind} --type {cls.sharing[0]}",
        )  # fmt: skip
    if before is not None:
        return replace(before, kind=cls.kind, sharing=sharing, sso=int(cls.sso), revision=before.revision + 1)
    team = vault.owners.team
    index = vault.keyset.name_index(team, environment, connection.app_id)
    return ConfigurationRow(
        os.urandom(16), connection.row.id, team, environment, index, cls.kind, sharing, int(cls.sso),
        vault.keyset.primary_id, 1, b"", now(),
    )  # fmt: skip


def _missing(option: str) -> Any:
    raise InvalidCredential(
        "a new configuration needs a kind and a type", errors={option: "is required"},
        next_step="%cred connection configure --app-id NAME --env draft --kind basic --type team",
    )  # fmt: skip


def _no_environment() -> Any:
    raise InvalidCredential(
        "a connection is configured in one environment", errors={"environment": "e.g. draft or live"}
    )


def set_identity_provider(
    vault: Vault, caller: Caller, app_id: str, environment: str, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Who signs members in; what is absent stays. Only for kinds that work with a sign-in."""
    with _changing(vault, caller, "connection.identity_provider", app_id) as (transaction, connection):
        before = configured(transaction, connection, environment)
        content = open_configuration(vault.keyset, before)
        content["identity_provider"] = identity_provider(before, content.get("identity_provider") or {}, fields)
        row = seal_configuration(vault.keyset, replace(before, revision=before.revision + 1), content)
        transaction.update(row, expected_revision=before.revision)
        return {"app_id": connection.app_id, **configuration_view(vault, transaction, connection, row)}


def remove(vault: Vault, caller: Caller, app_id: str, force: bool = False) -> dict[str, Any]:
    """Remove a connection with its configurations and everybody's credentials for it.

    Raises `CredentialInUse` while one of them is attached to something; `force` stands in the audit log.
    """
    reason = "forced" if force else ""
    with _changing(vault, caller, "connection.remove", app_id, reason) as (transaction, connection):
        shown = _shown(vault, transaction, connection, None)
        for row in configurations(transaction, connection):
            place = Place(connection.app_id, row)
            shown["credentials"] = shown.get("credentials", 0) + drop(vault, transaction, place, force=force)
            transaction.delete(row)
        transaction.delete(connection.row)
    return {"removed": shown}
