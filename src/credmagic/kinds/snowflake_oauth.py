"""The kind `snowflake_oauth_user_account`: a Snowflake user who signs in at an OAuth issuer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from credmagic.kinds.adapters import adapter
from credmagic.kinds.exchange import OAuthRequest, SignInRequest, needed
from credmagic.kinds.fields import field, secret
from credmagic.kinds.oauth_base import needs_tls
from credmagic.kinds.snowflake_base import SnowflakeBase
from credmagic.values import SecretStr


class SnowflakeOAuth(SnowflakeBase):
    """The application people sign in with, and the sign-in once it happened."""

    kind: ClassVar[str] = "snowflake_oauth_user_account"
    title: ClassVar[str] = "Snowflake OAuth"
    aliases: ClassVar[tuple[str, ...]] = ("snowflake_oauth",)
    exchange: ClassVar[str | None] = "refresh"
    lent: ClassVar[tuple[str, ...]] = (
        "client_id", "client_secret", "oauth_issuer_type", "oauth_issuer_url", "oauth_scopes",
    )  # fmt: skip
    token_env: ClassVar[tuple[str, ...]] = ("SNOWFLAKE_TOKEN",)
    token_type: ClassVar[str] = "OAUTH"
    help: ClassVar[str] = "Sign in at Snowflake, Okta or Azure; notebooks get short-lived tokens."
    variables: ClassVar[tuple[str, ...]] = ("SNOWFLAKE_AUTHENTICATOR",)

    client_id: str | None = field("Client ID", default=None, trim=True)
    client_secret: SecretStr | None = secret("Client secret", default=None)
    refresh_token: SecretStr | None = secret("Refresh token", "What signing in left behind.", default=None)
    oauth_issuer_type: str | None = field(
        "Issuer", default=None, type="choice", choices=("azure", "okta", "snowflake"), more=True
    )
    oauth_issuer_url: str | None = field(
        "Issuer URL", "Of Okta or Azure; Snowflake's own follows from the account.",
        default=None, type="url", more=True,
    )  # fmt: skip
    oauth_scopes: list[str] = field("Scopes", default=[], type="list", more=True)
    config_id: str | None = field(
        "Configuration", "Id of a team credential of this kind that lends the application; excludes one of its own.",
        default=None, trim=True, aliases=("oauth_config_id",), wire={"datarobot": "oauthConfigId"}, more=True,
        common=True,
    )  # fmt: skip

    def check(self) -> Mapping[str, str]:
        """Also: a secret travels over TLS."""
        return {**super().check(), **needs_tls(oauth_issuer_url=self.oauth_issuer_url)}

    def token_url(self) -> str | None:
        """Where the issuer gives out tokens; None when the fields do not say."""
        issuer = self._issuer()
        if issuer is None or issuer.endswith("/token"):
            return issuer
        return issuer + _PATHS[self.oauth_issuer_type or "snowflake"].token

    def _issuer(self) -> str | None:
        """What the endpoints hang on; people also give the whole token URL of an issuer."""
        if self.oauth_issuer_type in (None, "snowflake"):
            return self.address() or None
        path = _PATHS[self.oauth_issuer_type or ""].token
        return (self.oauth_issuer_url or "").rstrip("/").removesuffix(path) or None

    def sign_in(self) -> SignInRequest | None:
        """At the issuer, for a refresh token: Snowflake's own scope for one is `refresh_token`."""
        issuer, token_url = self._issuer(), self.token_url()
        if not (issuer and token_url and self.client_id) or issuer == token_url:
            return None
        paths = _PATHS[self.oauth_issuer_type or "snowflake"]
        return SignInRequest(
            OAuthRequest(token_url, "", self.client_id, self.client_secret),
            {"refresh_token": "refresh_token"},
            issuer + paths.authorize,
            scope=tuple(dict.fromkeys([*self.oauth_scopes, paths.lasting])),
        )

    def token_request(self) -> OAuthRequest:
        """The refresh grant at the issuer. Raises `InvalidCredential` before anybody signed in."""
        url = self.token_url()
        place = "account" if self.oauth_issuer_type in (None, "snowflake") else "oauth_issuer_url"
        needed(self.kind, **{place: url}, client_id=self.client_id, refresh_token=self.refresh_token)
        form = {"refresh_token": str.__str__(self.refresh_token or "")}
        if self.oauth_scopes:
            form["scope"] = " ".join(self.oauth_scopes)
        return OAuthRequest(url or "", "refresh_token", self.client_id, self.client_secret, form=form)

    def exports(self) -> dict[str, str]:
        """How the connector signs in."""
        return super().exports() | {"SNOWFLAKE_AUTHENTICATOR": "oauth"}

    @adapter
    def snowflake_args(self) -> dict[str, Any]:
        """For the connector: `snowflake.connector.connect(**cred.snowflake_args())`."""
        return {**self.session_args(), "authenticator": "oauth", "token": self.fresh().value}


class _Paths(NamedTuple):
    token: str
    authorize: str
    lasting: str
    """The scope that brings a refresh token."""


_PATHS: Mapping[str, _Paths] = {
    "azure": _Paths("/oauth2/v2.0/token", "/oauth2/v2.0/authorize", "offline_access"),
    "okta": _Paths("/v1/token", "/v1/authorize", "offline_access"),
    "snowflake": _Paths("/oauth/token-request", "/oauth/authorize", "refresh_token"),
}
