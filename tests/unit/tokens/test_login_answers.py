"""What providers answer to a sign-in: spellings, silence about times, lies, and what is shown to a person."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from credmagic.errors import CredmagicError, TokenRefused
from credmagic.kinds.exchange import OAuthRequest, SignInRequest
from credmagic.tokens.base import within
from credmagic.tokens.sign_in import secrets_of, sign_ins
from credmagic.values import SecretStr
from loopback_server import running

REDIRECT = "http://127.0.0.1:9/callback"
TOKENS = {"access_token": "at-1234567890", "refresh_token": "rt-1234567890", "token_type": "Bearer"}
DEVICE = {"device_code": "dc-1234567890", "user_code": "ABCD-EFGH", "verification_uri": "https://id.example/device"}
NOW = 1_800_000_000.0
QUERY = "Query-9876543210"


@pytest.fixture
def provider():
    with running() as server:
        server.answer = lambda path, headers, body: (200, TOKENS)
        yield server


@pytest.fixture
def wanted(provider, canary):
    token = OAuthRequest(
        f"{provider.url}/token", "", "app", SecretStr(canary), query={"key": QUERY}, form={"key": canary},
    )  # fmt: skip
    return SignInRequest(
        token, {"access_token": "token"}, "https://ID.example:443/auth", f"{provider.url}/device", ("read",)
    )


def begun(way, request):
    signing = sign_ins.get(way)(clock=lambda: NOW)
    return signing, signing.begin(request, REDIRECT)


def ended(way, request, **answer):
    signing, pending = begun(way, request)
    answer = {"code": "c-1234567890", "state": pending.state} | answer if signing.comes_back else {}
    return within(
        lambda: signing.finish(request, pending, answer), 10, secrets_of(request, pending, code=answer.get("code"))
    )


def id_token(**claims):
    def part(value):
        return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2ln"


def refusal(way, request, **answer):
    with pytest.raises(TokenRefused) as caught:
        ended(way, request, **answer)
    return caught.value.details["error"]


# ── a browser ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("issuer", ["https://id.example", "https://ID.EXAMPLE:443/tenant", None])
def test_a_provider_that_names_itself_however_or_not_at_all_is_believed(wanted, issuer):
    assert ended("code", wanted, **({"iss": issuer} if issuer else {})).value == TOKENS["access_token"]


@pytest.mark.parametrize(
    "issuer", ["https://id.example.evil.org", "http://id.example", "https://id.example:8443", "https://[", "id.example"]
)
def test_a_provider_that_is_another_one_is_told_no_code(wanted, provider, issuer):
    assert refusal("code", wanted, iss=issuer) == "other_issuer"
    assert provider.seen == []


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "app", "exp": NOW + 60},
        {"aud": "app", "exp": NOW + 60, "nonce": "another"},
        {"aud": "other", "exp": NOW + 60, "nonce": ...},
        {"aud": "app", "exp": NOW - 301, "nonce": ...},
        {"aud": "app", "exp": "soon", "nonce": ...},
    ],
    ids=["no nonce", "another nonce", "another audience", "over", "no end"],
)
def test_an_id_token_that_does_not_fit_ends_the_login(wanted, provider, claims):
    request = replace(wanted, scope=("openid",))
    signing, pending = begun("code", request)
    told = {name: pending.kept["nonce"] if value is ... else value for name, value in claims.items()}
    provider.answer = lambda *asked: (200, TOKENS | {"id_token": id_token(**told)})
    with pytest.raises(TokenRefused) as caught:
        signing.finish(request, pending, {"code": "c", "state": pending.state})
    assert caught.value.details["error"] == "bad_id_token"


def test_what_the_provider_wants_beside_cannot_take_the_place_of_what_protects_the_login(wanted):
    hostile = {"state": "x", "code_challenge": "x", "code_challenge_method": "plain", "nonce": "x", "prompt": "login"}
    _, pending = begun("code", replace(wanted, query=hostile))
    asked = parse_qs(urlsplit(pending.shown["authorization_url"]).query)
    assert asked["prompt"] == ["login"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["state"] == [pending.state]
    assert "nonce" not in asked


@pytest.mark.parametrize("sent", ["client_secret", "code", "verifier", "query"])
def test_a_provider_that_echoes_what_it_was_sent_is_not_quoted(wanted, provider, canary, sent):
    def echo(path, headers, body):
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        said = {
            "client_secret": canary[:30],
            "code": form["code"],
            "verifier": form["code_verifier"].lstrip("-_"),
            "query": QUERY,
        }
        return 400, {"error": said[sent][:64], "error_description": said[sent]}

    provider.answer = echo
    assert refusal("code", wanted) == "not_told"


# ── a device ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("told", "interval"), [({}, 5.0), ({"interval": 7}, 7.0), ({"interval": "3"}, 3.0), ({"interval": -1}, 5.0),
                           ({"interval": True}, 5.0), ({"interval": None}, 5.0),
                           ({"interval": float("inf")}, 60.0), ({"interval": 1e9}, 60.0), ({"interval": 1e-9}, 1.0)]
)  # fmt: skip
def test_a_device_is_asked_about_as_often_as_the_provider_wants(wanted, provider, told, interval):
    provider.answer = lambda *asked: (200, DEVICE | told)
    assert begun("device", wanted)[1].interval == interval


def test_the_page_of_a_device_may_be_called_an_url(wanted, provider):
    told = {"verification_url" if name == "verification_uri" else name: value for name, value in DEVICE.items()}
    provider.answer = lambda *asked: (200, told)
    assert begun("device", wanted)[1].shown == {
        "user_code": "ABCD-EFGH", "verification_uri": "https://id.example/device",
    }  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "data:text/html,x"},
        {"verification_uri": "https:///nowhere"},
        {"verification_uri": "https://id.example/\x1b[2J"},
        {"user_code": "AB\x1b[2J"},
        {"user_code": "A" * 65},
        {"user_code": ""},
        {"user_code": 12345},
        {"device_code": None},
    ],
)
def test_what_no_person_should_be_shown_is_no_answer(wanted, provider, told):
    provider.answer = lambda *asked: (200, DEVICE | told)
    with pytest.raises(TokenRefused) as caught:
        begun("device", wanted)
    assert caught.value.details["error"] == "not_json"


def test_a_link_with_the_code_that_leads_nowhere_is_left_out(wanted, provider):
    provider.answer = lambda *asked: (200, DEVICE | {"verification_uri_complete": "javascript:alert(1)"})
    assert "verification_uri_complete" not in begun("device", wanted)[1].shown


@pytest.mark.parametrize(("code", "told"), [("expired_token", "expired_token"), ("slow_down", "slow_down")])
def test_what_a_provider_says_while_it_is_asked_is_passed_on(wanted, provider, code, told):
    provider.answer = lambda path, *rest: (200, DEVICE) if path.startswith("/device") else (400, {"error": code})
    assert refusal("device", wanted) == told


def test_no_secret_is_where_a_person_looks(wanted, provider, canary):
    provider.answer = lambda path, *rest: (200, DEVICE) if path.startswith("/device") else (500, {"error": canary})
    shown = [repr(begun(way, wanted)[1]) + repr(begun(way, wanted)[1].shown) for way in ("code", "device")]
    with pytest.raises(CredmagicError) as caught:
        ended("device", wanted)
    assert canary not in "".join(shown) + json.dumps(caught.value.to_json())
    assert DEVICE["device_code"] not in "".join(shown)
