"""The kind `databricks_service_principal_account`: an application that gets tokens of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from credmagic.kinds.adapters import adapter
from credmagic.kinds.configured import ConfiguredKind
from credmagic.kinds.databricks_base import host_field, http_path_field, sdk_config, sqlalchemy_url, who_am_i
from credmagic.kinds.exchange import OAuthRequest, needed
from credmagic.kinds.fields import field, secret
from credmagic.kinds.http import HttpCheck
from credmagic.kinds.oauth_base import needs_tls
from credmagic.values import SecretStr

if TYPE_CHECKING:
    from sqlalchemy import URL


class DatabricksServicePrincipal(ConfiguredKind):
    """Client id and secret, for which the workspace gives out tokens."""

    kind: ClassVar[str] = "databricks_service_principal_account"
    title: ClassVar[str] = "Databricks service principal"
    group: ClassVar[str] = "Databricks"
    aliases: ClassVar[tuple[str, ...]] = ("databricks_sp", "databricks_service_principal")
    exchange: ClassVar[str | None] = "client_credentials"
    lent: ClassVar[tuple[str, ...]] = ("client_id", "client_secret")
    lent_to: ClassVar[tuple[str, ...]] = ("host",)
    inline: ClassVar[tuple[str, ...]] = ("client_id", "client_secret")
    token_env: ClassVar[tuple[str, ...]] = ("DATABRICKS_TOKEN",)
    probe: ClassVar[str | None] = "token"
    help: ClassVar[str] = "Notebooks get tokens of the workspace; the secret stays here."
    variables: ClassVar[tuple[str, ...]] = ("DATABRICKS_CLIENT_ID",)

    client_id: str | None = field("Client ID", default=None, trim=True)
    client_secret: SecretStr | None = secret("Client secret", default=None, env=("DATABRICKS_CLIENT_SECRET",))
    host: str | None = host_field()
    http_path: str | None = http_path_field()

    def check(self) -> Mapping[str, str]:
        """Also: a secret travels over TLS."""
        return {**super().check(), **needs_tls(host=self.host)}

    def token_request(self) -> OAuthRequest:
        """Client credentials at the workspace."""
        needed(self.kind, host=self.host, client_id=self.client_id, client_secret=self.client_secret)
        url = (self.host or "").rstrip("/") + "/oidc/v1/token"
        return OAuthRequest(url, "client_credentials", self.client_id, self.client_secret, form={"scope": "all-apis"})

    def exports(self) -> dict[str, str]:
        """The client's id only with its secret: Databricks' libraries would try to sign in with half of them."""
        known = {"DATABRICKS_CLIENT_ID": self.client_id} if self.client_secret and self.client_id else {}
        return super().exports() | known

    @adapter
    def url(self) -> URL:
        """For databricks-sqlalchemy, with the token there is now."""
        return sqlalchemy_url(self.host, self.http_path, self.fresh().value)

    @adapter
    def databricks_config(self) -> Any:
        """For databricks-sdk, with the token there is now: `WorkspaceClient(config=cred.databricks_config())`."""
        return sdk_config(self.host, self.fresh().value)

    def http_check(self) -> HttpCheck | None:
        """Whom the token belongs to; None before there is one."""
        return who_am_i(self.host, self._token.value) if self._token else None
