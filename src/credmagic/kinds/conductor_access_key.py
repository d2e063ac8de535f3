"""The kind `conductor_access_key`: an application's key for Orkes Conductor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from credmagic.kinds.adapters import HeaderAuth, adapter, load
from credmagic.kinds.exchange import LoginRequest
from credmagic.kinds.fields import field, secret
from credmagic.kinds.oauth_base import needs_tls
from credmagic.kinds.token_kind import TokenKind
from credmagic.values import SecretStr


class ConductorAccessKey(TokenKind):
    """Key id and secret, for which the server gives out tokens."""

    kind: ClassVar[str] = "conductor_access_key"
    runtime_scheme: ClassVar[str] = "bearer_token"
    title: ClassVar[str] = "Orkes Conductor access key"
    aliases: ClassVar[tuple[str, ...]] = ("conductor", "orkes", "access_key")
    exchange: ClassVar[str | None] = "access_key"
    token_field: ClassVar[str] = "token"
    token_env: ClassVar[tuple[str, ...]] = ()
    probe: ClassVar[str | None] = "token"
    help: ClassVar[str] = "Notebooks get a token; a key that is exportable is also there for Conductor's own clients."
    variables: ClassVar[tuple[str, ...]] = ("CONDUCTOR_AUTH_KEY",)

    server_url: str = field(
        "Server URL", "With /api at its end.", type="url", placeholder="https://play.orkes.io/api",
        env=("CONDUCTOR_SERVER_URL",),
    )  # fmt: skip
    key_id: str = field("Key ID", trim=True)
    key_secret: SecretStr = secret("Key secret", env=("CONDUCTOR_AUTH_SECRET",))

    def check(self) -> Mapping[str, str]:
        """A key travels over TLS."""
        return needs_tls(server_url=self.server_url)

    def warnings(self) -> list[str]:
        """With a word on an address that Conductor's own clients would not take."""
        found = super().warnings()
        if not self.server_url.rstrip("/").endswith("/api"):
            found.append("server_url does not end in /api, as Conductor's own clients expect")
        return found

    def token_request(self) -> LoginRequest:
        """Key id and secret for a token, which is good for 45 minutes unless it says so itself."""
        body = {"keyId": self.key_id, "keySecret": self.key_secret}
        return LoginRequest(f"{self.server_url.rstrip('/')}/token", body, life=45 * 60)

    def exports(self) -> dict[str, str]:
        """The key's id only together with its secret: one without the other makes clients fail."""
        return super().exports() | ({"CONDUCTOR_AUTH_KEY": self.key_id} if self.key_secret else {})

    @adapter
    def auth(self) -> HeaderAuth:
        """For requests and httpx: sets `X-Authorization`."""
        self.fresh()
        return HeaderAuth("X-Authorization", lambda: self.fresh().value)

    @adapter
    def conductor_configuration(self) -> Any:
        """A `conductor.client.configuration.configuration.Configuration` that has the token already."""
        package, asked = "conductor.client.configuration", "conductor_configuration()"
        module = load(f"{package}.configuration", "conductor-python", asked)
        settings = load(f"{package}.settings.authentication_settings", "conductor-python", asked)
        no_key = settings.AuthenticationSettings(None, None)  # without any settings the client leaves a token out
        configuration = module.Configuration(server_api_url=self.server_url, authentication_settings=no_key)
        configuration.update_token(str.__str__(self.fresh().value))
        return configuration
