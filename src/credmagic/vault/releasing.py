"""What leaves the vault of a credential whose secrets stay in it?

A short-lived token, fetched by the kind's exchange, in the form the kind gives it (`released`). The resolver has
checked and recorded the use before it comes here. A renewed refresh token is stored, as a new version and only if
nobody changed the credential meanwhile, before the access token that came with it is handed out.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from credmagic.errors import ChangedMeanwhile, CredmagicError, InvalidCredential, TokenRefused, Unreachable
from credmagic.kinds.base import CredentialKind, Released, environ_of, variable
from credmagic.kinds.exchange import Subject
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import CredentialRow, VersionRow
from credmagic.store.transaction import Reader
from credmagic.tokens.base import Exchange, exchange_of, fetch
from credmagic.values import SecretStr, Token
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.client_part import LEANS, with_client_part
from credmagic.vault.credentials import next_version
from credmagic.vault.records import Stored, iso, micros, open_meta, open_version, seal_meta, seal_version
from credmagic.vault.refusals import SIGN_IN, named
from credmagic.vault.resolve import as_id
from credmagic.vault.subjects import SignedIn, signed_in
from credmagic.vault.vault import Vault

RENEWED = "renewed"
"""In the sealed values of a version that an exchange made: the version that a person made. The next takes its place."""


@dataclass(frozen=True)
class _Full:
    """A credential with all its values, inside the vault."""

    stored: Stored
    version: int
    values: Mapping[str, Any]
    credential: CredentialKind
    lender: tuple[bytes, int] | None = None
    sign_in: tuple[SignedIn, _Full] | None = None
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

    def scoped(self, scope: str | None) -> _Full:
        """The same for a token of that scope. Raises `InvalidCredential` where it is not for the credential."""
        return self if scope is None else replace(self, credential=self.credential.for_scope(scope), scope=scope)


class _OfSubject(Protocol):
    def for_subject(self, subject: Subject) -> CredentialKind: ...


class _Superseded(Exception):
    """Somebody else gave the credential new values while a token was fetched."""


class Releaser:
    """Releases the credentials of one open vault. Thread-safe."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._unsaved: dict[tuple[bytes, int], Token] = {}
        """Tokens whose renewed secret could not be stored: it is tried again before anything else is asked."""

    def release(
        self, caller: Caller, stored: Stored, version: int, values: Mapping[str, Any], scope: str | None = None
    ) -> dict[str, Any]:
        """The parts of *resolved* that depend on the token, which is the one for `scope` where there are several.

        Raises `TokenRefused`, `Unreachable` (both recorded), `InvalidCredential`, `MissingPackage`.
        """
        failure: CredmagicError
        full = None
        try:
            full = self._full(caller, stored, version, values).scoped(scope)
            if not full.credential.needs_exchange():  # its values are only borrowed
                return _parts(stored, version, full.credential, None)
            parts = _parts(stored, version, full.credential, self._token(caller, full))
            return parts if scope is None else parts | {"scope": scope}
        except CredmagicError as error:
            signs_in = full is not None and full.credential.sign_in() is not None
            failure = named(error, stored, signs_in=signs_in, leans=bool(values.get(LEANS)))
        reason = str(failure.details.get("error") or failure.code)
        outcome = "unreachable" if isinstance(failure, Unreachable) else "refused"
        self._vault.record(Event("token", caller, outcome, stored.row.id, version, reason))
        raise failure.with_traceback(None)

    def _full(self, caller: Caller, stored: Stored, version: int, values: Mapping[str, Any]) -> _Full:
        with self._vault.store.read() as reader:
            values = with_client_part(self._vault, reader, stored, values)
        credential = _parsed(stored, values)
        if type(credential).sso:
            own = signed_in(self._vault, caller, stored)
            sign_in = self._full(caller, own.stored, own.version, own.values)
            return _Full(stored, version, values, credential, sign_in=(own, sign_in))
        lender_id = getattr(credential, "config_id", None)
        if not lender_id:
            return _Full(stored, version, values, credential)
        lender, lent = self._lender(caller, str(lender_id), stored)
        self._vault.record(Event("use", caller, "ok", lender.row.id, lender.row.current_version, "lent"))
        return _Full(stored, version, values, credential.borrowing(lent), (lender.row.id, lender.row.current_version))

    def _lender(self, caller: Caller, lender_id: str, stored: Stored) -> tuple[Stored, CredentialKind]:
        """The team credential that lends its secret group. Raises `InvalidCredential`, `NotUsable`, `AccessDenied`."""
        with self._vault.store.read() as reader:
            found = as_id(lender_id)
            row = reader.get(CredentialRow, id=found) if found else None
            teams = row is not None and row.owner_id == self._vault.owners.team and self._vault.resolver.shared(row)
            if row is not None and teams and row.kind == stored.row.kind:
                lender = open_meta(self._vault.keyset, row)
                self._vault.resolver.check_usable(caller, lender)
                return lender, self._vault.credential(reader, lender)
        raise InvalidCredential(
            f'"{stored.name}" borrows from a team credential that is not there or of another kind',
            next_step=f"Name another one: %cred edit {stored.name}",
            errors={"config_id": "names no usable team credential of this kind"},
        )

    # ── for whom ─────────────────────────────────────────────────────────────────────────────────────────
    def for_caller(self, caller: Caller, stored: Stored, credential: CredentialKind) -> CredentialKind:
        """The credential as it asks for `caller`; the same where it makes no difference who asks.

        Raises `TokenRefused` when the caller has not signed in, and as `release`.
        """
        if not type(credential).sso:
            return credential
        own = signed_in(self._vault, caller, stored)
        sign_in = self._full(caller, own.stored, own.version, own.values)
        return self._of_subject(caller, credential, own, sign_in)

    def _of_subject(self, caller: Caller, credential: CredentialKind, own: SignedIn, sign_in: _Full) -> CredentialKind:
        """The credential with the token of the caller's own sign-in, which is renewed if it has to be."""
        self._vault.record(Event("use", caller, "ok", sign_in.stored.row.id, sign_in.version, "subject"))
        failure: CredmagicError
        try:
            token = self._token(caller, sign_in)
        except TokenRefused as error:
            failure = TokenRefused(error.message, details={**error.details, "step": SIGN_IN})
        except Unreachable as error:
            failure = Unreachable(
                error.message, code=error.code, next_step=error.next_step, details={**error.details, "step": SIGN_IN}
            )
        else:
            return cast(_OfSubject, credential).for_subject(own.subject(token))
        raise failure

    # ── fetching ─────────────────────────────────────────────────────────────────────────────────────────
    def _token(self, caller: Caller, full: _Full) -> Token:
        """A token of the credential that is not about to end."""
        if full.credential.needs_exchange():
            return self._vault.tokens.get(full.stored.row.id, full.state, lambda: self._fetched(caller, full))
        ends = full.stored.expires_at
        value = full.values["secret"]["token"]
        return Token(SecretStr(value), None if ends is None else datetime.fromtimestamp(ends / 1e6, UTC))

    def _fetched(self, caller: Caller, full: _Full) -> Token:
        """A token of the credential. Called by one thread at a time for each."""
        exchange = exchange_of(full.credential)(clock=self._vault.tokens.clock)
        if not exchange.keeps:
            credential = self._of_subject(caller, full.credential, *full.sign_in) if full.sign_in else full.credential
            token = fetch(exchange, credential)
            self._vault.record(Event("token", caller, "ok", full.stored.row.id, full.version))
            return token
        if full.version != full.stored.row.current_version:
            raise TokenRefused("an earlier version", details={"error": "earlier_version"})
        with self._vault.store.exclusively(full.stored.row.id):  # no two processes send the same refresh token
            return self._in_turn(caller, exchange, full)

    def _in_turn(self, caller: Caller, exchange: Exchange, full: _Full) -> Token:
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

    def _renewed(self, caller: Caller, exchange: Exchange, full: _Full) -> Token:
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

    def _latest(self, full: _Full) -> _Full:
        """The credential as it is now."""
        with self._vault.store.read() as reader:
            stored = self._again(reader, full.stored)
            version = stored.row.current_version
            sealed = self._sealed(reader, stored, version)
            values = with_client_part(self._vault, reader, stored, sealed)
        credential = _parsed(stored, values)
        if full.lender:
            credential = credential.borrowing(full.credential)
        return _Full(stored, version, values, credential, full.lender)

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
    def _keep(self, caller: Caller, full: _Full, changes: Mapping[str, Any]) -> None:
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


def _parts(stored: Stored, version: int, credential: CredentialKind, token: Token | None) -> dict[str, Any]:
    """What goes into *resolved*; `token` there is the name of the field that holds the token."""
    out = credential.released(token) if token else _as_they_are(credential)
    token_field = next((key for key in out.secret if token and out.fields.get(key) == token.value), None)
    ends = micros(token.expires_at) if token else None
    return {
        "version": version,
        "expires_at": iso(stored.expires_at if ends is None else ends),
        "fields": out.fields,
        "secret": out.secret,
        "environ": environ_of(out, stored.name),
        "files": {variable(env, stored.name): content for env, content in out.files.items()},
        "aliases": credential.field_aliases(),
        **({"token": token_field} if token_field else {}),
    }


def _parsed(stored: Stored, values: Mapping[str, Any]) -> CredentialKind:
    return find_kind(stored.row.kind).parse_stored(stored.row.kind_version, values["public"], values["secret"])


def _as_they_are(credential: CredentialKind) -> Released:
    return Released(
        credential.flatten(), credential.secret_keys(), credential.environ("NAME"), credential.files("NAME")
    )
