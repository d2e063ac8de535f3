"""How does a secret that is good for one use become a token and its successor, so that none is lost or sent twice?

Of all processes of a store one at a time does it: it reads the newest version, asks, and stores what came, as a new
version and only if nobody changed the credential meanwhile; then the token leaves. What remains is a process that dies
between the provider's answer and our commit (docs/decisions/0022).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from credmagic.errors import ChangedMeanwhile, TokenRefused
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import CredentialRow, VersionRow
from credmagic.store.transaction import Reader
from credmagic.tokens.base import Exchange, fetch
from credmagic.values import Token
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.client_part import with_client_part
from credmagic.vault.credentials import next_version
from credmagic.vault.records import Stored, open_meta, open_version, seal_meta, seal_version
from credmagic.vault.subjects import SignedIn
from credmagic.vault.vault import Vault

RENEWED = "renewed"
"""In the sealed values of a version that an exchange made: the version that a person made. The next takes its place."""


@dataclass(frozen=True)
class Full:
    """A credential with all its values, inside the vault."""

    stored: Stored
    version: int
    values: Mapping[str, Any]
    credential: CredentialKind
    lender: tuple[bytes, int] | None = None
    sign_in: tuple[SignedIn, Full] | None = None
    """Of a kind that is for somebody: the sign-in of the one who asks, and the credential it is kept as."""
    scope: str | None = None
    """What was asked for among several; None for what the credential itself says."""

    @property
    def origin(self) -> int:
        """The version that a person made, of which renewals have made this one."""
        return int(self.values.get(RENEWED, self.version))

    @property
    def state(self) -> tuple[Hashable, ...]:
        """What a token of it depends on: not on renewals, of which several processes make one each."""
        subject = (self.sign_in[1].stored.row.id, self.sign_in[1].origin) if self.sign_in else None
        return self.origin, self.lender, subject, self.scope

    def scoped(self, scope: str | None) -> Full:
        """The same for a token of that scope. Raises `InvalidCredential` where it is not for the credential."""
        asking = self.credential if scope is None else self.credential.for_scope(scope)
        return self if asking is self.credential else replace(self, credential=asking, scope=scope)


class _Superseded(Exception):
    """Somebody else gave the credential new values while a token was fetched."""


class Renewals:
    """What one open vault renews. Thread-safe for calls about different credentials."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._unsaved: dict[tuple[bytes, int], Token] = {}
        """Tokens whose renewed secret could not be stored: it is tried again before anything else is asked."""

    def renewed(self, caller: Caller, exchange: Exchange, full: Full) -> Token:
        """A token of the credential, whose successor is stored.

        Raises as `Exchange.fetch`, `StoreUnusable`, and `TokenRefused` (`changed_meanwhile`) when others changed the
        credential again and again.
        """
        with self._vault.store.exclusively(full.stored.row.id):
            return self._in_turn(caller, exchange, full)

    def _in_turn(self, caller: Caller, exchange: Exchange, full: Full) -> Token:
        """A token made with the newest values, which others than exchanges may still replace meanwhile."""
        latest = self._latest(full)  # another process may have renewed it while we waited
        try:
            return self._renewed(caller, exchange, latest)
        except _Superseded:
            pass
        except TokenRefused as error:
            if error.details.get("error") != "invalid_grant" or self._latest(full).version == latest.version:
                raise
        try:
            return self._renewed(caller, exchange, self._latest(full))
        except _Superseded:
            pass
        raise TokenRefused("changed twice", details={"error": "changed_meanwhile"})

    def _renewed(self, caller: Caller, exchange: Exchange, full: Full) -> Token:
        """A token whose renewed secret, if one came along, is stored. Raises `_Superseded`."""
        key = (full.stored.row.id, full.version)
        token = self._unsaved.get(key) or fetch(exchange, full.credential)
        changes = {
            name: token.extra[name]
            for name in exchange.keeps
            if token.extra.get(name) and token.extra[name] != getattr(full.credential, name)
        }
        if not changes:
            self._vault.record(Event("token", caller, "ok", full.stored.row.id, full.version))
            return token
        self._unsaved[key] = token
        try:
            self._keep(caller, full, changes)
        except _Superseded:
            del self._unsaved[key]
            raise
        del self._unsaved[key]
        return token

    def _latest(self, full: Full) -> Full:
        """The credential as it is now."""
        with self._vault.store.read() as reader:
            stored = self._again(reader, full.stored)
            version = stored.row.current_version
            sealed = self._sealed(reader, stored, version)
            values = with_client_part(self._vault, reader, stored, sealed)
        credential = parsed(stored, values)
        if full.lender:
            credential = credential.borrowing(full.credential)
        return Full(stored, version, values, credential, full.lender).scoped(full.scope)

    def _again(self, reader: Reader, stored: Stored) -> Stored:
        """The credential as it is now, whoever owns it."""
        row = reader.get(CredentialRow, id=stored.row.id)
        if row is None:
            raise TokenRefused("it is gone", details={"error": "version_gone"})
        return open_meta(self._vault.keyset, row)

    def _sealed(self, reader: Reader, stored: Stored, version: int) -> dict[str, Any]:
        row = reader.get(VersionRow, credential_id=stored.row.id, version=version)
        if row is None:
            raise TokenRefused("a version is gone", details={"error": "version_gone"})
        return open_version(self._vault.keyset, stored.row, row)

    # ── keeping what was renewed ─────────────────────────────────────────────────────────────────────────
    def _keep(self, caller: Caller, full: Full, changes: Mapping[str, Any]) -> None:
        """Store `changes` as a new version. Raises `_Superseded`, and what a store raises."""
        for _ in range(3):
            with self._vault.store.read() as reader:
                latest = self._again(reader, full.stored)
                if latest.row.current_version != full.version:
                    raise _Superseded
                own = self._sealed(reader, latest, full.version)  # without what is only borrowed
            values = {**own, "secret": {**own["secret"], **changes}, RENEWED: full.origin}
            try:
                return self._write(caller, latest, values, RENEWED in own)
            except ChangedMeanwhile:
                continue  # its name, say: the values may still be ours to replace
        raise _Superseded

    def _write(self, caller: Caller, latest: Stored, values: Mapping[str, Any], last_was_ours: bool) -> None:
        vault, before, at = self._vault, latest.row, now()
        version = next_version(vault, before)
        row = replace(before, current_version=version, revision=before.revision + 1, updated_at=at)
        changed = seal_meta(vault.keyset, row, latest.meta)
        with vault.change(Event("credential.renew", caller, "ok", row.id, row.current_version)) as transaction:
            transaction.update(changed.row, expected_revision=before.revision)
            transaction.insert(seal_version(vault.keyset, row, row.current_version, values, at))
            dead = last_was_ours and transaction.get(VersionRow, credential_id=row.id, version=before.current_version)
            if dead:  # a used-up refresh token helps nobody, and one an hour would fill the store
                transaction.delete(dead)


def parsed(stored: Stored, values: Mapping[str, Any]) -> CredentialKind:
    """The credential with those opened values."""
    return find_kind(stored.row.kind).parse_stored(stored.row.kind_version, values["public"], values["secret"])
