"""The kind `databricks_access_token_account`: a personal access token."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from credmagic.kinds.adapters import HeaderAuth, adapter
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.databricks_base import host_field, http_path_field, sdk_config, sqlalchemy_url, who_am_i
from credmagic.kinds.fields import secret
from credmagic.kinds.http import HttpCheck
from credmagic.kinds.jwt import jwt_expiry
from credmagic.values import SecretStr

if TYPE_CHECKING:
    from sqlalchemy import URL


class DatabricksAccessToken(CredentialKind):
    """A token somebody made in a workspace."""

    kind: ClassVar[str] = "databricks_access_token_account"
    title: ClassVar[str] = "Databricks token"
    group: ClassVar[str] = "Databricks"
    aliases: ClassVar[tuple[str, ...]] = ("databricks", "databricks_pat")
    probe: ClassVar[str | None] = "http"
    help: ClassVar[str] = "A personal access token. With the host, Verify asks whom it belongs to."

    databricks_access_token: SecretStr = secret("Access token", aliases=("token",), env=("DATABRICKS_TOKEN",))
    host: str | None = host_field()
    http_path: str | None = http_path_field()

    @adapter
    def auth(self) -> HeaderAuth:
        """For requests and httpx."""
        return HeaderAuth("Authorization", f"Bearer {self.databricks_access_token}")

    @adapter
    def url(self) -> URL:
        """For databricks-sqlalchemy."""
        return sqlalchemy_url(self.host, self.http_path, self.databricks_access_token)

    @adapter
    def databricks_config(self) -> Any:
        """For databricks-sdk: `WorkspaceClient(config=cred.databricks_config())`."""
        return sdk_config(self.host, self.databricks_access_token)

    def http_check(self) -> HttpCheck | None:
        """Whom the token belongs to; None without a host."""
        return who_am_i(self.host, self.databricks_access_token)

    def expiry(self) -> datetime | None:
        """The `exp` of a token that is a JWT."""
        return jwt_expiry(self.databricks_access_token)
