"""The kind `tableau_access_token`: a personal access token of Tableau, for which a session is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from credmagic.kinds.adapters import HeaderAuth, adapter
from credmagic.kinds.exchange import LoginRequest, needed
from credmagic.kinds.fields import field, secret
from credmagic.kinds.oauth_base import needs_tls
from credmagic.kinds.token_kind import TokenKind
from credmagic.values import SecretStr

API = "/api/3.4"
"""The first version of Tableau's REST API that takes personal access tokens."""


class TableauAccessToken(TokenKind):
    """Name and secret of a personal access token; with the server's address, notebooks get a session."""

    kind: ClassVar[str] = "tableau_access_token"
    runtime_scheme: ClassVar[str] = "bearer_token"
    title: ClassVar[str] = "Tableau token"
    aliases: ClassVar[tuple[str, ...]] = ("tableau", "tableau_pat")
    exchange: ClassVar[str | None] = "session"
    token_field: ClassVar[str] = "token"
    token_env: ClassVar[tuple[str, ...]] = ()
    token_extra: ClassVar[tuple[str, ...]] = ("site_id", "user_id")
    probe: ClassVar[str | None] = "token"
    one_session: ClassVar[bool] = True
    idle_days: ClassVar[int | None] = 15
    help: ClassVar[str] = "Verify signs in, unless a session is open here: a second sign-in ends the first."
    help_url: ClassVar[str] = "https://help.tableau.com/current/server/en-us/security_personal_access_tokens.htm"

    token_name: str = field("Token name", env=("TABLEAU_TOKEN_NAME",))
    personal_access_token: SecretStr = secret("Personal access token", env=("TABLEAU_TOKEN_VALUE",))
    server_url: str | None = field(
        "Server URL", "Without it the token itself is handed over.", default=None, type="url",
        placeholder="https://tableau.example.org",
    )  # fmt: skip
    site: str | None = field("Site", "As in its address; empty for the default site.", default=None, trim=True)

    def check(self) -> Mapping[str, str]:
        """A token travels over TLS."""
        return needs_tls(server_url=self.server_url)

    def needs_exchange(self) -> bool:
        """Without the server's address there is nowhere to sign in."""
        return self.server_url is not None

    def token_request(self) -> LoginRequest:
        """Signs in."""
        needed(self.kind, server_url=self.server_url)
        pair = {"personalAccessTokenName": self.token_name, "personalAccessTokenSecret": self.personal_access_token}
        return LoginRequest(
            f"{(self.server_url or '').rstrip('/')}{API}/auth/signin",
            {"credentials": {**pair, "site": {"contentUrl": self.site or ""}}},
            token_at=("credentials", "token"),
            extra_at={"site_id": ("credentials", "site", "id"), "user_id": ("credentials", "user", "id")},
        )

    @adapter
    def auth(self) -> HeaderAuth:
        """For requests and httpx: sets `X-Tableau-Auth`."""
        self.fresh()
        return HeaderAuth("X-Tableau-Auth", lambda: self.fresh().value)
