"""The kind `oauth`: a login in a browser, before and after it happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from credmagic.kinds.base import env_text
from credmagic.kinds.exchange import OAuthRequest, SignInRequest, needed
from credmagic.kinds.fields import field, secret
from credmagic.kinds.http import HttpCheck
from credmagic.kinds.jwt import jwt_expiry
from credmagic.kinds.oauth_base import OAuthBase, needs_tls, token_url_field
from credmagic.values import SecretStr


class OAuth(OAuthBase):
    """A token somebody signed in for, the application that may renew it, or both."""

    kind: ClassVar[str] = "oauth"
    title: ClassVar[str] = "OAuth login"
    aliases: ClassVar[tuple[str, ...]] = ("oauth2", "oauth2_auth_code")
    wire_kinds: ClassVar[Mapping[str, str]] = {"orchestrate": "oauth_auth_code_flow"}
    exchange: ClassVar[str | None] = "refresh"
    token_field: ClassVar[str] = "token"
    client_part: ClassVar[tuple[str, ...]] = (
        "client_id", "client_secret", "token_url", "authorization_url", "device_authorization_url", "scope",
        "custom_auth_query", "custom_token_header", "custom_token_body", "custom_token_query",
    )  # fmt: skip
    help: ClassVar[str] = "Either a token you have, or the application to sign in with; with both it is renewed unseen."

    token: SecretStr | None = secret("Token", default=None, aliases=("access_token", "oauth_access_token"))
    refresh_token: SecretStr | None = secret("Refresh token", default=None, aliases=("oauth_refresh_token",))
    client_id: str | None = field("Client ID", default=None, trim=True, aliases=("oauth_client_id",))
    client_secret: SecretStr | None = secret("Client secret", default=None, aliases=("oauth_client_secret",))
    token_url: str | None = token_url_field(required=False)
    authorization_url: str | None = field(
        "Authorization URL", "Where people sign in.", default=None, type="url", aliases=("auth_url",)
    )
    device_authorization_url: str | None = field(
        "Device authorization URL", "For signing in with a code on another device.",
        default=None, type="url", more=True,
    )  # fmt: skip
    custom_auth_query: dict[str, Any] | None = field(
        "Sign-in query", "Further parameters of the authorization URL.", default=None, type="json", more=True
    )

    def check(self) -> Mapping[str, str]:
        """A token, or all that is needed to get one."""
        problems = {
            **super().check(),
            **needs_tls(
                authorization_url=self.authorization_url, device_authorization_url=self.device_authorization_url
            ),
        }
        own = (
            self.client_id,
            self.client_secret,
            self.token_url,
            self.authorization_url,
            self.device_authorization_url,
        )
        if not any(own):
            if not self.token:
                problems["token"] = "is required unless client_id and token_url are given"
            return problems
        if not self.client_id:
            problems["client_id"] = "is required with token_url"
        if not self.token_url:
            problems["token_url"] = "is required with client_id"
        if not (self.authorization_url or self.device_authorization_url or self.refresh_token):
            problems["authorization_url"] = "is required to sign in, or device_authorization_url, or a refresh_token"
        return problems

    def needs_exchange(self) -> bool:
        """False for a token that is all there is: it is handed over as it is."""
        return bool(self.client_id and self.token_url and (self.refresh_token or not self.token))

    def kept(self) -> frozenset[str]:
        """Everything but the token itself, which alone is of use in a notebook."""
        if self.exportable or self._token is not None:
            return frozenset()
        kept = frozenset(spec.name for spec in self.specs() if spec.secret)
        return kept if self.needs_exchange() else kept - {"token"}

    def exports(self) -> dict[str, str]:
        """The token under its name, also one that was stored."""
        found = super().exports()
        return dict.fromkeys(self.token_env, self.token) | found if self.token else found

    def token_request(self) -> OAuthRequest:
        """The refresh grant. Raises `InvalidCredential` before anybody signed in."""
        needed(self.kind, refresh_token=self.refresh_token)
        return self.oauth_request(
            "refresh_token",
            {"refresh_token": self.refresh_token or ""},
            token_url=self.token_url,
            client_id=self.client_id,
            client_secret=self.client_secret,
        )

    def sign_in(self) -> SignInRequest | None:
        """At the authorization URL, or with a code on another device."""
        if not (self.client_id and self.token_url and (self.authorization_url or self.device_authorization_url)):
            return None
        along = self.sent_along()
        form = {name: value for name, value in along["form"].items() if name != "scope"}
        return SignInRequest(
            OAuthRequest(
                self.token_url, "", self.client_id, self.client_secret,
                form=form, header=along["header"], query=along["query"],
            ),
            {"access_token": "token", "refresh_token": "refresh_token"},
            self.authorization_url,
            self.device_authorization_url,
            tuple(self.scope),
            {name: env_text(value) for name, value in (self.custom_auth_query or {}).items()},
        )  # fmt: skip

    def http_check(self) -> HttpCheck | None:
        """GET `resource_url` with a token that nothing can renew; fetching one tells enough of the others."""
        if self.needs_exchange() or not self.token or not self.resource_url:
            return None
        return HttpCheck(self.resource_url, {"Authorization": SecretStr(f"Bearer {self.token}")})

    def expiry(self) -> datetime | None:
        """The `exp` of a token that is a JWT and that nothing can renew."""
        return jwt_expiry(self.token) if self.token and not self.refresh_token else None
