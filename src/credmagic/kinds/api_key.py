"""The kind `api_key`: one secret and the way a service wants it sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from credmagic.kinds.adapters import HeaderAuth, adapter
from credmagic.kinds.base import CredentialKind, variable
from credmagic.kinds.fields import field, secret
from credmagic.kinds.http import HttpCheck, basic_header
from credmagic.kinds.jwt import jwt_expiry
from credmagic.kinds.services import GENERIC, SERVICES, Service
from credmagic.values import SecretStr

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}(:[ ]?[A-Za-z0-9._~+/:-]+([ ][A-Za-z0-9._~+/:-]+)*)?\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")


class ApiKey(CredentialKind):
    """An API key or token of a web service."""

    kind: ClassVar[str] = "api_key"
    runtime_scheme: ClassVar[str] = "api_key_auth"
    configured: ClassVar[Mapping[str, str]] = {"name": "header"}
    title: ClassVar[str] = "API key"
    aliases: ClassVar[tuple[str, ...]] = ("api_token", "api_key_auth", "apikey")
    wire_kinds: ClassVar[Mapping[str, str]] = {"datarobot": "api_token"}
    probe: ClassVar[str | None] = "http"
    help: ClassVar[str] = "One key for one service. Choose the service and its SDK finds the key by itself."
    variables: ClassVar[tuple[str, ...]] = tuple(
        dict.fromkeys(name for row in SERVICES.values() for name in (*row.env, row.url_env) if name)
    )

    api_key: SecretStr = secret("API key", aliases=("api_token",), wire={"datarobot": "apiToken"})
    service: str = field(
        "Service",
        "Decides the variables, the header and what Verify asks.",
        default=GENERIC,
        type="choice",
        choices=tuple(SERVICES),
    )
    url: str | None = field(
        "URL",
        "The service's address, if it is not the usual one; a generic key is tried there.",
        default=None,
        type="url",
        placeholder="https://example.org/api",
    )
    env: str | None = field(
        "Environment variable",
        "The variable to export the key as, in place of the service's own.",
        default=None,
        trim=True,
        more=True,
        placeholder="MY_API_KEY",
    )
    header: str | None = field(
        "Header",
        "How to send the key, in place of the service's own way.",
        default=None,
        trim=True,
        more=True,
        placeholder="Authorization: Bearer",
    )

    @classmethod
    def runtime(cls, fields: Mapping[str, Any]) -> dict[str, str]:
        """The key alone."""
        return {"api_key": fields["api_key"]}

    def check(self) -> Mapping[str, str]:
        """A header and a variable have to be some."""
        problems = {}
        if self.header and not _HEADER.match(self.header):
            problems["header"] = "must be a header name, with a scheme if needed: X-Key, or Authorization: Bearer"
        if self.env and not _VARIABLE.match(self.env):
            problems["env"] = "must be a variable name of letters, digits and '_'"
        if self.service != GENERIC and not self.url and not self._row.base:
            problems["url"] = "is required for this service: every customer has an address of its own"
        return problems

    @property
    def _row(self) -> Service:
        return SERVICES[self.service]

    def _sent(self) -> tuple[str, SecretStr]:
        """Header and value that carry the key."""
        name, _, scheme = (self.header or self._row.header).partition(":")
        scheme = scheme.strip()
        if scheme.startswith("Basic ") and scheme.endswith(":"):
            return name, basic_header(scheme[6:-1], self.api_key)
        return name, SecretStr(f"{scheme} {self.api_key}".lstrip() if scheme else self.api_key)

    def environ(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """The key under `env` or the service's names, and the service's address if it is not the usual one."""
        names = (self.env,) if self.env else self._row.env
        found: dict[str, str] = {variable(env, name, prefix): self.api_key for env in names}
        if self.url and self._row.url_env:
            found[self._row.url_env] = self.url
        return found

    @adapter
    def auth(self) -> HeaderAuth:
        """For requests and httpx. The key of a named service goes to its host (or that of `url`) only."""
        hosts = {urlsplit(base).hostname or "" for base in (self.url, self._row.base) if base}
        return HeaderAuth(*self._sent(), hosts=hosts if self.service != GENERIC else ())

    def http_check(self) -> HttpCheck | None:
        """What the service answers only to a good key; for a generic key GET `url`, None without one."""
        base = self.url or self._row.base
        if not base:
            return None
        row = self._row
        header, value = self._sent()
        headers = {header: value, **row.extra}
        if row.body:
            headers["Content-Type"] = "application/json"
        url = base.rstrip("/") + row.probe if row.probe else base
        return HttpCheck(url, headers, "POST" if row.body else "GET", row.body, row.refused_by)

    def expiry(self) -> datetime | None:
        """The `exp` of a key that is a JWT."""
        return jwt_expiry(self.api_key)
