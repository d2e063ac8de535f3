"""Which credentials fill a connection in one environment, and how do they go?

The credential named like the connection, of its kind, in that environment: the team's, or each member's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from credmagic.store.rows import ConfigurationRow, CredentialRow, PrincipalRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.credentials import check_unused, remove_in
from credmagic.vault.identity_provider import SIGNED_IN
from credmagic.vault.records import Stored, open_meta
from credmagic.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Place:
    """A connection in one environment."""

    app_id: str
    configuration: ConfigurationRow

    def owner(self, vault: Vault) -> bytes:
        """Whose credential serves the one who asks."""
        return vault.owners.team if self.configuration.sharing == "team" else vault.owners.me


def sign_in_name(app_id: str) -> str:
    """The name under which a member's sign-in at the connection's identity provider is kept."""
    return f"{app_id}-idp"


def held_by(vault: Vault, reader: Reader, place: Place, owner: bytes) -> Stored | None:
    """The credential of that name an owner has there, of whatever kind."""
    environment = place.configuration.environment
    index = vault.keyset.name_index(owner, environment, place.app_id)
    where = {"owner_id": owner, "environment": environment, "name_ix": index}
    rows = reader.find(CredentialRow, where, limit=1)
    return open_meta(vault.keyset, rows[0]) if rows else None


def held(vault: Vault, reader: Reader, place: Place) -> list[Stored]:
    """Everybody's, the team's included, of the connection's kind."""
    owners = [row.id for row in reader.find(PrincipalRow, order=("created_at", "id"))]
    found = (held_by(vault, reader, place, owner) for owner in owners)
    return [stored for stored in found if stored is not None and stored.row.kind == place.configuration.kind]


def filled(vault: Vault, reader: Reader, place: Place) -> bool:
    """Whether the one who asks has all that is needed there."""
    whose = {place.owner(vault), *([vault.owners.team] if place.configuration.sso else [])}  # signing in does the rest
    found = [stored for owner in whose if (stored := held_by(vault, reader, place, owner))]
    return any(one.row.kind == place.configuration.kind and one.row.status != "incomplete" for one in found)


def _sign_ins(vault: Vault, reader: Reader, place: Place) -> list[Stored]:
    """What everybody's sign-in at the identity provider brought."""
    kept = Place(sign_in_name(place.app_id), place.configuration)
    owners = [row.id for row in reader.find(PrincipalRow, order=("created_at", "id"))]
    found = (held_by(vault, reader, kept, owner) for owner in owners)
    return [stored for stored in found if stored is not None and SIGNED_IN in stored.meta]


def drop(
    vault: Vault, transaction: Transaction, place: Place, *, force: bool = False, owners: Sequence[bytes] = ()
) -> int:
    """Remove what fills the place (of some owners); how many. Raises `CredentialInUse` unless forced."""
    gone = [stored for stored in held(vault, transaction, place) if not owners or stored.row.owner_id in owners]
    gone += [] if owners else _sign_ins(vault, transaction, place)
    for stored in gone:
        if not force:
            check_unused(vault, transaction, stored)
        remove_in(transaction, stored)
        vault.tokens.drop(stored.row.id)
    return len(gone)
