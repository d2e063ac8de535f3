"""The kinds that turn somebody's sign-in into a token for another service: on behalf of, exchanged, or as it is.

The subject is the member's own sign-in at the identity provider of the connection (`%cred login NAME --idp`). It is no
field: the vault adds it (`for_subject`) when a token is fetched, for the one who asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

from pydantic import PrivateAttr

from credmagic.errors import InvalidCredential
from credmagic.kinds.exchange import Subject, SubjectRequest
from credmagic.kinds.fields import field, secret
from credmagic.kinds.oauth_base import OAuthBase, token_url_field
from credmagic.kinds.token_kind import TokenKind
from credmagic.values import SecretStr


class OfSubject(TokenKind):
    """What is given for whoever is signed in."""

    sharing: ClassVar[tuple[str, ...]] = ("member",)
    sso: ClassVar[bool] = True

    _subject: Subject | None = PrivateAttr(default=None)

    def for_subject(self, subject: Subject) -> Self:
        """The same for somebody who signed in."""
        copy = self.model_copy()
        copy._subject = subject
        return copy

    def subject(self) -> Subject:
        """For whom. Raises `InvalidCredential` before anybody signed in."""
        if self._subject is None:
            raise InvalidCredential(
                "it needs somebody's sign-in at the identity provider of its connection",
                next_step="Sign in: %cred login NAME --idp",
            )
        return self._subject


class OAuthSubject(OfSubject, OAuthBase):
    """The application, and how it names the subject."""

    client_part: ClassVar[tuple[str, ...]] = (
        "client_id", "client_secret", "token_url", "scope", "send_via", "grant_type", "app_token_key",
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
    send_via: str = field(
        "Client proves itself", "In a header (Basic) or in the body.",
        default="header", type="choice", choices=("header", "body"), more=True,
    )  # fmt: skip

    def token_request(self) -> SubjectRequest:
        """With the subject's token, which the exchange puts where its grant wants it."""
        subject = self.subject()
        request = self.oauth_request(
            self.grant_type,
            {},
            token_url=self.token_url,
            client_id=self.client_id,
            client_secret=self.client_secret,
            send_via=self.send_via,
        )
        return SubjectRequest(
            replace(request, header={**subject.header, **request.header}), subject, self.app_token_key
        )


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


class OAuthDirectAccess(OfSubject):
    """No fields: the signed-in user's token is the token."""

    kind: ClassVar[str] = "oauth_direct_access"
    title: ClassVar[str] = "Direct SSO token"
    group: ClassVar[str] = "OAuth"
    aliases: ClassVar[tuple[str, ...]] = ("oauth2_direct_accesstoken",)
    wire_kinds: ClassVar[Mapping[str, str]] = {"orchestrate": "oauth_auth_direct_access_flow"}
    exchange: ClassVar[str | None] = "direct_access"
    probe: ClassVar[str | None] = "token"
    help: ClassVar[str] = "The token of whoever is signed in is used as it is; nothing is stored."

    def token_request(self) -> Subject:
        """The subject."""
        return self.subject()
