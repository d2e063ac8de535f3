"""The kind `azure_service_principal`: an application of Microsoft Entra."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from credmagic.errors import InvalidCredential
from credmagic.kinds.adapters import adapter
from credmagic.kinds.azure_base import AzureLogin
from credmagic.kinds.exchange import OAuthRequest, needed
from credmagic.kinds.fields import field, secret
from credmagic.values import SecretStr, Token

RESOURCE_MANAGER = "https://management.azure.com/.default"


class AzureServicePrincipal(AzureLogin):
    """Tenant, client id and secret, for which Entra gives out tokens."""

    kind: ClassVar[str] = "azure_service_principal"
    title: ClassVar[str] = "Azure service principal"
    aliases: ClassVar[tuple[str, ...]] = ("azure_sp", "entra")
    exchange: ClassVar[str | None] = "client_credentials"
    lent: ClassVar[tuple[str, ...]] = ("client_id", "client_secret", "azure_tenant_id")
    inline: ClassVar[tuple[str, ...]] = ("client_id", "client_secret", "azure_tenant_id")
    sdk: ClassVar[str | None] = "azure"
    help: ClassVar[str] = "Notebooks get tokens for its scopes; the secret stays here."
    help_url: ClassVar[str] = "https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals"

    azure_tenant_id: str | None = field(
        "Tenant ID", default=None, trim=True, aliases=("tenant_id",), env=("AZURE_TENANT_ID",)
    )
    client_id: str | None = field("Client ID", default=None, trim=True, env=("AZURE_CLIENT_ID",))
    client_secret: SecretStr | None = secret("Client secret", default=None, env=("AZURE_CLIENT_SECRET",))
    scope: str = field(
        "Scope", "What the tokens are for: the first of several, the others on request.",
        default=RESOURCE_MANAGER, trim=True, more=True,
    )  # fmt: skip

    def token_scopes(self) -> list[str]:
        """What a token may be asked for, the usual one first."""
        return self.scope.split()

    def token_for(self, *scopes: str) -> Token:
        """One for each scope."""
        return self.fresh() if not scopes or scopes[0] == self.token_scopes()[0] else self.fresh_for(scopes[0])

    def for_scope(self, scope: str) -> Self:
        """With that one of its scopes, as it is stored: `…/` and `….default` of a resource are the same here."""
        usual = self.token_scopes()[0]
        for own in self.token_scopes():
            if _resource(own) == _resource(scope):
                return self if own == usual else self.updated({"scope": own})
        raise InvalidCredential(
            f"its tokens are for {' and '.join(self.token_scopes())} only",
            next_step="List the other one too, under Scope: %cred edit NAME",
            errors={"scope": "is not one of this credential's"},
        )

    def token_request(self) -> OAuthRequest:
        """Client credentials at the tenant."""
        needed(
            self.kind,
            azure_tenant_id=self.azure_tenant_id,
            client_id=self.client_id,
            client_secret=self.client_secret,
        )
        url = self.endpoint(self.azure_tenant_id)
        form = {"scope": self.token_scopes()[0]}
        return OAuthRequest(url, "client_credentials", self.client_id, self.client_secret, "body", form)

    @adapter
    def storage_options(self) -> dict[str, Any]:
        """For pandas, fsspec and adlfs; the scope must be https://storage.azure.com/.default."""
        return {"credential": self.azure_credential()}


def _resource(scope: str) -> str:
    return scope.removesuffix("/.default").rstrip("/")
