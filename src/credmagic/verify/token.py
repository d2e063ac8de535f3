"""Does a credential that becomes a token still become one?

The exchange is asked once, outside any cache, and with the token the service itself, if the kind says how. A token that
was fetched only to see whether it can be is forgotten here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from credmagic.errors import CredmagicError, InvalidCredential, NotFound, TokenRefused, VerificationFailed
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.token_kind import TokenKind
from credmagic.tokens.base import Exchange, exchanges
from credmagic.values import Token
from credmagic.verify.base import Result
from credmagic.verify.http import HttpProbe


class NotTried(Exception):
    """There is no way to ask here; the text says why. Never leaves `verify`."""


class TokenProbe(HttpProbe):
    """Fetches a token; then asks the service what the kind's `http_check` says, if it says anything."""

    def check(self, credential: CredentialKind, *, timeout: float) -> Result:
        """Raises as `Probe.check`."""
        try:
            usable, token = with_token(credential)
        except NotTried as reason:
            return Result("unverifiable", str(reason))
        if getattr(usable, "http_check", lambda: None)() is not None:
            result = super().check(usable, timeout=timeout)
        elif token is None:
            result = Result("unverifiable", "not verifiable without an address to try it at")
        else:
            result = Result("ok", "the service gave out a token")
        return replace(result, renewed=_renewed(credential, token))


def with_token(credential: CredentialKind) -> tuple[CredentialKind, Token | None]:
    """What a kernel would get of `credential`: with a fresh token if its kind needs one.

    Raises `NotTried`, `VerificationFailed`, `Unreachable` or `MissingPackage`.
    """
    if not credential.needs_exchange():
        return credential, None
    exchange = _exchange(credential)
    failure: CredmagicError | None = None
    try:
        token = exchange.fetch(credential)
    except TokenRefused as error:
        code = str(error.details.get("error", "")) or "no reason given"
        failure = VerificationFailed(
            f"the service gave out no token ({code})",
            next_step="Correct it and verify again; or save unverified (--no-verify).",
        )
    except InvalidCredential as error:
        raise NotTried(f"not verifiable: {error.message}") from None
    if failure is not None:
        raise failure
    return cast(TokenKind, credential).held(token), token


def used_up_by_asking(credential: CredentialKind) -> bool:
    """Whether a token costs something that is good for one use only, such as a refresh token."""
    if not credential.needs_exchange():
        return False
    try:
        return bool(_exchange(credential).keeps)
    except NotTried:
        return False


def _exchange(credential: CredentialKind) -> Exchange:
    try:
        return exchanges.get(credential.exchange or "")()
    except NotFound:
        pass
    raise NotTried("not verifiable here: it needs somebody's sign-in")


def _renewed(credential: CredentialKind, token: Token | None) -> dict[str, str]:
    if token is None:
        return {}
    return {name: token.extra[name] for name in _exchange(credential).keeps if name in token.extra}
