"""Signing in with a browser: the authorization code (RFC 6749 §4.1), always with PKCE S256 (RFC 7636).

`state` ties the browser that comes back to the login that began, the verifier ties the code to this vault, `nonce` ties
an ID token to both (OpenID Connect Core §3.1.2.1), and `iss` says which provider answered (RFC 9207).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from credmagic.kinds.exchange import SignInRequest
from credmagic.kinds.jwt import jwt_claims
from credmagic.tokens.base import code_of, refused
from credmagic.tokens.sign_in import Pending, SignIn
from credmagic.tokens.web import check_place
from credmagic.values import Token

LEEWAY = 300.0
"""Seconds by which this clock and the provider's may differ."""


class AuthorizationCode(SignIn):
    """The browser goes to the provider and comes back with a code, which only this vault can use."""

    name: ClassVar[str] = "code"
    comes_back: ClassVar[bool] = True

    @staticmethod
    def possible(request: SignInRequest) -> bool:
        """With an authorization URL."""
        return bool(request.authorization_url)

    def begin(self, request: SignInRequest, redirect_uri: str) -> Pending:
        """The address to open. Nobody is asked yet."""
        assert request.authorization_url is not None
        check_place(request.authorization_url)
        kept = {"redirect_uri": redirect_uri, "verifier": secrets.token_urlsafe(48)}
        if "openid" in request.scope:
            kept["nonce"] = secrets.token_urlsafe(32)
        state = secrets.token_urlsafe(32)
        ours = {
            "code_challenge": create_s256_code_challenge(kept["verifier"]),
            "code_challenge_method": "S256",
            **({"nonce": kept["nonce"]} if "nonce" in kept else {}),
        }
        address = prepare_grant_uri(
            request.authorization_url,
            client_id=request.token.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=" ".join(request.scope) or None,
            state=state,
            **{name: value for name, value in request.query.items() if name not in _OURS},
            **ours,
        )
        return Pending({"authorization_url": str(address), "redirect_uri": redirect_uri}, state=state, kept=kept)

    def finish(self, request: SignInRequest, pending: Pending, answer: Mapping[str, str]) -> Token | None:
        """The token for the code that came back."""
        if not answer:
            return None
        if not hmac.compare_digest(answer.get("state", "").encode(), pending.state.encode()):
            raise refused("wrong_state")
        _check_issuer(request, answer.get("iss"))
        if error := answer.get("error"):
            raise refused(code_of(error, "no_code"))
        if not (code := answer.get("code", "")):
            raise refused("no_answer_code")
        token = self.exchanged(
            request,
            "authorization_code",
            {"code": code, "redirect_uri": pending.kept["redirect_uri"], "code_verifier": pending.kept["verifier"]},
        )
        if "nonce" in pending.kept:
            self._check_id_token(request, token.extra.get("id_token"), pending.kept["nonce"])
        return token

    def _check_id_token(self, request: SignInRequest, id_token: str | None, nonce: str) -> None:
        """It came straight from the token endpoint over TLS, which stands in for its signature (Core §3.1.3.7)."""
        claims: Mapping[str, Any] = jwt_claims(id_token or "") or {}
        audience = claims.get("aud")
        ends = claims.get("exp")
        right = (
            hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())
            and request.token.client_id in (audience if isinstance(audience, list) else [audience])
            and isinstance(ends, (int, float))
            and ends > self.clock() - LEEWAY
        )
        if not right:
            raise refused("bad_id_token")


_OURS = frozenset(
    {"client_id", "response_type", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "nonce"}
)


def _check_issuer(request: SignInRequest, issuer: str | None) -> None:
    """A provider that names itself must live where we sent the browser, or where the code goes."""
    places = (request.authorization_url, request.token.token_url)
    if issuer and _service(issuer) not in {_service(place) for place in places if place}:
        raise refused("other_issuer")


def _service(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port, however they are written."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", None, None
