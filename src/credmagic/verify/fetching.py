"""How does a probe get the token that a kernel would get?

The exchange is asked once, outside any cache. A token that was fetched only to see whether it can be is forgotten.
"""

from __future__ import annotations

from typing import cast

from credmagic.errors import CredmagicError, InvalidCredential, NotFound, TokenRefused, Unreachable, VerificationFailed
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.token_kind import TokenKind
from credmagic.tokens.base import Exchange, exchanges, fetch, words
from credmagic.values import Token

_NEXT = "Check its address, VPN and firewall, and try again; or save unverified (--no-verify)."


class NotTried(Exception):
    """There is no way to ask here; the text says why. Never leaves `verify`."""


def with_token(credential: CredentialKind) -> tuple[CredentialKind, Token | None]:
    """What a kernel would get of `credential`: with a fresh token if its kind needs one.

    Raises `NotTried`, `VerificationFailed`, `Unreachable` or `MissingPackage`.
    """
    if not credential.needs_exchange():
        return credential, None
    exchange = _exchange(credential)
    failure: CredmagicError | None = None
    try:
        token = fetch(exchange, credential)
    except TokenRefused as error:
        failure = VerificationFailed(
            f"the service gave out no token: {words(str(error.details.get('error', '')))}",
            next_step="Correct it and verify again; or save unverified (--no-verify).",
        )
    except Unreachable as error:
        failure = Unreachable(error.message, code=error.code, next_step=_NEXT)
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
    raise NotTried("not verifiable here: nothing that is installed here can fetch its tokens")


def renewed(credential: CredentialKind, token: Token | None) -> dict[str, str]:
    """The fields whose stored values are dead now, with the new ones."""
    if token is None:
        return {}
    return {name: token.extra[name] for name in _exchange(credential).keeps if name in token.extra}
