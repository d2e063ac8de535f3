"""How does a member's credential come to the application it asks through, which belongs to the team?

Under a connection shared by `member` the team keeps which application asks (`client_part` of the kind), each member
its own login. Wherever the values of such a member's version are needed, the team's part stands under them. Under what
a sign-in at an identity provider brought stands the application that the connection names there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from credmagic.kinds.registry import find_kind
from credmagic.store.rows import CredentialRow, VersionRow
from credmagic.store.transaction import Reader
from credmagic.vault.identity_provider import SIGNED_IN, lent
from credmagic.vault.records import Stored, open_version

if TYPE_CHECKING:
    from credmagic.vault.vault import Vault

LEANS = "client_part"
"""In the sealed values of a version: it may lean on the team's part."""

_EMPTY: Mapping[str, Any] = {"public": {}, "secret": {}}


def with_client_part(vault: Vault, reader: Reader, stored: Stored, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` of a version; of one that leans, with the team's part under them."""
    row = stored.row
    if values.get(SIGNED_IN):
        below = lent(vault, reader, row.environment, values[SIGNED_IN])
    elif values.get(LEANS):
        below = team_part(vault, reader, row.kind, row.environment, stored.name)
    else:
        return dict(values)
    own = _without_application(row.kind, values) if below["secret"] else values
    merged = {**values, **{part: {**below[part], **own[part]} for part in ("public", "secret")}}
    if below["secret"] and merged["public"].get("exportable"):  # what is lent is not the member's to hand out
        merged["public"] = {**merged["public"], "exportable": False}
    return merged


def _without_application(kind: str, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A secret that is lent goes where who lends it says: a member who could say it would have it sent to himself."""
    names = find_kind(kind).client_part
    return {part: {n: v for n, v in values[part].items() if n not in names} for part in ("public", "secret")}


def entered(vault: Vault, stored: Stored, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What of `fields` may be written there: where a lent secret goes is not the member's to say, nor to try out."""
    cls, lent = find_kind(stored.row.kind), lent_to(vault, stored)
    theirs = cls.client_part if lent and lent["secret"] else ()
    named = {name: cls.spec(name) for name in fields}
    return {name: value for name, value in fields.items() if not ((spec := named[name]) and spec.name in theirs)}


def lent_to(vault: Vault, stored: Stored) -> Mapping[str, Any] | None:
    """What the team lends to the current version, which no further version copies; None for one that does not lean."""
    with vault.store.read() as reader:
        row = reader.get(VersionRow, credential_id=stored.row.id, version=stored.row.current_version)
        if row is None or not open_version(vault.keyset, stored.row, row).get(LEANS):
            return None
        return team_part(vault, reader, stored.row.kind, stored.row.environment, stored.name)


def team_part(vault: Vault, reader: Reader, kind: str, environment: str, name: str) -> Mapping[str, Any]:
    """Which application the team's credential of that name speaks for; empty parts when there is none."""
    team = vault.owners.team
    index = vault.keyset.name_index(team, environment, name)
    where = {"owner_id": team, "environment": environment, "name_ix": index, "kind": kind}
    for row in reader.find(CredentialRow, where, limit=1):
        version = reader.get(VersionRow, credential_id=row.id, version=row.current_version)
        if version is not None:
            opened = open_version(vault.keyset, row, version)
            names = find_kind(kind).client_part
            return {part: {n: v for n, v in opened[part].items() if n in names} for part in ("public", "secret")}
    return _EMPTY
