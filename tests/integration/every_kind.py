"""What is a credential of each kind that its service lets in? Two of every kind: to begin with, and to rotate to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from credmagic.testing.subject_grants import BEARER, EXCHANGE
from integration.every_service import Services, in_base64

Values = Mapping[str, Any]


def _basic(s: Services, n: int) -> Values:
    word = s.secret("basic", "password")
    s.header_values.add("Basic " + in_base64(f"ada{n}:{word}"))
    return {"user": f"ada{n}", "password": word, "url": f"{s.url}/guarded"}


def _bearer(s: Services, n: int) -> Values:
    word = s.secret("bearer", "token")
    s.header_values.add(f"Bearer {word}")
    return {"token": word, "url": f"{s.url}/guarded"}


def _api_key(s: Services, n: int) -> Values:
    word = s.secret("api_key", "api_key")
    s.header_values.add(word)
    return {"api_key": word, "header": "X-Key", "url": f"{s.url}/guarded"}


def _key_value(s: Services, n: int) -> Values:
    forms = {"PLAIN": "{}", "QUOTED": "ß\"{}'\\ü€", "URL": "p@s#/{}?a=1&b=%20+;"}
    return {"entries": {name: s.secret("key_value", "entries", form) for name, form in forms.items()}}


def _database(s: Services, n: int) -> Values:
    word = s.secret("database", "password")
    return {"dialect": "postgresql", "password": word, **s.login(word)}


def _gcp(s: Services, n: int) -> Values:
    key, text = s.key("gcp", "gcp_key")
    name = s.client("gcp", key)["client_id"]
    google = {
        "type": "service_account", "project_id": "p", "private_key": text, "client_email": name,
        "token_uri": s.provider.token_url,
    }  # fmt: skip
    return {"gcp_key": json.dumps(google), "scopes": ["read"]}


def _machine_login(s: Services, n: int) -> Values:
    s.sign_in.unify_users[f"bot{n}"] = word = s.secret("machine_login", "password")
    return {"url": s.url, "user": f"bot{n}", "password": word}


def _conductor(s: Services, n: int) -> Values:
    s.sign_in.conductor_keys[f"k-{n}"] = word = s.secret("conductor_access_key", "key_secret")
    return {"server_url": f"{s.url}/api", "key_id": f"k-{n}", "key_secret": word}


def _tableau(s: Services, n: int) -> Values:
    s.sign_in.tableau_tokens[f"nb{n}"] = word = s.secret("tableau_access_token", "personal_access_token")
    return {"token_name": f"nb{n}", "personal_access_token": word, "server_url": s.url}


def _snowflake_key(s: Services, n: int) -> Values:
    kind = "snowflake_key_pair_user_account"
    passphrase = s.secret(kind, "passphrase")
    key, text = s.key(kind, "private_key_str", passphrase)
    s.data.snowflake_users["ORG-ACCOUNT", f"ADA{n}"] = key.public_key()
    return {"account": "org-account", "user": f"ada{n}", "private_key_str": text, "passphrase": passphrase,
            "host": s.url}  # fmt: skip


def _snowflake_oauth(s: Services, n: int) -> Values:
    return {**s.signed_in("snowflake_oauth_user_account"), "account": "org-account", "host": s.url,
            "oauth_issuer_type": "okta", "oauth_issuer_url": s.provider.token_url}  # fmt: skip


def _databricks_token(s: Services, n: int) -> Values:
    word = s.secret("databricks_access_token_account", "databricks_access_token")
    s.data.databricks_tokens.add(word)
    return {"databricks_access_token": word, "host": s.url}


def _azure(s: Services, n: int) -> Values:
    word = in_base64(s.secret("azure", "account key") * 2)
    s.data.storage_accounts[f"sales{n}"] = word
    text = f"AccountName=sales{n};AccountKey={word};BlobEndpoint={s.url}/sales{n}"
    return {"azure_connection_string": s.known("azure", "azure_connection_string", text, word[8:-8])}


def _box(s: Services, n: int) -> Values:
    passphrase = s.secret("box_jwt", "passphrase")
    key, text = s.key("box_jwt", "private_key_str", passphrase)
    return {**s.client("box_jwt", key), "enterprise_id": "e-1", "public_key_id": f"k-{n}", "private_key_str": text,
            "passphrase": passphrase}  # fmt: skip


def _jwt_bearer(s: Services, n: int) -> Values:
    kind = "oauth_jwt_bearer"
    passphrase = s.secret(kind, "private_key_password")
    key, text = s.key(kind, "private_key", passphrase)
    client = s.client(kind, key)
    return {**client, "token_url": s.provider.token_url, "private_key": text, "private_key_password": passphrase,
            "iss": client["client_id"], "include_jti": True, "custom_claims": {"sub": "ada"},
            **_along(s, kind)}  # fmt: skip


def _along(s: Services, kind: str) -> Values:
    """What any token request may carry besides."""
    places = {"header": "X-Tenant", "body": "tenant", "query": "q"}
    return {
        f"custom_token_{place}": s.secret(kind, f"custom_token_{place}", json.dumps({name: "{}"}))
        for place, name in places.items()
    }


def _client(kind: str, **more: str) -> Callable[[Services, int], Values]:
    def made(s: Services, n: int) -> Values:
        return {**s.client(kind), **_along(s, kind), "token_url": s.provider.token_url, **more}

    return made


def _password(s: Services, n: int) -> Values:
    s.provider.users[f"ada{n}"] = word = s.secret("oauth_password", "password")
    return {**_client("oauth_password")(s, n), "user": f"ada{n}", "password": word}


def _oauth(s: Services, n: int) -> Values:
    token = s.secret("oauth", "token")
    return {**s.signed_in("oauth"), **_along(s, "oauth"), "token": token, "token_url": s.provider.token_url}


TABLE: Mapping[str, Callable[[Services, int], Values]] = {
    "adls_gen2_oauth": lambda s, n: {
        **s.signed_in("adls_gen2_oauth"), "oauth_scopes": ["read"], "authority": s.url,
    },
    "api_key": _api_key,
    "azure": _azure,
    "azure_service_principal": lambda s, n: {
        **s.client("azure_service_principal"), "azure_tenant_id": "t-1", "authority": s.url, "scope": "arm",
    },
    "basic": _basic,
    "bearer": _bearer,
    "box_jwt": _box,
    "conductor_access_key": _conductor,
    "database": _database,
    "databricks_access_token_account": _databricks_token,
    "databricks_service_principal_account": lambda s, n: {
        **s.client("databricks_service_principal_account"), "host": s.url,
    },
    "external_oauth_provider": lambda s, n: {"authentication_id": f"auth-{n}"},
    "gcp": _gcp,
    "key_value": _key_value,
    "machine_login": _machine_login,
    "oauth": _oauth,
    "oauth_client_credentials": _client("oauth_client_credentials"),
    "oauth_direct_access": lambda s, n: {"exportable": n == 2},
    "oauth_jwt_bearer": _jwt_bearer,
    "oauth_on_behalf_of": _client("oauth_on_behalf_of", grant_type=EXCHANGE),
    "oauth_password": _password,
    "oauth_token_exchange": _client("oauth_token_exchange", grant_type=EXCHANGE),
    "snowflake_key_pair_user_account": _snowflake_key,
    "snowflake_oauth_user_account": _snowflake_oauth,
    "ssh_key": lambda s, n: s.ssh(),
    "tableau_access_token": _tableau,
}  # fmt: skip
"""`s3` is missing: moto hands its two out together."""

SIGN_IN = ("oauth_direct_access", "oauth_on_behalf_of", "oauth_token_exchange")
"""Nothing is to be had of these before somebody signed in at the identity provider of their connection."""
UNVERIFIABLE = (*SIGN_IN, "external_oauth_provider", "key_value")
"""When they are made."""


def identity_provider(s: Services, kind: str) -> Mapping[str, str]:
    """Where members sign in for a connection of that kind."""
    return {
        **s.client(kind), "idp_url": s.provider.token_url, "authorization_url": s.provider.authorization_url,
        "scope": "read", "grant_type": BEARER,
    }  # fmt: skip


def every_kind(s: Services) -> Iterator[tuple[str, Values, Values]]:
    """Kind, first values, next values."""
    for kind, made in TABLE.items():
        yield kind, made(s, 1), made(s, 2)
    first, second = s.aws()
    yield "s3", first, second
