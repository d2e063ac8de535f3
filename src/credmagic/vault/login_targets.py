"""For what does somebody sign in, and where does it go that comes of it?

For a credential of one's own, whose next version it becomes; or, under a connection of which each member has a login,
for the application that the team keeps: then it becomes the member's own part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from credmagic import settings
from credmagic.errors import InvalidCredential, word
from credmagic.kinds.exchange import SignInRequest
from credmagic.store.transaction import Reader
from credmagic.vault.audit import Caller
from credmagic.vault.connection_credentials import set_credentials
from credmagic.vault.connection_names import configurations, search
from credmagic.vault.credentials import update
from credmagic.vault.guarding import check_change
from credmagic.vault.identity_provider import SIGNED_IN
from credmagic.vault.lending import borrowed
from credmagic.vault.lifecycle import rotate
from credmagic.vault.records import Stored
from credmagic.vault.subjects import door_of
from credmagic.vault.vault import Vault

Keep = Callable[[Vault, Caller, Mapping[str, Any], str | None], dict[str, Any]]
"""Stores fields, with the date they end (ISO 8601) or None; returns the view."""


@dataclass(frozen=True)
class Target:
    """What is signed in for. Two of them are equal while the provider and the application stay the same."""

    name: str
    credential_id: bytes
    request: SignInRequest
    keep: Keep
    idp: bool = False
    """True for a sign-in at the identity provider of the connection `name`."""

    @property
    def command(self) -> str:
        """What begins it again."""
        return f"%cred login {word(self.name)}{' --idp' if self.idp else ''}"


def target_of(vault: Vault, caller: Caller, ref: str, environment: str | None, idp: bool = False) -> Target:
    """What `ref` means, or with `idp` the identity provider of the connection `ref`.

    Raises `CredentialNotFound`, `InvalidCredential` for what nobody signs in for, and `AccessDenied` for what the
    caller may not change: before the provider is asked.
    """
    if idp:
        return _at_provider(vault, ref, environment)
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
    if mark := stored.meta.get(SIGNED_IN):
        return _at_provider(vault, mark["app_id"], stored.row.environment)
    with vault.store.read() as reader:
        credential = vault.credential(reader, stored)
        keep = _for_member(vault, reader, stored) or _for_itself(vault, stored)
    check_change(vault, caller, stored)
    request = borrowed(vault, caller, stored, credential)[0].sign_in()
    if request is None:
        raise InvalidCredential(
            f'nobody signs in for "{stored.name}": it says no place to sign in, or its kind has none',
            next_step=f"See what it takes: %cred kinds {stored.row.kind} — and: %cred edit {word(stored.name)}",
        )
    return Target(stored.name, stored.row.id, request, keep)


def _at_provider(vault: Vault, app_id: str, environment: str | None) -> Target:
    door = door_of(vault, app_id, settings.active_environment() if environment is None else environment)
    return Target(door.app_id, door.connection_id, door.request, door.keep, idp=True)


def _for_itself(vault: Vault, stored: Stored) -> Keep:
    vault.acting.check(vault.owners.owned(stored.row.owner_id), writing=True)
    ref = stored.row.id.hex()

    def keep(vault: Vault, caller: Caller, fields: Mapping[str, Any], ends: str | None) -> dict[str, Any]:
        return rotate(vault, caller, ref, fields, verify=False, expires_at=ends)

    return keep


def _for_member(vault: Vault, reader: Reader, stored: Stored) -> Keep | None:
    """Where each member has a login: the team's part was found, or what leans on it and must not copy it."""
    connection = search(vault, reader, stored.name) if stored.row.owner_id in vault.owners else None
    if connection is None:
        return None
    place = (stored.row.environment, stored.row.kind, "member")
    if not any((row.environment, row.kind, row.sharing) == place for row in configurations(reader, connection)):
        return None
    app_id, environment = connection.app_id, stored.row.environment

    def keep(vault: Vault, caller: Caller, fields: Mapping[str, Any], ends: str | None) -> dict[str, Any]:
        view = set_credentials(vault, caller, app_id, environment, fields, "runtime")
        return update(vault, caller, view["id"], expires_at=ends) if ends else view

    return keep
