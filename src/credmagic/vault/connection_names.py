"""Which names may a connection have, and which connection does a name mean?

Environment variables decide: `a.b` and `a-b` would be the same ones, so the second is refused, and `custom_…` would be
taken for custom entries. One name is an address of its own where Orchestrate's clients ask.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from credmagic.errors import Conflict, CredentialNotFound, InvalidCredential, NotFound, short
from credmagic.store.rows import ConfigurationRow, ConnectionRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.audit import now
from credmagic.vault.connection_records import open_connection, seal_connection, variable_index, variable_part
from credmagic.vault.vault import Vault

_ID = re.compile(r"[0-9a-f]{32}\Z")
_APP_ID = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
_ADDRESS = "runtime_credentials"


@dataclass(frozen=True)
class Connection:
    """One connection whose content is open."""

    row: ConnectionRow
    content: dict[str, Any]

    @property
    def app_id(self) -> str:
        return str(self.content["app_id"])


def search(vault: Vault, reader: Reader, app_id: str) -> Connection | None:
    """The connection of that name, or id; None when there is none."""
    where = {"owner_id": vault.owners.team, "variable_ix": variable_index(vault.keyset, app_id)}
    for row in reader.find(ConnectionRow, where, limit=1):
        connection = Connection(row, open_connection(vault.keyset, row))
        if app_id.casefold() == connection.app_id.casefold():
            return connection
    by_id = reader.get(ConnectionRow, id=bytes.fromhex(app_id)) if _ID.match(app_id) else None
    return Connection(by_id, open_connection(vault.keyset, by_id)) if by_id is not None else None


def found(vault: Vault, reader: Reader, app_id: str) -> Connection:
    """The same. Raises `NotFound` with the closest names."""
    connection = search(vault, reader, app_id)
    if connection is None:
        raise _unknown(vault, reader, app_id)
    return connection


def _unknown(vault: Vault, reader: Reader, app_id: str) -> NotFound:
    from difflib import get_close_matches

    rows = reader.find(ConnectionRow, {"owner_id": vault.owners.team})
    names = [str(open_connection(vault.keyset, row)["app_id"]) for row in rows]
    close = get_close_matches(short(app_id), names, n=3, cutoff=0.6)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return CredentialNotFound(
        "there is no connection of that name",
        next_step=f"{hint}Make it: %cred connection add --app-id NAME",
        details={"closest": close},
    )


def configurations(reader: Reader, connection: Connection) -> list[ConfigurationRow]:
    """All of one connection, by environment."""
    return reader.find(ConfigurationRow, {"connection_id": connection.row.id}, order=("environment",))


def configured(reader: Reader, connection: Connection, environment: str) -> ConfigurationRow:
    """The configuration in one environment. Raises `NotFound`."""
    for row in configurations(reader, connection):
        if row.environment == environment:
            return row
    environment = short(environment)
    raise CredentialNotFound(
        f"the connection {connection.app_id} is not configured in {environment}",
        next_step=f"%cred connection configure --app-id {connection.app_id} --env {environment} --kind K --type team",
    )


def draft(vault: Vault, app_id: str, resource: Mapping[str, Any] | None) -> Connection:
    """A connection that is not stored yet. Raises `InvalidCredential`."""
    _check_app_id(app_id)
    row = ConnectionRow(
        os.urandom(16), vault.owners.team, variable_index(vault.keyset, app_id), vault.keyset.primary_id, 1, b"", now()
    )
    return Connection(row, {"app_id": app_id, "resource": _resource(resource)})


def insert(vault: Vault, transaction: Transaction, connection: Connection) -> None:
    """Store a new connection. Raises as `add`."""
    _check_free(vault, transaction, connection.app_id, connection.row.variable_ix)
    transaction.insert(seal_connection(vault.keyset, connection.row, connection.content))


def _check_app_id(app_id: str) -> None:
    problem = ""
    if not _APP_ID.match(app_id) or not re.search("[A-Za-z0-9]", app_id):
        problem = "1 to 128 letters (a to z), digits, '.', '_' or '-'"
    elif variable_part(app_id).casefold().startswith("custom_"):
        problem = "must not begin with custom_: its variables would be taken for custom entries"
    elif app_id.casefold() == _ADDRESS:
        problem = "means something else to Orchestrate's clients, which could not remove it"
    if problem:
        raise InvalidCredential(
            "this cannot be the name of a connection", errors={"app_id": problem}, next_step="Choose another --app-id."
        )


def _check_free(vault: Vault, reader: Reader, app_id: str, variable_ix: bytes) -> None:
    where = {"owner_id": vault.owners.team, "variable_ix": variable_ix}
    for row in reader.find(ConnectionRow, where, limit=1):
        other = str(open_connection(vault.keyset, row)["app_id"])
        if other == app_id:
            raise Conflict(
                f"there is a connection {other} already",
                next_step=f"Configure it: %cred connection configure --app-id {other}",
            )
        raise InvalidCredential(
            f"its variables would be those of the connection {other}",
            errors={"app_id": f"as a variable the same as {other}"},
            next_step="Choose another --app-id.",
        )


def _resource(resource: Mapping[str, Any] | None) -> dict[str, str]:
    given = {key: value for key, value in (resource or {}).items() if value not in (None, "")}
    errors = {key: "unknown" for key in given if key not in ("component", "category")}
    errors |= {key: "must be text" for key, value in given.items() if not isinstance(value, str)}
    if "category" in given and "component" not in given:
        errors["category"] = "goes with a component"
    if errors:
        raise InvalidCredential("the resource of a connection has a component and a category", errors=errors)
    return given
