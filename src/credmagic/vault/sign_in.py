"""How does a program prove who it is, and for how long is that believed?

An access key or a machine's password is exchanged for a short-lived token (`crypto/jwt.py`). A token only says who
asked: what the identity and its key are *now* is read again at each call, so that pausing one, or changing a role, ends
every token at once. `akv` is a number that only rises with such changes: a token of an earlier state never comes back.
"""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from credmagic.crypto import jwt
from credmagic.errors import NotSignedIn
from credmagic.store.rows import AccessKeyRow, PrincipalRow
from credmagic.store.transaction import Reader
from credmagic.values import SecretStr
from credmagic.vault import access_keys, identities, machines, throttle
from credmagic.vault.audit import Caller, Event, append
from credmagic.vault.vault import Vault

DEFAULT_LIFE, LONGEST_LIFE = 15, 60
"""Minutes."""
MACHINE, USER = "M", "B"
"""Planes a token is good for: values too, or metadata and writes only."""
_LONGEST_SECRET = 1_024

Proof: TypeAlias = tuple[PrincipalRow, AccessKeyRow | None]


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is."""

    principal: bytes | None
    """None is the user this store belongs to."""
    role: str
    plane: str
    """`M`: a machine. `B`: a person who proved a Jupyter login; such a token opens no values."""
    ident: str
    """Account id of a machine or application, name of a user."""
    name: str
    key_id: str
    """Of the access key it signed in with; empty for a password."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A token for whoever has just proved who he is. `expires_at` is in seconds since 1970."""

    token: str = field(repr=False)
    expires_at: int
    identity: Identity


def sign_in(vault: Vault, caller: Caller, ident: str, secret: str, minutes: int = DEFAULT_LIFE) -> SignedIn:
    """Exchange id and secret of an access key, or id and password of a machine, for a token.

    Raises `NotSignedIn` (`bad_credentials`, the same for every cause) and `RateLimited`.
    """
    if not isinstance(ident, str) or not isinstance(secret, str):
        raise bad_credentials()
    counters = throttle.Counters.of(vault, caller, ident)
    with vault.store.read() as reader:
        throttle.check(vault, reader, counters)
    proof = _proved(vault, ident, secret[: _LONGEST_SECRET + 1])
    if proof is None or not _is_active(*proof):
        _deny(vault, caller, counters, proof)
        raise bad_credentials()
    return _issue(vault, caller, proof, MACHINE, minutes, counters)


def issue_for_user(vault: Vault, caller: Caller, minutes: int = LONGEST_LIFE) -> SignedIn:
    """A token for the user whom Jupyter knows: metadata and writes, never a value. Raises `NotSignedIn`."""
    with vault.store.read() as reader:
        row = reader.get(PrincipalRow, id=caller.principal or vault.owners.me)
    if row is None or row.status != "active":
        raise NotSignedIn("this user is paused or removed", next_step="Ask whoever runs this server.")
    return _issue(vault, caller, (row, None), USER, minutes)


def who(vault: Vault, token: str) -> Identity:
    """Whose token it is, as things stand now. Raises `NotSignedIn`: `token_expired`, else `token_invalid`."""
    claims = jwt.read(vault.keyset, token, int(time.time()))
    with vault.store.read() as reader:
        proof = _claimed(vault, reader, claims)
    stands = proof is not None and _is_active(*proof) and claims["akv"] == _akv(vault, *proof)
    if proof is None or not stands or claims["plane"] not in (MACHINE, USER):
        raise jwt.invalid()
    return _identity(vault, proof, claims["plane"])


# ── proving ──────────────────────────────────────────────────────────────────────────────────────────────────
def _proved(vault: Vault, ident: str, secret: str) -> Proof | None:
    if ident.startswith(access_keys.ID):
        return access_keys.prove(vault, ident, secret)
    row = machines.prove(vault, ident, secret)
    return (row, None) if row else None


def _claimed(vault: Vault, reader: Reader, claims: dict[str, Any]) -> Proof | None:
    """The rows a token speaks of; None when one is gone."""
    try:
        principal = reader.get(PrincipalRow, id=bytes.fromhex(claims["sub"]))
    except ValueError:
        return None
    if principal is None or not claims["akid"]:
        return (principal, None) if principal else None
    key = access_keys.by_key_id(reader, vault.keyset, claims["akid"])
    return (principal, key) if key and key.principal_id == principal.id else None


def _is_active(principal: PrincipalRow, key: AccessKeyRow | None) -> bool:
    return principal.status == "active" and (key is None or key.status == "active")


def _akv(vault: Vault, principal: PrincipalRow, key: AccessKeyRow | None) -> int:
    """A sum of numbers that only rise, so that it differs after any change that ends tokens. Raises `SealBroken`."""
    return identities.epoch(identities.content(vault.keyset, principal)) + (key.akv if key else 0)


def _identity(vault: Vault, proof: Proof, plane: str) -> Identity:
    principal, key = proof
    opened = identities.content(vault.keyset, principal)
    return Identity(
        principal=None if principal.id == vault.owners.me else principal.id,
        role=principal.role,
        plane=plane,
        ident=str(opened.get("id") or opened["name"]),
        name=str(opened["name"]),
        key_id=str(access_keys.content(vault.keyset, key)["id"]) if key else "",
    )


# ── answering ────────────────────────────────────────────────────────────────────────────────────────────────
def _issue(
    vault: Vault, caller: Caller, proof: Proof, plane: str, minutes: int, counters: throttle.Counters | None = None
) -> SignedIn:
    at, life = int(time.time()), 60 * min(max(minutes, 1), LONGEST_LIFE)
    identity = _identity(vault, proof, plane)
    jti = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
    about = {"jti": jti, **({"key": proof[1].id.hex()} if proof[1] else {})}
    with vault.change(Event("token.issue", caller, object_id=proof[0].id, more=about)) as transaction:
        if counters:
            throttle.passed(transaction, counters)
    token = jwt.issue(
        vault.keyset, at, life,
        sub=proof[0].id.hex(), jti=jti, akid=identity.key_id, akv=_akv(vault, *proof), plane=plane,
    )  # fmt: skip
    return SignedIn(SecretStr(token, "[token]"), at + life, identity)


def _deny(vault: Vault, caller: Caller, counters: throttle.Counters, proof: Proof | None) -> None:
    reason, about = ("paused", proof[0].id) if proof else ("not proved", None)
    event = Event("token.deny", caller, outcome="refused", object_id=about, reason=reason)
    with vault.change(event) as transaction:
        if throttle.failed(vault, transaction, counters):
            append(transaction, vault.keyset, Event("rate_limited", caller, outcome="refused", object_id=about))


def bad_credentials() -> NotSignedIn:
    """The one answer for a proof that is none, whatever the cause."""
    return NotSignedIn(
        "id or secret are wrong, or paused",
        code="bad_credentials",
        next_step="Look: credmagic key list, or credmagic machine list",
    )
