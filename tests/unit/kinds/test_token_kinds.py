"""What each kind asks for its token, under which names a notebook gets it, and what needs `exportable`."""

import importlib.util
from datetime import UTC, datetime

import pytest

from credmagic.errors import AccessDenied, InvalidCredential, TokenRefused
from credmagic.kinds.base import environ_of
from credmagic.kinds.registry import find_kind
from credmagic.testing.fixtures import require
from credmagic.testing.kind_examples import GOOD, TOKEN_URL
from credmagic.testing.planting import planted
from credmagic.values import SecretStr, Token

TOKEN = Token(
    SecretStr("t0ken"),
    datetime(2099, 1, 1, tzinfo=UTC),
    {"aws_access_key_id": "ASIA1", "aws_session_token": "s", "site_id": "s-1", "user_id": "u-1", "scope": "x"},
)
SNOWFLAKE = {"SNOWFLAKE_ACCOUNT", "SNOWFLAKE_AUTHENTICATOR"}


def made(kind, number=0, **changes):
    cls = find_kind(kind)
    return cls.parse({**planted(GOOD[cls.kind][number], "Kanari"), **changes})


@pytest.mark.parametrize(
    ("kind", "field", "always", "exportable"),
    [
        ("machine_login", "token", {"WH_TOKEN"}, set()),
        ("conductor_access_key", "token", {"CONDUCTOR_SERVER_URL"}, {"CONDUCTOR_AUTH_KEY", "CONDUCTOR_AUTH_SECRET"}),
        ("snowflake_key_pair_user_account", "access_token", {*SNOWFLAKE, "SNOWFLAKE_USER"},
         {"SNOWFLAKE_PRIVATE_KEY_FILE"}),
        ("snowflake_oauth_user_account", "access_token", {*SNOWFLAKE, "SNOWFLAKE_TOKEN"}, set()),
        ("databricks_service_principal_account", "access_token", {"DATABRICKS_HOST", "DATABRICKS_TOKEN"},
         {"DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"}),
        ("tableau_access_token", "token", {"TABLEAU_TOKEN_NAME"}, {"TABLEAU_TOKEN_VALUE"}),
        ("gcp", "access_token", {"GOOGLE_CLOUD_PROJECT", "CLOUDSDK_AUTH_ACCESS_TOKEN"},
         {"GOOGLE_APPLICATION_CREDENTIALS"}),
        ("azure_service_principal", "access_token", {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "WH_ACCESS_TOKEN"},
         {"AZURE_CLIENT_SECRET"}),
        ("adls_gen2_oauth", "access_token", {"WH_ACCESS_TOKEN"}, set()),
        ("box_jwt", "access_token", {"BOX_ACCESS_TOKEN"}, set()),
        ("oauth_client_credentials", "access_token", {"WH_ACCESS_TOKEN"}, set()),
        ("oauth_password", "access_token", {"WH_ACCESS_TOKEN"}, set()),
        ("oauth_jwt_bearer", "access_token", {"WH_ACCESS_TOKEN"}, set()),
        ("oauth_on_behalf_of", "access_token", {"WH_ACCESS_TOKEN"}, set()),
        ("oauth_token_exchange", "access_token", {"WH_ACCESS_TOKEN"}, set()),
        ("oauth_direct_access", "access_token", {"WH_ACCESS_TOKEN"}, set()),
    ],
)  # fmt: skip
def test_a_notebook_gets_the_token_under_these_names(kind, field, always, exportable):
    for flag in (False, True):
        released = made(kind, exportable=flag).released(TOKEN)
        names = {*environ_of(released, "wh"), *released.files}

        assert released.fields[field] == "t0ken"
        assert released.fields["token_expires_at"] == "2099-01-01T00:00:00Z"
        assert names == always | (exportable if flag else set())


def test_a_key_pair_is_exportable_unless_told_otherwise():
    assert made("snowflake").released(TOKEN).fields["private_key_str"]
    assert "private_key_str" not in made("snowflake", exportable=False).released(TOKEN).fields
    with pytest.raises(AccessDenied, match="stays in the vault"):
        find_kind("snowflake").from_flat(made("snowflake", exportable=False).released(TOKEN).fields).snowflake_args()


def test_a_role_gets_its_own_keys_and_nothing_of_the_stored_ones():
    released = made("s3", 3).released(TOKEN)

    assert environ_of(released, "x") == {
        "AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "t0ken", "AWS_SESSION_TOKEN": "s",
    }  # fmt: skip
    assert sorted(released.secret) == ["aws_secret_access_key", "aws_session_token"]


def test_of_a_stored_login_the_token_alone_is_handed_over():
    stored = made("oauth")

    assert stored.needs_exchange() is False
    assert stored.flatten() == {"token": "Kanari", "exportable": False}
    assert stored.environ("wh") == {"WH_ACCESS_TOKEN": "Kanari"}
    assert made("oauth", exportable=True).flatten()["refresh_token"] == "Kanari-r"


@pytest.mark.parametrize(
    ("kind", "number", "needs"),
    [
        ("s3", 0, False), ("s3", 3, True), ("oauth", 0, False), ("oauth", 1, True), ("oauth", 2, True),
        ("tableau_access_token", 0, True), ("tableau_access_token", 1, False), ("external_oauth_provider", 0, False),
        ("external_oauth_provider", 1, True), ("snowflake_key_pair_user_account", 0, True),
        ("snowflake_key_pair_user_account", 2, False), ("basic", 0, False), ("oauth_direct_access", 0, True),
    ],
)  # fmt: skip
def test_a_token_is_fetched_only_where_one_can_be(kind, number, needs):
    assert made(kind, number).needs_exchange() is needs


@pytest.mark.parametrize(
    ("kind", "number", "url"),
    [
        ("azure_service_principal", 0, "https://login.microsoftonline.com/t-1/oauth2/v2.0/token"),
        ("azure_service_principal", 1, "https://login.example.org/t-1/oauth2/v2.0/token"),
        ("adls_gen2_oauth", 0, "https://login.microsoftonline.com/organizations/oauth2/v2.0/token"),
        ("databricks_service_principal_account", 1, "https://adb-1.2.example.org/oidc/v1/token"),
        ("snowflake_oauth_user_account", 0, "https://org-account.snowflakecomputing.com/oauth/token-request"),
        ("oauth_client_credentials", 0, TOKEN_URL), ("gcp", 0, "https://oauth2.googleapis.com/token"),
        ("box_jwt", 0, "https://api.box.com/oauth2/token"), ("oauth_jwt_bearer", 0, TOKEN_URL),
    ],
)  # fmt: skip
def test_a_token_is_asked_for_at_its_own_place(kind, number, url):
    request = made(kind, number).token_request()

    assert request.token_url == url
    assert "Kanari" not in repr(request)


def test_a_login_is_asked_for_at_its_own_place():
    assert made("machine_login", 1).token_request().url == "https://unify.example.org/api/sessions"
    assert made("conductor", 1).token_request().url == "https://play.example.org/api/token"
    tableau = made("tableau", 2).token_request()
    assert tableau.url == "https://tableau.example.org/api/3.4/auth/signin"
    assert tableau.body["credentials"]["site"] == {"contentUrl": "sales"}


def test_okta_and_azure_issue_snowflakes_tokens_at_their_own_address():
    okta, azure = made("snowflake_oauth", 1), made("snowflake_oauth", 1, oauth_issuer_type="azure")

    assert okta.token_url() == "https://example.okta.com/oauth2/default/v1/token"
    assert azure.updated({"oauth_issuer_url": "https://login.example.org/t-1"}).token_url() == (
        "https://login.example.org/t-1/oauth2/v2.0/token"
    )


def test_what_is_sent_along_goes_where_it_belongs():
    request = made("oauth_client_credentials", 1).token_request()

    assert request.form == {"scope": "read write", "audience": "Kanari-b"}
    assert (request.header, request.query) == ({"X-Key": "Kanari-h"}, {"q": "Kanari-q", "n": "1"})


def test_an_assertion_for_box_lives_less_than_a_minute_and_has_an_id():
    request = made("box").token_request()

    assert (request.lifetime, request.include_jti, request.key_id) == (45, True, "k-1")
    assert request.claims["box_sub_type"] == "enterprise"
    assert made("oauth_jwt_bearer", exp=7200).token_request().lifetime == 3600


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        ("oauth", {"client_id": "a", "token_url": TOKEN_URL, "auth_url": "https://h/a"}, "refresh_token"),
        ("databricks_sp", {"client_id": "a", "client_secret": "b"}, "host"),
        ("snowflake_oauth", {"client_id": "a"}, "account"),
        ("adls", {"client_id": "a", "client_secret": "b", "oauth_scopes": "x"}, "refresh_token"),
    ],
)
def test_what_is_lacking_for_a_token_is_named(kind, values, field):
    with pytest.raises(InvalidCredential) as caught:
        find_kind(kind).parse(values).token_request()

    assert field in caught.value.errors
    assert ("%cred login" if field == "refresh_token" else "%cred edit") in caught.value.next_step


def test_a_token_for_azure_is_for_its_own_scopes_only():
    require("azure-core", importlib.util.find_spec("azure"))
    credential = find_kind("entra").from_flat(made("entra").released(TOKEN).fields).azure_credential()

    assert credential.get_token("https://management.azure.com/.default").token == "t0ken"
    with pytest.raises(TokenRefused, match=r"only"):
        credential.get_token("https://graph.microsoft.com/.default")


def test_googles_libraries_go_on_with_a_new_token_when_one_ends():
    require("google-auth", importlib.util.find_spec("google"))
    fields = made("gcp").released(TOKEN).fields
    ended = {**fields, "access_token": "ended", "token_expires_at": "2020-01-01T00:00:00Z"}
    credentials = find_kind("gcp").from_flat(ended).renewed_by(lambda: fields).google_credentials()

    headers = {}
    credentials.before_request(None, "GET", "https://storage.googleapis.com/", headers)

    assert headers["authorization"] == "Bearer t0ken"
    assert credentials.valid


def test_a_request_asks_for_a_token_each_time():
    class Request:
        url, headers = "https://h/", {}

    fields = made("oauth_client_credentials").released(TOKEN).fields
    auth = find_kind("oauth_client_credentials").from_flat(fields).auth()

    assert auth(Request()).headers == {"Authorization": "Bearer t0ken"}
    assert find_kind("unify").from_flat(made("unify").released(TOKEN).fields).auth()(Request()).headers["x-auth-token"]
    assert "t0ken" not in repr(auth)
