"""How do Databricks' own libraries want a token? The same for both kinds of credential."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from credmagic.errors import InvalidCredential
from credmagic.kinds.adapters import load
from credmagic.kinds.fields import field
from credmagic.kinds.http import HttpCheck
from credmagic.values import SecretStr

if TYPE_CHECKING:
    from sqlalchemy import URL

WHO_AM_I = "/api/2.0/preview/scim/v2/Me"


def host_field() -> Any:
    """The workspace's address."""
    return field(
        "Host", "The workspace's address.", default=None, type="url",
        placeholder="https://adb-123.4.azuredatabricks.net", env=("DATABRICKS_HOST",),
    )  # fmt: skip


def http_path_field() -> Any:
    """Which warehouse SQL goes to."""
    return field(
        "HTTP path", "Of a SQL warehouse or cluster.", default=None, trim=True, more=True,
        placeholder="/sql/1.0/warehouses/abc",
    )  # fmt: skip


def who_am_i(host: str | None, token: str) -> HttpCheck | None:
    """The request that tells whom a token belongs to; None without a host."""
    if not host:
        return None
    return HttpCheck(host.rstrip("/") + WHO_AM_I, {"Authorization": SecretStr(f"Bearer {token}")})


def sqlalchemy_url(host: str | None, http_path: str | None, token: str) -> URL:
    """`databricks://token:…@host?http_path=…`; `str()` of it hides the token."""
    from sqlalchemy import URL

    query = {"http_path": http_path} if http_path else {}
    place = urlsplit(_required(host))
    return URL.create(
        "databricks", username="token", password=str.__str__(token), host=place.hostname, port=place.port, query=query
    )


def sdk_config(host: str | None, token: str) -> Any:
    """A `databricks.sdk.core.Config`."""
    module = load("databricks.sdk.core", "databricks-sdk", "databricks_config()")
    return module.Config(host=_required(host), token=str.__str__(token), auth_type="pat")


def _required(host: str | None) -> str:
    if host:
        return host
    raise InvalidCredential(
        "this needs the workspace's address", next_step="%cred edit NAME", errors={"host": "is required for this"}
    )
