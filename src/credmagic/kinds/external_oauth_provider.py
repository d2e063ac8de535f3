"""The kind `external_oauth_provider`: a login that another service keeps and renews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from credmagic.kinds.fields import field
from credmagic.kinds.oauth_base import needs_tls
from credmagic.kinds.token_kind import TokenKind


class ExternalOAuthProvider(TokenKind):
    """The id of an authorization at a provider service; with its address, tokens are read from there."""

    kind: ClassVar[str] = "external_oauth_provider"
    title: ClassVar[str] = "OAuth by provider service"
    group: ClassVar[str] = "OAuth"
    exchange: ClassVar[str | None] = "provider"
    probe: ClassVar[str | None] = "token"
    help: ClassVar[str] = "Refers to a login that a provider service keeps; nothing secret is stored here."

    authentication_id: str = field("Authentication ID", trim=True)
    provider_url: str | None = field(
        "Provider service",
        "Where a package that knows the service reads tokens; without it the id alone is handed over.",
        default=None,
        type="url",
    )

    def check(self) -> Mapping[str, str]:
        """Tokens travel over TLS."""
        return needs_tls(provider_url=self.provider_url)

    def needs_exchange(self) -> bool:
        """Without the service's address there is nobody to ask."""
        return self.provider_url is not None
