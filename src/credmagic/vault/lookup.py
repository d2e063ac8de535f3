"""Whose credentials are there, where is a name looked up, and what is said when nothing is found?

Stdlib and the key set only: the hot path imports it. Order: (name, active environment, mine), (…, team), (name, no
environment, mine), (…, team); an id comes before all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from credmagic import settings
from credmagic.crypto.keyset import Keyset
from credmagic.errors import CredentialNotFound, InvalidCredential, TokenRefused, short, word
from credmagic.vault import access

_ID = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class Owners:
    """The principals of a store: its one user, and the team every user belongs to."""

    me: bytes
    team: bytes

    @classmethod
    def of(cls, keyset: Keyset) -> Owners:
        """Both ids follow from the name key, so that finding a credential reads no other row."""
        return cls(keyset.object_index("principal", "owner"), keyset.object_index("principal", "team 1"))

    def __iter__(self) -> Iterator[bytes]:
        return iter((self.me, self.team))

    def seen_by(self, principal: bytes | None) -> Owners:
        """The same for another user, or a machine: its own credentials, and the team's."""
        return self if principal is None else Owners(principal, self.team)

    def owned(self, owner: bytes) -> str:
        """Whose the row of this owner is: `own`, `team` or `others`, as the table in `access` says it."""
        if owner == self.me:
            return access.OWN
        return access.TEAM if owner == self.team else access.OTHERS

    def label(self, owner: bytes) -> str:
        return "mine" if owner == self.me else "team"


def as_id(ref: str) -> bytes | None:
    """`ref` as a credential id if it looks like one (32 hex digits)."""
    return bytes.fromhex(ref) if _ID.match(ref) else None


def candidates(keyset: Keyset, owners: Owners, ref: str, environment: str) -> Iterator[tuple[bytes, str, bytes]]:
    """Where a name is looked up, in order: (owner, environment, blind index of the name)."""
    for env in dict.fromkeys((environment, "")):
        for owner in owners:
            yield owner, env, keyset.name_index(owner, env, ref)


Names = list[tuple[str, str]]
"""(name, environment) of what is stored, for hints."""


def sign_in_first(name: str, environment: str) -> TokenRefused:
    """The error where nobody has signed in yet, or not so that it is still good."""
    where = "" if environment == settings.active_environment() else f" --env {word(environment)}"
    return TokenRefused(
        f'"{name}" got no token: nobody has signed in at its identity provider',
        next_step=f"Sign in: %cred login {word(name)} --idp{where}",
        details={"error": "no_subject"},
    )


def not_signed_in(name: str, environment: str) -> TokenRefused:
    """The error for what a sign-in makes, before anybody signed in for it."""
    where = "" if environment in ("", settings.active_environment()) else f" --env {word(environment)}"
    return TokenRefused(
        f'nobody has signed in for "{name}" yet',
        next_step=f"Sign in: %cred login {word(name)}{where}",
        details={"error": "not_signed_in"},
    )


def not_found(ref: str, environment: str, known: Names) -> CredentialNotFound:
    """The error for an unknown name: where it does exist, the closest names, and the command that makes it."""
    ref, environment = short(ref), short(environment)
    elsewhere = [env for name, env in known if env != environment and name.casefold() == ref.casefold()]
    names = list(dict.fromkeys(name for name, _ in known if name.casefold() != ref.casefold()))
    closest = get_close_matches(ref, names, n=3, cutoff=0.6)
    hint = f"It exists in {' and '.join(elsewhere)}: add --env {elsewhere[0]}. " if elsewhere else ""
    hint = hint or (f"Did you mean {' or '.join(closest)}? " if closest else "")
    where = f" in {environment}" if environment else ""
    create = "See them all: %cred list" if as_id(ref) else f"Create it: %cred new KIND {word(ref)}"
    return CredentialNotFound(f'no credential "{ref}"{where}', next_step=hint + create, details={"closest": closest})


def no_scopes(name: str, kind: str) -> InvalidCredential:
    """The error for a scope where there are no tokens to choose among."""
    return InvalidCredential(
        f'"{name}" is of kind {kind}, whose tokens are not asked for by scope',
        next_step=f"Use it without one: %cred use {word(name)}",
        errors={"scope": "is not for this kind"},
    )
