"""The authorization server that tests sign in at is a strict one: what it must refuse, it refuses."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from credmagic.testing.oidc_provider import OidcProvider

REDIRECT = "http://127.0.0.1:9/callback"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def provider():
    with OidcProvider() as running:
        yield running


def address(provider, **more):
    query = {
        "client_id": "notebook", "response_type": "code", "redirect_uri": REDIRECT, "prompt": "consent",
        "scope": "openid offline_access", "state": "s", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    return f"{provider.authorization_url}?{urlencode(query | more)}"


def code(provider, **more):
    return parse_qs(urlsplit(provider.sign_in(address(provider, **more))).query)["code"][0]


def ask(provider, **form):
    auth = ("notebook", provider.clients["notebook"]["client_secret"])
    return httpx2.post(provider.token_url, data=form, auth=auth).json()


def exchanged(provider, verifier=VERIFIER):
    given = code(provider)
    return ask(provider, grant_type="authorization_code", code=given, redirect_uri=REDIRECT, code_verifier=verifier)


def refreshed(provider, token):
    return ask(provider, grant_type="refresh_token", refresh_token=token)


def test_a_code_becomes_a_token_that_is_good(provider):
    assert provider.accepts(exchanged(provider)["access_token"])


def test_a_code_with_another_verifier_is_refused(provider):
    assert exchanged(provider, verifier="x" * 60)["error"] == "invalid_grant"


def test_a_request_without_pkce_is_refused(provider):
    with httpx2.Client(follow_redirects=False) as browser:
        answer = browser.get(address(provider).replace("code_challenge", "code_nothing"))
    assert "invalid_request" in answer.headers["Location"]


def test_a_refresh_token_used_twice_takes_the_login_away(provider):
    first = exchanged(provider)
    second = refreshed(provider, first["refresh_token"])
    assert refreshed(provider, first["refresh_token"])["error"] == "invalid_grant"
    assert refreshed(provider, second["refresh_token"])["error"] == "invalid_grant"
    assert not provider.accepts(second["access_token"])


def test_within_the_leeway_a_used_refresh_token_is_still_good(provider):
    first = exchanged(provider)
    provider.set(leeway=30)
    try:
        refreshed(provider, first["refresh_token"])
        assert "access_token" in refreshed(provider, first["refresh_token"])
    finally:
        provider.set(leeway=0)


def test_who_gives_up_is_sent_back_with_the_error(provider):
    assert "error=access_denied" in provider.sign_in(address(provider), deny=True)


@pytest.mark.parametrize("deny", [False, True])
def test_a_device_waits_until_somebody_answers_for_it(provider, deny):
    secret = provider.clients["notebook"]["client_secret"]
    device = httpx2.post(provider.device_authorization_url, data={"scope": "openid"}, auth=("notebook", secret)).json()
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device["device_code"]}
    assert ask(provider, **grant)["error"] == "authorization_pending"
    provider.sign_in(device["verification_uri_complete"], deny=deny)
    assert ask(provider, **grant).get("error") == ("access_denied" if deny else None)
