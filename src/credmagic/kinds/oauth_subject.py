"""The kinds that turn somebody's sign-in into a token for another service: on behalf of, exchanged, or as it is.

The subject is the member's own session at an identity provider, never stored here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from credmagic.kinds.fields import field, secret
from credmagic.kinds.oauth_base import OAuthBase, token_url_field
from credmagic.kinds.token_kind import TokenKind
from credmagic.values import SecretStr


class OAuthSubject(OAuthBase):
    """The application, and how it names the subject."""

    sharing: ClassVar[tuple[str, ...]] = ("member",)
    sso: ClassVar[bool] = True
    client_part: ClassVar[tuple[str, ...]] = (
        "client_id", "client_secret", "token_url", "grant_type", "app_token_key",
        "custom_token_header", "custom_token_body", "custom_token_query",
    )  # fmt: skip

    client_id: str = field("Client ID", trim=True)
    client_secret: SecretStr | None = secret("Client secret", default=None)
    token_url: str = token_url_field()
    grant_type: str = field("Grant type", trim=True, placeholder="urn:ietf:params:oauth:grant-type:token-exchange")
    app_token_key: str | None = field(
        "Subject parameter", "Under which name the subject's token is sent, if not the usual one.",
        default=None, trim=True, more=True, placeholder="subject_token",
    )  # fmt: skip


class OAuthOnBehalfOf(OAuthSubject):
    """An identity provider's token first, then one for the service."""

    kind: ClassVar[str] = "oauth_on_behalf_of"
    title: ClassVar[str] = "On behalf of"
    aliases: ClassVar[tuple[str, ...]] = ("oauth_on_behalf_of_flow",)
    wire_kinds: ClassVar[Mapping[str, str]] = {"orchestrate": "oauth_auth_on_behalf_of_flow"}
    exchange: ClassVar[str | None] = "on_behalf_of"
    help: ClassVar[str] = "A service acts for whoever is signed in at the identity provider."


class OAuthTokenExchange(OAuthSubject):
    """The subject's token is exchanged directly (RFC 8693)."""

    kind: ClassVar[str] = "oauth_token_exchange"
    title: ClassVar[str] = "Token exchange"
    aliases: ClassVar[tuple[str, ...]] = ("oauth2_token_exchange",)
    wire_kinds: ClassVar[Mapping[str, str]] = {"orchestrate": "oauth_auth_token_exchange_flow"}
    exchange: ClassVar[str | None] = "token_exchange"
    help: ClassVar[str] = "The token of whoever is signed in becomes one for another service."


class OAuthDirectAccess(TokenKind):
    """No fields: the signed-in user's token is the token."""

    kind: ClassVar[str] = "oauth_direct_access"
    sharing: ClassVar[tuple[str, ...]] = ("member",)
    sso: ClassVar[bool] = True
    title: ClassVar[str] = "Direct SSO token"
    group: ClassVar[str] = "OAuth"
    aliases: ClassVar[tuple[str, ...]] = ("oauth2_direct_accesstoken",)
    wire_kinds: ClassVar[Mapping[str, str]] = {"orchestrate": "oauth_auth_direct_access_flow"}
    exchange: ClassVar[str | None] = "direct_access"
    probe: ClassVar[str | None] = "token"
    help: ClassVar[str] = "The token of whoever is signed in is used as it is; nothing is stored."
