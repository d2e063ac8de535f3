"""What does a connection say of the identity provider its members sign in at?

Everything is in the sealed configuration: where members sign in and get tokens, as which application, and what the step
of kinds that ask the identity provider first sends along. A member's sign-in is stored without the application, which
is laid under it when it is renewed: no member has the application's secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from credmagic.kinds.exchange import OAuthRequest, SignInRequest
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import ConfigurationRow
from credmagic.store.transaction import Reader
from credmagic.values import SecretStr
from credmagic.vault.connection_records import open_configuration

if TYPE_CHECKING:
    from credmagic.vault.vault import Vault

SIGNED_IN = "signed_in"
"""In the sealed values and the meta of what a sign-in brought: for which connection, and of which provider it is."""
LOGIN = "oauth"
"""The kind of what a sign-in brings."""

_PLACES = ("authorization_url", "device_authorization_url")
_CUSTOM = ("custom_token_header", "custom_token_body", "custom_token_query")


def configuration_of(vault: Vault, reader: Reader, environment: str, app_id: str) -> dict[str, Any] | None:
    """What a configuration says, and its `kind`; None unless its members sign in. Raises `SealBroken`."""
    team = vault.owners.team
    where = {"owner_id": team, "environment": environment, "app_ix": vault.keyset.name_index(team, environment, app_id)}
    for row in reader.find(ConfigurationRow, where, limit=1):
        if row.sso:
            return {**open_configuration(vault.keyset, row), "kind": row.kind}
    return None


def whose(content: Mapping[str, Any], app_id: str) -> dict[str, str]:
    """What a sign-in is marked with: it is good at no other provider and for no other application."""
    provider = content.get("identity_provider") or {}
    return {"app_id": app_id, "provider": str(provider.get("idp_url")), "client_id": str(provider.get("client_id"))}


def lent(vault: Vault, reader: Reader, environment: str, mark: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """What is laid under a sign-in marked so: the application, unless it is another one by now."""
    content = configuration_of(vault, reader, environment, mark["app_id"])
    if content is None or whose(content, mark["app_id"]) != mark:
        return {"public": {"exportable": False}, "secret": {}}
    return _client(content["identity_provider"])


def _client(provider: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    public = {"client_id": provider["client_id"], "token_url": provider["idp_url"], "exportable": False}
    public |= {name: provider[name] for name in _PLACES if name in provider}
    public["scope"] = (provider.get("sign_in_scope") or provider["scope"]).split()
    secret = {name: json.dumps(provider[name]) for name in _CUSTOM if provider.get(name)}
    return {"public": public, "secret": {"client_secret": provider["client_secret"], **secret}}


def sign_in_request(content: Mapping[str, Any]) -> SignInRequest | None:
    """Where members sign in; None where the connection does not say."""
    provider = content.get("identity_provider") or {}
    if not any(provider.get(name) for name in _PLACES):
        return None
    client = _client(provider)
    return find_kind(LOGIN).parse({**client["public"], **client["secret"]}).sign_in()


def step_request(content: Mapping[str, Any]) -> OAuthRequest | None:
    """The request to the identity provider that comes before the one to the service, without the subject."""
    provider = content.get("identity_provider") or {}
    if not provider:
        return None
    settings = content.get("idp_config") or {}
    header, body, query = (provider.get(name) or {} for name in _CUSTOM)
    return OAuthRequest(
        provider["idp_url"], provider["grant_type"], provider["client_id"], SecretStr(provider["client_secret"]),
        form={"scope": provider["scope"], **body, **(settings.get("body") or {})},
        header={**header, **(settings.get("header") or {})},
        query=query,
    )  # fmt: skip
