"""Probes of credentials that become tokens, and of services with a protocol of their own, against what checks them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jwk

from credmagic.errors import Unreachable, VerificationFailed
from credmagic.kinds import box_jwt
from credmagic.kinds.registry import find_kind
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.data_services import DataServices
from credmagic.testing.sign_in_services import SignInServices
from credmagic.verify.base import verify

PASSPHRASE = "open-sesame"
ACCOUNT_KEY = base64.b64encode(b"a storage account's key, 64 bytes").decode()


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key, passphrase=None):
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


@pytest.fixture
def provider(key):
    """Every service on one port of loopback, each knowing what the good credentials below know."""
    server = AuthorizationServer()
    sign_in, data = SignInServices(server), DataServices(server)
    server.clients["app-1"] = Client("app-1", "right-secret", scopes=frozenset({"read", "all-apis", "arm"}))
    server.clients["robot"] = Client("robot", key=jwk.RSAKey.import_key(key.public_key()))
    server.users["ada"] = "right-secret"
    sign_in.conductor_keys["k-1"] = sign_in.unify_users["bot"] = sign_in.tableau_tokens["nb"] = "right-secret"
    data.storage_accounts["sales1"] = ACCOUNT_KEY
    data.shared_signatures.add("right+secret/=")
    data.snowflake_users["ORG-ACCOUNT", "ADA"] = key.public_key()
    data.databricks_tokens.add("right-secret")
    with server as running:
        running.sign_in, running.data = sign_in, data
        yield running


def good(kind, provider, key):
    """The values of a credential that the services know."""
    client = {"client_id": "app-1", "client_secret": "right-secret"}
    google = {
        "type": "service_account", "project_id": "p", "private_key": pem(key), "client_email": "robot",
        "token_uri": provider.token_url,
    }  # fmt: skip
    refresh = {**client, "refresh_token": provider.login("app-1")}
    azure = f"AccountName=sales1;AccountKey={ACCOUNT_KEY};BlobEndpoint={provider.url}/sales1"
    return {
        "machine_login": {"url": provider.url, "user": "bot", "password": "right-secret"},
        "conductor_access_key": {"server_url": f"{provider.url}/api", "key_id": "k-1", "key_secret": "right-secret"},
        "tableau_access_token": {
            "token_name": "nb", "personal_access_token": "right-secret", "server_url": provider.url,
        },
        "oauth_client_credentials": {**client, "token_url": provider.token_url},
        "oauth_password": {**client, "token_url": provider.token_url, "user": "ada", "password": "right-secret"},
        "oauth_jwt_bearer": {
            "token_url": provider.token_url, "private_key": pem(key, PASSPHRASE), "private_key_password": PASSPHRASE,
            "iss": "robot", "include_jti": True, "custom_claims": {"sub": "ada"},
        },
        "oauth": {**refresh, "token_url": provider.token_url},
        "snowflake_oauth_user_account": {**refresh, "account": "org-account", "host": provider.url,
                                         "oauth_issuer_type": "okta", "oauth_issuer_url": provider.token_url},
        "snowflake_key_pair_user_account": {
            "account": "org-account", "user": "ada", "private_key_str": pem(key, PASSPHRASE), "passphrase": PASSPHRASE,
            "host": provider.url,
        },
        "databricks_access_token_account": {"databricks_access_token": "right-secret", "host": provider.url},
        "databricks_service_principal_account": {**client, "host": provider.url},
        "azure": {"azure_connection_string": azure},
        "azure_service_principal": {**client, "azure_tenant_id": "t-1", "authority": provider.url, "scope": "arm"},
        "adls_gen2_oauth": {**refresh, "oauth_scopes": ["read"], "authority": provider.url},
        "gcp": {"gcp_key": google, "scopes": ["read"]},
        "box_jwt": {
            **client, "client_id": "robot", "enterprise_id": "e-1", "public_key_id": "k-1",
            "private_key_str": pem(key, PASSPHRASE), "passphrase": PASSPHRASE,
        },
    }[kind]  # fmt: skip


ALL = (
    "machine_login", "conductor_access_key", "tableau_access_token", "oauth_client_credentials", "oauth_password",
    "oauth_jwt_bearer", "oauth", "snowflake_oauth_user_account", "snowflake_key_pair_user_account",
    "databricks_access_token_account", "databricks_service_principal_account", "azure", "azure_service_principal",
    "adls_gen2_oauth", "gcp", "box_jwt",
)  # fmt: skip
SPOILED = {
    "oauth": "refresh_token", "adls_gen2_oauth": "refresh_token", "snowflake_oauth_user_account": "refresh_token",
    "oauth_jwt_bearer": "private_key_password", "snowflake_key_pair_user_account": "passphrase", "box_jwt": "passphrase",
}  # fmt: skip
"""The secret that is made a wrong one, where it is not the last one of the kind."""


@pytest.fixture(autouse=True)
def box_at_home(provider, monkeypatch):
    monkeypatch.setattr(box_jwt, "TOKEN_URL", provider.token_url)


def spoiled(kind, values, canary):
    wrong = canary.encode("ascii", "ignore").decode()
    if kind == "gcp":
        return {**values, "gcp_key": {**values["gcp_key"], "client_email": wrong}}
    if kind == "azure":
        other = base64.b64encode(wrong.encode()).decode()
        return {"azure_connection_string": values["azure_connection_string"].replace(ACCOUNT_KEY, other)}
    secrets = [name for name in values if (spec := find_kind(kind).spec(name)) and spec.secret]
    return {**values, SPOILED.get(kind, secrets[-1]): wrong}


@pytest.mark.parametrize("kind", ALL)
def test_the_right_secret_is_accepted(kind, provider, key):
    result = verify(find_kind(kind).parse(good(kind, provider, key)), keeps_renewed=True)

    assert result.outcome == "ok", result.reason


@pytest.mark.parametrize("kind", ALL)
def test_a_wrong_secret_is_refused_without_repeating_it(kind, provider, key, canary):
    credential = find_kind(kind).parse(spoiled(kind, good(kind, provider, key), canary))

    with pytest.raises(VerificationFailed) as caught:
        verify(credential, keeps_renewed=True)

    error = caught.value
    assert "--no-verify" in error.next_step
    assert error.__context__ is None
    assert canary[:24] not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind not in ("oauth_jwt_bearer", "gcp", "box_jwt")])
def test_nobody_there_is_said_as_such(kind, provider, key):
    values = good(kind, provider, key)
    here, nowhere = provider.url, "http://127.0.0.1:9"
    values = {name: value.replace(here, nowhere) if isinstance(value, str) else value for name, value in values.items()}

    with pytest.raises(Unreachable, match=r"cannot be reached") as caught:
        verify(find_kind(kind).parse(values), keeps_renewed=True)
    assert "--no-verify" in caught.value.next_step


def test_a_refresh_token_is_not_used_up_by_looking(provider, key):
    """The button Verify keeps nothing, so nothing may be spent; saving keeps what came in its place."""
    credential = find_kind("oauth").parse(good("oauth", provider, key))

    assert verify(credential).outcome == "unverifiable"
    assert provider.asked["/oauth/token"] == 0
    result = verify(credential, keeps_renewed=True)
    assert set(result.renewed) == {"refresh_token"}
    assert result.renewed["refresh_token"] not in repr(result)
    assert verify(credential.updated(result.renewed), keeps_renewed=True).outcome == "ok"


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("oauth", {"token": "a-stored-token"}, "without an address"),
        ("oauth", {"client_id": "a", "token_url": "https://h/t", "authorization_url": "https://h/a"}, "nobody has signed in"),
        ("oauth_direct_access", {}, "sign-in"),
        ("oauth_on_behalf_of", {"client_id": "a", "token_url": "https://h/t", "grant_type": "x"}, "sign-in"),
        ("oauth_token_exchange", {"client_id": "a", "token_url": "https://h/t", "grant_type": "x"}, "sign-in"),
        ("external_oauth_provider", {"authentication_id": "a"}, "without an address"),
        ("external_oauth_provider", {"authentication_id": "a", "provider_url": "https://h"}, "nothing that is installed"),
        ("tableau_access_token", {"token_name": "a", "personal_access_token": "b"}, "without an address"),
        ("databricks_access_token_account", {"databricks_access_token": "a"}, "without a url"),
        ("databricks_service_principal_account", {"client_id": "a", "client_secret": "b"}, "host"),
        ("snowflake_key_pair_user_account", {"user": "a", "private_key_str": "b"}, "without an address"),
        ("snowflake_oauth_user_account", {}, "account"),
        ("azure_service_principal", {"config_id": "ab" * 16}, "are lent"),
        ("azure", {"azure_connection_string": "no such thing"}, "without a url"),
        ("key_value", {"entries": {"a": "b"}}, "cannot be verified"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_unverifiable_and_says_why(kind, values, said):
    result = verify(find_kind(kind).parse(values), keeps_renewed=True)

    assert result.outcome == "unverifiable"
    assert said in result.reason


def test_a_stored_token_is_tried_where_it_is_for(provider):
    provider.issued["a-stored-token"] = provider.now() + 60
    made = find_kind("oauth").parse

    assert verify(made({"token": "a-stored-token", "resource_url": f"{provider.url}/me"})).outcome == "ok"
    with pytest.raises(VerificationFailed, match="401"):
        verify(made({"token": "another-token", "resource_url": f"{provider.url}/me"}))


def test_a_shared_access_signature_is_sent_as_it_is(provider):
    place = f"BlobEndpoint={provider.url}/sales1;SharedAccessSignature=sv=2023-11-03&sig="
    made = find_kind("azure").parse

    assert verify(made({"azure_connection_string": f"{place}right%2Bsecret%2F%3D"})).outcome == "ok"
    with pytest.raises(VerificationFailed, match="403"):
        verify(made({"azure_connection_string": f"{place}wrong"}))


def test_a_connection_string_without_a_place_means_azure_itself():
    check = find_kind("azure").parse({"azure_connection_string": f"AccountName=sales1;AccountKey={ACCOUNT_KEY}"})

    assert check.http_check().url == "https://sales1.blob.core.windows.net/?comp=list&maxresults=1"
    assert check.http_check().headers["Authorization"].startswith("SharedKey sales1:")
