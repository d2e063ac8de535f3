"""What do Snowflake's credentials share? The account, and what a session starts with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from credmagic.kinds.adapters import adapter
from credmagic.kinds.configured import ConfiguredKind
from credmagic.kinds.fields import field
from credmagic.kinds.http import HttpCheck
from credmagic.kinds.oauth_base import needs_tls
from credmagic.values import SecretStr

if TYPE_CHECKING:
    from sqlalchemy import URL

_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z").match


class SnowflakeBase(ConfiguredKind):
    """A Snowflake account and the defaults of a session."""

    group: ClassVar[str] = "Snowflake"
    probe: ClassVar[str | None] = "token"
    lent_to: ClassVar[tuple[str, ...]] = ("host",)
    token_env: ClassVar[tuple[str, ...]] = ()
    token_type: ClassVar[str]
    """What Snowflake's SQL API calls this kind of token."""

    account: str | None = field(
        "Account", "As in ACCOUNT.snowflakecomputing.com.", default=None, trim=True,
        aliases=("snowflake_account_name",), wire={"datarobot": "snowflakeAccountName"},
        placeholder="myorg-myaccount", env=("SNOWFLAKE_ACCOUNT",),
    )  # fmt: skip
    role: str | None = field("Role", default=None, more=True, env=("SNOWFLAKE_ROLE",))
    warehouse: str | None = field("Warehouse", default=None, more=True, env=("SNOWFLAKE_WAREHOUSE",))
    database: str | None = field("Database", default=None, more=True, env=("SNOWFLAKE_DATABASE",))
    schema_name: str | None = field("Schema", default=None, aliases=("schema",), more=True, env=("SNOWFLAKE_SCHEMA",))
    host: str | None = field(
        "Host", "If it is not https://ACCOUNT.snowflakecomputing.com.", default=None, type="url", more=True
    )

    def address(self) -> str | None:
        """Where the account answers, without a slash at the end; None without an account."""
        if self.host:
            return self.host.rstrip("/")
        return f"https://{self.account}.snowflakecomputing.com" if self.account else None

    def check(self) -> Mapping[str, str]:
        """Also: keys and tokens travel over TLS, and an account is a part of a host's name, not an address."""
        fits = self.account is None or _ACCOUNT(self.account)
        odd = {} if fits else {"account": "letters, digits, '.', '_' and '-' only"}
        return {**super().check(), **needs_tls(host=self.host), **odd}

    def session_args(self) -> dict[str, Any]:
        """What every connection is opened with."""
        names = {"account": "account", "role": "role", "warehouse": "warehouse", "database": "database"}
        given = {arg: getattr(self, name) for arg, name in {**names, "schema": "schema_name"}.items()}
        return {arg: value for arg, value in given.items() if value} | self._place()

    def _place(self) -> dict[str, Any]:
        if not self.host:
            return {}
        parts = urlsplit(self.host)
        return {"host": parts.hostname, "protocol": parts.scheme} | ({"port": parts.port} if parts.port else {})

    def http_check(self) -> HttpCheck | None:
        """`SELECT 1` through the SQL API, with the token; None before there is one, and without an account."""
        address = self.address()
        if self._token is None or address is None:
            return None
        headers = {
            "Authorization": SecretStr(f"Bearer {self._token.value}"),
            "X-Snowflake-Authorization-Token-Type": self.token_type,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "credmagic",
        }
        return HttpCheck(f"{address}/api/v2/statements", headers, "POST", b'{"statement": "SELECT 1", "timeout": 8}')

    @adapter
    def url(self) -> URL:
        """For snowflake-sqlalchemy; the secrets go beside it, into `connect_args=cred.snowflake_args()`."""
        from sqlalchemy import URL  # an adapter's library is imported when the adapter is used

        place = "/".join(part for part in (self.database, self.schema_name) if part)
        options = {"warehouse": self.warehouse, "role": self.role}
        return URL.create(
            "snowflake",
            username=getattr(self, "user", None),
            host=self.account,
            database=place or None,
            query={name: value for name, value in options.items() if value},
        )
