"""The kind `basic`: a user and a password for something whose address lies elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from credmagic.kinds.adapters import HeaderAuth, adapter
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.fields import field, secret
from credmagic.kinds.http import HttpCheck, basic_header
from credmagic.kinds.pem import certificate_end, pem_warnings
from credmagic.values import SecretStr


class Basic(CredentialKind):
    """User and password, sent to web services as HTTP Basic."""

    kind: ClassVar[str] = "basic"
    title: ClassVar[str] = "User and password"
    aliases: ClassVar[tuple[str, ...]] = ("basic_auth",)
    probe: ClassVar[str | None] = "http"
    runtime_scheme: ClassVar[str] = "basic_auth"
    help: ClassVar[str] = "A login for a service. For a database use the kind database: it knows the address too."

    user: str = field(
        "User",
        "The name you sign in with.",
        aliases=("username",),
        wire={"orchestrate": "username"},
        env=("NAME_USER",),
    )
    password: SecretStr = secret("Password", env=("NAME_PASSWORD",))
    url: str | None = field(
        "URL",
        "An address that asks for this login; Verify tries it there.",
        default=None,
        type="url",
        placeholder="https://example.org/api",
    )
    server_cert: str | None = field(
        "Server certificate", "PEM of the server or its authority; its end is read from it.",
        default=None, type="text", more=True,
    )  # fmt: skip
    snowflake_account_name: str | None = field("Snowflake account name", default=None, trim=True, more=True)

    @adapter
    def auth(self) -> HeaderAuth:
        """For requests and httpx: `requests.get(url, auth=cred.auth())`."""
        return HeaderAuth("Authorization", basic_header(self.user, self.password))

    @classmethod
    def runtime(cls, fields: Mapping[str, Any]) -> dict[str, str]:
        """The login alone."""
        return {"username": fields["user"], "password": fields["password"]}

    def http_check(self) -> HttpCheck | None:
        """GET `url` with the login; None without a URL."""
        if not self.url:
            return None
        return HttpCheck(self.url, {"Authorization": basic_header(self.user, self.password)})

    def expiry(self) -> datetime | None:
        """The end of the certificate."""
        return certificate_end(self.server_cert)

    def warnings(self) -> list[str]:
        """With a word on a colon in the user, which HTTP Basic cannot carry, and on the certificate."""
        found = super().warnings()
        if ":" in self.user:
            found.append("user contains a colon: a web service will take what follows it for the password")
        if self.server_cert:
            found += pem_warnings("server_cert", self.server_cert, "CERTIFICATE")
        return found
