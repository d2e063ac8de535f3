"""What leaves the vault of a credential whose secrets stay in it?

A short-lived token, fetched by the kind's exchange, in the form the kind gives it (`released`). The resolver has
checked and recorded the use before it comes here. How a token is made of a secret that is good for one use is told in
`renewals`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from credmagic.errors import CredmagicError, TokenRefused, Unreachable
from credmagic.kinds.base import CredentialKind, Released, environ_of, variable
from credmagic.kinds.exchange import Subject
from credmagic.tokens.base import exchange_of, fetch
from credmagic.values import SecretStr, Token
from credmagic.vault.audit import Caller, Event
from credmagic.vault.client_part import LEANS, with_client_part
from credmagic.vault.lending import borrowed
from credmagic.vault.records import Stored, iso, micros
from credmagic.vault.refusals import SIGN_IN, named
from credmagic.vault.renewals import Full, Renewals, parsed
from credmagic.vault.subjects import SignedIn, signed_in
from credmagic.vault.vault import Vault


class _OfSubject(Protocol):
    def for_subject(self, subject: Subject) -> CredentialKind: ...


class Releaser:
    """Releases the credentials of one open vault. Thread-safe."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._renewals = Renewals(vault)

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
            token = self._token(caller, full)
            parts = _parts(stored, version, full.credential, token) | self._left(token)
            return parts if scope is None else parts | {"scope": scope}
        except CredmagicError as error:
            signs_in = full is not None and full.credential.sign_in() is not None
            failure = named(error, stored, signs_in=signs_in, leans=bool(values.get(LEANS)))
        reason = str(failure.details.get("error") or failure.code)
        outcome = "unreachable" if isinstance(failure, Unreachable) else "refused"
        self._vault.record(Event("token", caller, outcome, stored.row.id, version, reason))
        raise failure.with_traceback(None)

    def _full(self, caller: Caller, stored: Stored, version: int, values: Mapping[str, Any]) -> Full:
        with self._vault.store.read() as reader:
            values = with_client_part(self._vault, reader, stored, values)
        credential = parsed(stored, values)
        if type(credential).sso:
            own = signed_in(self._vault, caller, stored)
            sign_in = self._full(caller, own.stored, own.version, own.values)
            return Full(stored, version, values, credential, sign_in=(own, sign_in))
        return Full(stored, version, values, *borrowed(self._vault, caller, stored, credential))

    def _left(self, token: Token) -> dict[str, float]:
        """`expires_in` of *resolved*: who reads it may have another clock."""
        ends = token.expires_at
        return {} if ends is None else {"expires_in": round(ends.timestamp() - self._vault.tokens.clock(), 3)}

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

    def _of_subject(self, caller: Caller, credential: CredentialKind, own: SignedIn, sign_in: Full) -> CredentialKind:
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
    def _token(self, caller: Caller, full: Full) -> Token:
        """A token of the credential that is not about to end."""
        if full.credential.needs_exchange():
            return self._vault.tokens.get(full.stored.row.id, full.state, lambda: self._fetched(caller, full))
        ends = full.stored.expires_at
        value = full.values["secret"]["token"]
        return Token(SecretStr(value), None if ends is None else datetime.fromtimestamp(ends / 1e6, UTC))

    def _fetched(self, caller: Caller, full: Full) -> Token:
        """A token of the credential. Called by one thread at a time for each."""
        exchange = exchange_of(full.credential)(clock=self._vault.tokens.clock)
        if not exchange.keeps:
            credential = self._of_subject(caller, full.credential, *full.sign_in) if full.sign_in else full.credential
            token = fetch(exchange, credential)
            self._vault.record(Event("token", caller, "ok", full.stored.row.id, full.version))
            return token
        if full.version != full.stored.row.current_version:
            raise TokenRefused("an earlier version", details={"error": "earlier_version"})
        return self._renewals.renewed(caller, exchange, full)


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


def _as_they_are(credential: CredentialKind) -> Released:
    return Released(
        credential.flatten(), credential.secret_keys(), credential.environ("NAME"), credential.files("NAME")
    )
