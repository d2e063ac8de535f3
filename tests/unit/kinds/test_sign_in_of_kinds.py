"""Which kinds does a person sign in for, and where?"""

import pytest

from credmagic.kinds.registry import all_kinds, find_kind


def made(kind, **fields):
    return find_kind(kind).parse(fields)


APP = {"client_id": "app", "client_secret": "s"}
FLAKE = {"account": "acc-1", **APP}


@pytest.mark.parametrize(
    ("credential", "authorization", "scope"),
    [
        (
            made(
                "oauth",
                **APP,
                token_url="https://id.example.org/token",
                authorization_url="https://id.example.org/auth",
            ),
            "https://id.example.org/auth",
            (),
        ),
        (
            made("adls_gen2_oauth", **APP, oauth_scopes=["s"], tenant_id="t"),
            "https://login.microsoftonline.com/t/oauth2/v2.0/authorize",
            ("s", "offline_access"),
        ),
        (
            made("snowflake_oauth_user_account", **FLAKE),
            "https://acc-1.snowflakecomputing.com/oauth/authorize",
            ("refresh_token",),
        ),
        (
            made(
                "snowflake_oauth_user_account",
                **FLAKE,
                oauth_issuer_type="okta",
                oauth_issuer_url="https://okta.example.org/oauth2/x",
            ),
            "https://okta.example.org/oauth2/x/v1/authorize",
            ("offline_access",),
        ),
    ],
    ids=["oauth", "adls", "snowflake", "okta"],
)
def test_a_kind_says_where_people_sign_in_and_for_what(credential, authorization, scope):
    request = credential.sign_in()
    assert request.authorization_url == authorization
    assert request.scope == scope
    assert request.token.token_url == credential.updated({"refresh_token": "r"}).token_request().token_url


def test_what_signing_in_brings_is_stored_in_fields_that_are_secret():
    for kind in all_kinds():
        secret = {spec.name for spec in kind.specs() if spec.secret}
        if "refresh_token" in secret:
            assert kind.sign_in is not find_kind("basic").sign_in, kind.kind


def test_an_oauth_login_without_a_place_to_sign_in_has_none():
    assert made("oauth", token="t").sign_in() is None


def test_nobody_signs_in_for_a_password():
    assert made("basic", user="ada", password="p").sign_in() is None


def test_a_scope_is_asked_of_the_person_and_not_again_with_the_code():
    request = made(
        "oauth",
        **APP,
        token_url="https://id.example.org/token",
        authorization_url="https://id.example.org/auth",
        scope=["read"],
        custom_token_body='{"tenant": "x"}',
        custom_auth_query='{"prompt": "login"}',
    ).sign_in()
    assert request.scope == ("read",)
    assert dict(request.token.form) == {"tenant": "x"}
    assert dict(request.query) == {"prompt": "login"}
