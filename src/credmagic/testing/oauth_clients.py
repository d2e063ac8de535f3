"""Which applications does the tests' authorization server know, and what remains there of somebody's login?"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin

from credmagic.testing.subject_grants import BEARER, EXCHANGE


@dataclass
class Client(ClientMixin):  # type: ignore[misc]
    """An application that is known here; `key` is the public key its assertions are checked with."""

    client_id: str
    client_secret: str = ""
    key: Any = None
    grants: tuple[str, ...] = (
        "client_credentials", "password", "refresh_token", "authorization_code", BEARER, EXCHANGE,
    )  # fmt: skip
    scopes: frozenset[str] = frozenset({"read", "write"})
    methods: tuple[str, ...] = ("client_secret_basic", "client_secret_post")

    def get_client_id(self) -> str:
        """Its id."""
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        """The part of `scope` it may ask for."""
        return " ".join(word for word in (scope or "").split() if word in self.scopes)

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether that is its secret."""
        return secrets.compare_digest(client_secret.encode(), self.client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it may prove itself so."""
        return method in self.methods

    def check_response_type(self, response_type: str) -> bool:
        """Codes only."""
        return response_type == "code"

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Anywhere on this machine (RFC 8252)."""
        return urlsplit(redirect_uri).hostname in ("127.0.0.1", "localhost")

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may ask so."""
        return grant_type in self.grants


@dataclass
class Family(TokenMixin):  # type: ignore[misc]
    """A login and the refresh tokens that were given out for it, of which only the last one is good."""

    client_id: str
    user: str
    current: str = ""
    spent: set[str] = field(default_factory=set)
    revoked: bool = False

    def check_client(self, client: Client) -> bool:
        """Whether it was given to that application."""
        return client.client_id == self.client_id

    def get_scope(self) -> str:
        """What was granted."""
        return "read"
