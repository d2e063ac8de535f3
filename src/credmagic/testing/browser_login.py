"""How does somebody sign in at the tests' authorization server? By one page that asks nothing.

`GET /authorize?login_hint=ada&…` signs that user in (without a hint, `ada`) and sends the browser back with a code,
which is good once, and only with its PKCE verifier. It brings an access token, and a refresh token that rotates.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import request

if TYPE_CHECKING:
    from credmagic.testing.authorization_server import AuthorizationServer
    from credmagic.testing.oauth_clients import Client

PKCE = CodeChallenge(required=True)
"""Of every client, the confidential ones too."""


@dataclass(frozen=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """A code that was given out."""

    user: str
    client_id: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        """Where it was sent."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """What was asked for."""
        return self.scope


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """RFC 6749 §4.1 with RFC 7636."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]
    provider: AuthorizationServer

    def save_authorization_code(self, code: str, asked: Any) -> None:
        """Keep it until it is asked for."""
        sent = asked.payload.data
        self.provider.codes[code] = Code(
            asked.user, asked.client.client_id, sent.get("redirect_uri", ""), asked.payload.scope or "",
            sent.get("code_challenge", ""), sent.get("code_challenge_method", ""),
        )  # fmt: skip

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """The code, if it is this client's."""
        kept = self.provider.codes.get(code)
        return kept if kept and secrets.compare_digest(kept.client_id, client.client_id) else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It is good once."""
        self.provider.codes = {key: one for key, one in self.provider.codes.items() if one is not authorization_code}

    def authenticate_user(self, authorization_code: Code) -> str:
        """Who signed in."""
        return authorization_code.user

    def generate_token(self, **how: Any) -> dict[str, Any]:
        """With a refresh token."""
        token: dict[str, Any] = super().generate_token(**{**how, "include_refresh_token": False})
        return {**token, "refresh_token": self.provider.login(self.request.client.client_id, how["user"])}


def add_page(provider: AuthorizationServer, oauth: Any) -> None:
    """Serve `GET /authorize`."""

    def authorize() -> Any:
        grant = oauth.get_consent_grant()
        return oauth.create_authorization_response(grant=grant, grant_user=request.args.get("login_hint", "ada"))

    provider.app.add_url_rule("/authorize", "authorize", authorize)
