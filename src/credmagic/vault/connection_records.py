"""How do a connection and its configurations look while they are open, and how are they sealed again?

Light on purpose: a kernel's hot path opens a configuration to know how a team credential is shared. Sealed content of a
connection: `app_id`, `resource`; of a configuration: `server_url name custom_config_entries app_config idp_config`, and
the secret `identity_provider`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from credmagic.crypto import context
from credmagic.crypto.keyset import Keyset
from credmagic.store.rows import ConfigurationRow, ConnectionRow


def variable_part(app_id: str) -> str:
    """How environment variables spell a name: `my-app` → `my_app`; case is kept."""
    return re.sub("[^a-zA-Z0-9]+", "_", app_id)


def variable_index(keyset: Keyset, app_id: str) -> bytes:
    """The index under which a connection lies; names that differ in case only are one name."""
    return keyset.object_index("connection", variable_part(app_id).casefold())


def _connection_context(keyset: Keyset, row: ConnectionRow) -> bytes:
    return context.row_context(keyset.store_id, "connections", row.id, (row.owner_id, row.variable_ix), row.revision)


def open_connection(keyset: Keyset, row: ConnectionRow) -> dict[str, Any]:
    """Its content. Raises `SealBroken`."""
    return keyset.open(_connection_context(keyset, row), row.sealed)


def seal_connection(keyset: Keyset, row: ConnectionRow, content: Mapping[str, Any]) -> ConnectionRow:
    """The row with `content` sealed for exactly its deciding columns."""
    return replace(row, sealed=keyset.seal(_connection_context(keyset, row), content), key_id=keyset.primary_id)


def _configuration_context(keyset: Keyset, row: ConfigurationRow) -> bytes:
    columns = (row.connection_id, row.owner_id, row.environment, row.app_ix, row.kind, row.sharing, row.sso)
    return context.row_context(keyset.store_id, "configurations", row.id, columns, row.revision)


def open_configuration(keyset: Keyset, row: ConfigurationRow) -> dict[str, Any]:
    """Its content, with the identity provider's secrets. Raises `SealBroken`."""
    return keyset.open(_configuration_context(keyset, row), row.sealed)


def seal_configuration(keyset: Keyset, row: ConfigurationRow, content: Mapping[str, Any]) -> ConfigurationRow:
    """The row with `content` sealed for exactly its deciding columns."""
    return replace(row, sealed=keyset.seal(_configuration_context(keyset, row), content), key_id=keyset.primary_id)
