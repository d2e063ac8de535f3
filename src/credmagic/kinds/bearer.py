"""The kind `bearer`: a token that whoever bears it may use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from credmagic.kinds.adapters import HeaderAuth, adapter
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.fields import field, secret
from credmagic.kinds.http import HttpCheck
from credmagic.kinds.jwt import jwt_expiry
from credmagic.values import SecretStr


class Bearer(CredentialKind):
    """A token, sent as `Authorization: Bearer`."""

    kind: ClassVar[str] = "bearer"
    runtime_scheme: ClassVar[str] = "bearer_token"
    title: ClassVar[str] = "Bearer token"
    aliases: ClassVar[tuple[str, ...]] = ("bearer_token",)
    probe: ClassVar[str | None] = "http"
    help: ClassVar[str] = "A ready-made token. If it is a JWT, its end is read from it."

    token: SecretStr = secret("Token", "Without the word Bearer.", env=("NAME_TOKEN",))
    url: str | None = field(
        "URL",
        "An address that asks for this token; Verify tries it there.",
        default=None,
        type="url",
        placeholder="https://example.org/api",
    )

    @adapter
    def auth(self) -> HeaderAuth:
        """For requests and httpx: `requests.get(url, auth=cred.auth())`."""
        return HeaderAuth("Authorization", f"Bearer {self.token}")

    @classmethod
    def runtime(cls, fields: Mapping[str, Any]) -> dict[str, str]:
        """The token alone."""
        return {"token": fields["token"]}

    def http_check(self) -> HttpCheck | None:
        """GET `url` with the token; None without a URL."""
        return HttpCheck(self.url, {"Authorization": SecretStr(f"Bearer {self.token}")}) if self.url else None

    def expiry(self) -> datetime | None:
        """The `exp` of a JWT."""
        return jwt_expiry(self.token)

    def warnings(self) -> list[str]:
        """With a word on a scheme that was pasted along."""
        found = super().warnings()
        if self.token.lstrip().casefold().startswith("bearer "):
            found.append("token begins with the word Bearer, which is added when it is sent")
        return found
