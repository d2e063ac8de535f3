"""The kind `machine_login`: a machine user of Element Unify, which signs in with a password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from credmagic.kinds.adapters import HeaderAuth, adapter
from credmagic.kinds.exchange import LoginRequest
from credmagic.kinds.fields import field, secret
from credmagic.kinds.oauth_base import needs_tls
from credmagic.kinds.token_kind import TokenKind
from credmagic.values import SecretStr


class MachineLogin(TokenKind):
    """Name and password, for which the service opens a session."""

    kind: ClassVar[str] = "machine_login"
    runtime_scheme: ClassVar[str] = "bearer_token"
    title: ClassVar[str] = "Element Unify machine user"
    aliases: ClassVar[tuple[str, ...]] = ("unify", "unify_machine")
    exchange: ClassVar[str | None] = "session"
    token_field: ClassVar[str] = "token"
    token_env: ClassVar[tuple[str, ...]] = ("NAME_TOKEN",)
    probe: ClassVar[str | None] = "token"
    help: ClassVar[str] = "Signs in for you; notebooks get the session's token."

    url: str = field("URL", type="url", placeholder="https://app.example.org")
    user: str = field("User", "The account's id or e-mail address.", aliases=("account_id", "email", "identifier"))
    password: SecretStr = secret("Password")
    org: int | None = field("Organization", "Its number.", default=None, type="int", bounds=(0, 2**53), more=True)
    role: str | None = field("Role", default=None, type="choice", choices=("Admin", "Contributor"), more=True)

    def check(self) -> Mapping[str, str]:
        """A password travels over TLS."""
        return needs_tls(url=self.url)

    def token_request(self) -> LoginRequest:
        """Opens a session."""
        body = {"email": self.user, "password": self.password}
        return LoginRequest(f"{self.url.rstrip('/')}/api/sessions", body, token_at=("authToken",))

    @adapter
    def auth(self) -> HeaderAuth:
        """For requests and httpx: sets `x-auth-token`."""
        self.fresh()
        return HeaderAuth("x-auth-token", lambda: self.fresh().value)
