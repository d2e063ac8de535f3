"""A person signs in at a real provider: what comes back becomes a token, and only for the login it belongs to."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from credmagic.errors import TokenRefused
from credmagic.kinds.exchange import OAuthRequest, SignInRequest
from credmagic.testing.oidc_provider import OidcProvider
from credmagic.tokens.base import within
from credmagic.tokens.sign_in import secrets_of, sign_ins
from credmagic.values import SecretStr

REDIRECT = "http://127.0.0.1:9/callback"


@pytest.fixture(scope="module")
def provider():
    with OidcProvider() as running:
        yield running


def wanted(provider, client="notebook"):
    secret = provider.clients[client].get("client_secret")
    token = OAuthRequest(provider.token_url, "", client, SecretStr(secret) if secret else None)
    return SignInRequest(
        token,
        {"access_token": "token", "refresh_token": "refresh_token"},
        provider.authorization_url,
        provider.device_authorization_url,
        ("openid", "offline_access", "read"),
        {"prompt": "consent"},
    )


def begun(provider, way="code", client="notebook"):
    signing, request = sign_ins.get(way)(), wanted(provider, client)
    return signing, request, signing.begin(request, REDIRECT)


def came_back(provider, pending, **how):
    return dict(parse_qsl(urlsplit(provider.sign_in(pending.shown["authorization_url"], **how)).query))


def refusal(signing, request, pending, answer):
    with pytest.raises(TokenRefused) as caught:
        within(lambda: signing.finish(request, pending, answer), 10, secrets_of(request, pending))
    return caught.value.details["error"]


@pytest.mark.parametrize("client", ["notebook", "public"])
def test_a_code_becomes_a_token_with_which_it_can_be_renewed(provider, client):
    signing, request, pending = begun(provider, client=client)
    token = signing.finish(request, pending, came_back(provider, pending))
    assert provider.accepts(token.value)
    assert token.extra["refresh_token"]


def test_a_code_works_once(provider):
    signing, request, pending = begun(provider)
    answer = came_back(provider, pending)
    signing.finish(request, pending, answer)
    assert refusal(signing, request, pending, answer) == "invalid_grant"


def test_an_answer_to_another_login_is_refused_before_the_provider_is_asked(provider):
    signing, request, pending = begun(provider)
    _, _, other = begun(provider)
    before = provider.asked()
    assert refusal(signing, request, pending, came_back(provider, other)) == "wrong_state"
    assert provider.asked() == before


def test_a_code_that_was_asked_for_with_another_verifier_is_refused(provider):
    signing, request, pending = begun(provider)
    _, _, other = begun(provider)
    stolen = came_back(provider, other) | {"state": pending.state}
    assert refusal(signing, request, pending, stolen) == "invalid_grant"


def test_an_id_token_for_another_login_is_refused(provider):
    signing, request, pending = begun(provider)
    answer = came_back(provider, pending)
    changed = replace(pending, kept={**pending.kept, "nonce": "another"})
    assert refusal(signing, request, changed, answer) == "bad_id_token"


def test_another_provider_cannot_answer(provider):
    signing, request, pending = begun(provider)
    answer = came_back(provider, pending) | {"iss": "https://mallory.example"}
    assert refusal(signing, request, pending, answer) == "other_issuer"


@pytest.mark.parametrize("way", ["code", "device"])
def test_who_gives_up_is_told_so(provider, way):
    signing, request, pending = begun(provider, way)
    if way == "code":
        answer = came_back(provider, pending, deny=True)
    else:
        answer = provider.sign_in(pending.shown["verification_uri_complete"], deny=True) and {}
    assert refusal(signing, request, pending, answer) == "access_denied"


def test_an_answer_without_a_code_is_none(provider):
    signing, request, pending = begun(provider)
    assert refusal(signing, request, pending, {"state": pending.state}) == "no_answer_code"


def test_a_wrong_client_secret_is_the_providers_refusal(provider):
    signing, request, pending = begun(provider)
    answer = came_back(provider, pending)
    wrong = replace(request, token=replace(request.token, client_secret=SecretStr("wrong")))
    assert refusal(signing, wrong, pending, answer) == "invalid_client"


@pytest.mark.parametrize("client", ["notebook", "public"])
def test_a_device_has_its_token_once_somebody_agreed(provider, client):
    signing, request, pending = begun(provider, "device", client)
    assert signing.finish(request, pending, {}) is None
    provider.sign_in(pending.shown["verification_uri_complete"])
    assert provider.accepts(signing.finish(request, pending, {}).value)


def test_what_is_shown_holds_no_secret_of_the_login(provider):
    for way in ("code", "device"):
        _, request, pending = begun(provider, way)
        hidden = [*pending.kept.values(), str.__str__(request.token.client_secret)]
        shown = repr(pending) + repr({k: v for k, v in pending.shown.items() if k != "redirect_uri"})
        assert not [
            value for key, value in pending.kept.items() if key in ("verifier", "device_code") and value in shown
        ]
        assert hidden[-1] not in shown
