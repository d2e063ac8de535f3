"""The kind `azure`: the connection string of an Azure storage account."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import computed_field

from credmagic.kinds.adapters import adapter
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.fields import secret
from credmagic.kinds.http import HttpCheck
from credmagic.values import SecretStr

_API = "2023-11-03"
"""The version of Azure's storage protocol that is spoken."""


class Azure(CredentialKind):
    """A connection string, kept as Azure gave it."""

    kind: ClassVar[str] = "azure"
    title: ClassVar[str] = "Azure storage connection string"
    group: ClassVar[str] = "Azure"
    aliases: ClassVar[tuple[str, ...]] = ("azure_storage", "azure_connection_string")
    probe: ClassVar[str | None] = "http"
    help: ClassVar[str] = "From the portal: Security + networking, Access keys. Verify lists one container."

    azure_connection_string: SecretStr = secret(
        "Connection string", env=("AZURE_STORAGE_CONNECTION_STRING",),
        placeholder="DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…",
    )  # fmt: skip

    @computed_field  # type: ignore[prop-decorator]
    @property
    def account_name(self) -> str | None:
        """The account, as the string says."""
        name = self._parts().get("accountname", "")
        return name if name.isalnum() and len(name) <= 24 else None

    def _parts(self) -> dict[str, str]:
        """The string's parts; keys without case."""
        pairs = (part.partition("=") for part in self.azure_connection_string.strip().split(";"))
        return {key.strip().casefold(): value.strip() for key, _, value in pairs if key.strip()}

    def warnings(self) -> list[str]:
        """With a word on a string that does not look like one."""
        parts = self._parts()
        if parts.get("accountkey") or parts.get("sharedaccesssignature"):
            return super().warnings()
        text = "has neither AccountKey nor SharedAccessSignature; it was kept exactly as given"
        return [*super().warnings(), f"azure_connection_string {text}"]

    def _blobs(self) -> str | None:
        """Where the account's blobs are, without a slash at the end."""
        parts = self._parts()
        if endpoint := parts.get("blobendpoint"):
            return endpoint.rstrip("/")
        if not self.account_name:
            return None
        suffix = parts.get("endpointsuffix") or "core.windows.net"
        return f"{parts.get('defaultendpointsprotocol') or 'https'}://{self.account_name}.blob.{suffix}"

    def http_check(self) -> HttpCheck | None:
        """Lists one container, signed with the account's key or signature; None when the string names no place."""
        parts, place = self._parts(), self._blobs()
        if not place or not urlsplit(place).hostname:
            return None
        query = {"comp": "list", "maxresults": "1"}
        url = f"{place}/?" + "&".join(f"{key}={value}" for key, value in query.items())
        headers = {"x-ms-date": format_datetime(datetime.now(UTC), usegmt=True), "x-ms-version": _API}
        if key := parts.get("accountkey"):
            signature = _signature(key, headers, f"/{self.account_name}{urlsplit(place).path}/", query)
            return HttpCheck(url, {**headers, "Authorization": SecretStr(f"SharedKey {self.account_name}:{signature}")})
        if shared := parts.get("sharedaccesssignature"):
            return HttpCheck(SecretStr(f"{url}&{shared.lstrip('?')}"), headers)
        return None

    @adapter
    def storage_options(self) -> dict[str, Any]:
        """For pandas, fsspec and adlfs: `pd.read_parquet("abfs://…", storage_options=cred.storage_options())`."""
        return {"connection_string": self.azure_connection_string}


def _signature(key: str, headers: Mapping[str, str], resource: str, query: Mapping[str, str]) -> str:
    """Azure's "Shared Key" signature of a GET without a body; empty for a key that is none."""
    named = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    asked = "".join(f"\n{name}:{query[name]}" for name in sorted(query))
    text = "GET" + "\n" * 12 + named + resource + asked
    try:
        secret_key = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(hmac.new(secret_key, text.encode(), hashlib.sha256).digest()).decode()
