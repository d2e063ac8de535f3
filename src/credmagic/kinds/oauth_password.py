"""The kind `oauth_password`: a user's password, for which an application gets tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from credmagic.kinds.exchange import OAuthRequest
from credmagic.kinds.fields import field, secret
from credmagic.kinds.oauth_base import OAuthClient
from credmagic.values import SecretStr


class OAuthPassword(OAuthClient):
    """User and password beside the application's own id and secret."""

    kind: ClassVar[str] = "oauth_password"
    title: ClassVar[str] = "OAuth password"
    aliases: ClassVar[tuple[str, ...]] = ("oauth2_password",)
    wire_kinds: ClassVar[Mapping[str, str]] = {"orchestrate": "oauth_auth_password_flow"}
    exchange: ClassVar[str | None] = "password"
    help: ClassVar[str] = "For services that still take a user's password for tokens; prefer oauth where you can."

    user: str = field("User", aliases=("username",), wire={"orchestrate": "username"})
    password: SecretStr = secret("Password")
    grant_type: str = field("Grant type", default="password", trim=True, more=True)

    def token_request(self) -> OAuthRequest:
        """One form POST with user and password."""
        return self.oauth_request(
            self.grant_type,
            {"username": self.user, "password": self.password},
            token_url=self.token_url,
            client_id=self.client_id,
            client_secret=self.client_secret,
        )
