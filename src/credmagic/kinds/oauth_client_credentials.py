"""The kind `oauth_client_credentials`: an application signs in as itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from credmagic.kinds.exchange import OAuthRequest
from credmagic.kinds.fields import field
from credmagic.kinds.oauth_base import OAuthClient


class OAuthClientCredentials(OAuthClient):
    """Client id and secret, for which the provider gives out tokens."""

    kind: ClassVar[str] = "oauth_client_credentials"
    title: ClassVar[str] = "OAuth client credentials"
    aliases: ClassVar[tuple[str, ...]] = ("oauth2_client_creds", "client_credentials")
    wire_kinds: ClassVar[Mapping[str, str]] = {"orchestrate": "oauth_auth_client_credentials_flow"}
    exchange: ClassVar[str | None] = "client_credentials"
    help: ClassVar[str] = "For programs: id and secret of an application. Notebooks get tokens, not the secret."

    send_via: str = field(
        "Client proves itself", "In a header (Basic) or in the body.",
        default="header", type="choice", choices=("header", "body"), more=True,
    )  # fmt: skip
    grant_type: str = field("Grant type", default="client_credentials", trim=True, more=True)

    def token_request(self) -> OAuthRequest:
        """One form POST."""
        return self.oauth_request(
            self.grant_type,
            {},
            token_url=self.token_url,
            client_id=self.client_id,
            client_secret=self.client_secret,
            send_via=self.send_via,
        )
