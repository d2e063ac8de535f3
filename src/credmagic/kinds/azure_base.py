"""How do Azure's libraries get a token that is renewed, when the secret stays in the vault?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from credmagic.errors import TokenRefused
from credmagic.kinds.adapters import adapter, load
from credmagic.kinds.configured import ConfiguredKind
from credmagic.kinds.fields import field
from credmagic.kinds.oauth_base import needs_tls
from credmagic.values import Token

AUTHORITY = "https://login.microsoftonline.com"


class AzureLogin(ConfiguredKind):
    """Base of the kinds that sign in at Microsoft Entra."""

    group: ClassVar[str] = "Azure"
    probe: ClassVar[str | None] = "token"
    lent_to: ClassVar[tuple[str, ...]] = ("authority",)

    authority: str | None = field(
        "Authority", f"If it is not {AUTHORITY}.", default=None, type="url", more=True, placeholder=AUTHORITY
    )

    def check(self) -> Mapping[str, str]:
        """Also: a secret travels over TLS."""
        return {**super().check(), **needs_tls(authority=self.authority)}

    def endpoint(self, tenant: str | None, what: str = "token") -> str:
        """Where the tenant gives out tokens, or another of its endpoints."""
        return f"{(self.authority or AUTHORITY).rstrip('/')}/{tenant}/oauth2/v2.0/{what}"

    @abstractmethod
    def token_scopes(self) -> list[str]:
        """What the tokens of this credential are for."""

    def token_for(self, *scopes: str) -> Token:
        """A fresh token; one is for all scopes, unless the subclass says otherwise. Raises `TokenRefused`."""
        return self.fresh()

    @adapter
    def azure_credential(self) -> Any:
        """A credential for Azure's libraries: `BlobServiceClient(url, credential=cred.azure_credential())`."""
        core = load("azure.core.credentials", "azure-core", "azure_credential()")
        return TokenCredential(self, core.AccessToken)


class TokenCredential:
    """What Azure's libraries call a token credential. Tokens come from the vault, for the credential's own scopes."""

    def __init__(self, kind: AzureLogin, make: Any) -> None:
        self._kind = kind
        self._make = make

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """An `AccessToken`. Raises `TokenRefused` for scopes that the credential is not for."""
        own = self._kind.token_scopes()
        if not set(scopes) <= set(own):
            raise TokenRefused(
                f"this credential's tokens are for {' '.join(sorted(own))} only",
                next_step="List the other scope with it: %cred edit NAME",
            )
        token = self._kind.token_for(*scopes)
        ends = int(token.expires_at.timestamp()) if token.expires_at else 0
        return self._make(str.__str__(token.value), ends)

    def __repr__(self) -> str:
        return f"<token credential of kind {self._kind.kind}>"
