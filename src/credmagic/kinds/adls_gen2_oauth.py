"""The kind `adls_gen2_oauth`: a user's own sign-in to Azure Data Lake Storage."""

from __future__ import annotations

from typing import Any, ClassVar

from credmagic.kinds.adapters import adapter
from credmagic.kinds.azure_base import AzureLogin
from credmagic.kinds.exchange import OAuthRequest, SignInRequest, needed
from credmagic.kinds.fields import field, secret
from credmagic.values import SecretStr


class AdlsGen2OAuth(AzureLogin):
    """The application people sign in with, and the sign-in once it happened."""

    kind: ClassVar[str] = "adls_gen2_oauth"
    title: ClassVar[str] = "ADLS Gen2 OAuth"
    aliases: ClassVar[tuple[str, ...]] = ("adls",)
    exchange: ClassVar[str | None] = "refresh"
    lent: ClassVar[tuple[str, ...]] = ("client_id", "client_secret", "oauth_scopes")
    inline: ClassVar[tuple[str, ...]] = ("client_id", "client_secret", "oauth_scopes")
    help: ClassVar[str] = "Reads and writes the data lake as you; sign in once."

    client_id: str | None = field("Client ID", default=None, trim=True)
    client_secret: SecretStr | None = secret("Client secret", default=None)
    oauth_scopes: list[str] = field("Scopes", "At least one.", default=[], type="list")
    refresh_token: SecretStr | None = secret("Refresh token", "What signing in left behind.", default=None, more=True)
    account_name: str | None = field(
        "Storage account", default=None, trim=True, more=True, env=("AZURE_STORAGE_ACCOUNT",)
    )
    tenant_id: str = field("Tenant ID", default="organizations", trim=True, more=True)

    def token_scopes(self) -> list[str]:
        """As asked for when signing in."""
        return self.oauth_scopes

    def token_request(self) -> OAuthRequest:
        """The refresh grant at the tenant. Raises `InvalidCredential` before anybody signed in."""
        needed(self.kind, client_id=self.client_id, refresh_token=self.refresh_token)
        form = {"refresh_token": str.__str__(self.refresh_token or ""), "scope": " ".join(self.oauth_scopes)}
        return OAuthRequest(
            self.endpoint(self.tenant_id), "refresh_token", self.client_id, self.client_secret, "body", form
        )

    def sign_in(self) -> SignInRequest | None:
        """At Microsoft Entra, for a refresh token (`offline_access`)."""
        if not self.client_id:
            return None
        token = OAuthRequest(self.endpoint(self.tenant_id), "", self.client_id, self.client_secret, "body")
        return SignInRequest(
            token,
            {"refresh_token": "refresh_token"},
            self.endpoint(self.tenant_id, "authorize"),
            self.endpoint(self.tenant_id, "devicecode"),
            tuple(dict.fromkeys([*self.oauth_scopes, "offline_access"])),
        )

    @adapter
    def storage_options(self) -> dict[str, Any]:
        """For pandas, fsspec and adlfs: `pd.read_parquet("abfs://…", storage_options=cred.storage_options())`."""
        account = {"account_name": self.account_name} if self.account_name else {}
        return {**account, "credential": self.azure_credential()}
