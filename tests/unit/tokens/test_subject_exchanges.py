"""Somebody's token becomes one for a service: the exchanges, against a server that checks what the RFCs say."""

import time
from datetime import UTC, datetime

import pytest

from credmagic.errors import InvalidCredential, TokenRefused, Unreachable
from credmagic.kinds.exchange import OAuthRequest, Subject
from credmagic.kinds.oauth_subject import OAuthDirectAccess, OAuthOnBehalfOf, OAuthTokenExchange
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.exchange_suite import ExchangeSuite
from credmagic.testing.faults import oauth_error
from credmagic.testing.subject_grants import BEARER, EXCHANGE, TYPES, Person
from credmagic.tokens.base import fetch
from credmagic.tokens.direct_access import DirectAccess
from credmagic.tokens.on_behalf_of import OnBehalfOf
from credmagic.tokens.token_exchange import TokenExchange
from credmagic.values import SecretStr, Token

PATH, PROVIDER_PATH = "/oauth/token", "/t/oauth2/v2.0/token"
SAML_GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"


@pytest.fixture
def provider():
    with AuthorizationServer() as server:
        yield server


@pytest.fixture
def made(provider, canary):
    """`made(cls, …)`: a credential of that class for ada, with what its connection says."""

    def make(cls=OAuthTokenExchange, grant=EXCHANGE, token=None, leg=None, header=None, **fields):
        return credential(provider, canary, cls, grant, token, leg, header, **fields)

    return make


def credential(provider, secret, cls=OAuthTokenExchange, grant=EXCHANGE, token=None, leg=None, header=None, **fields):
    provider.clients.setdefault("app", Client("app", secret))
    session = token or Token(SecretStr(provider.subjects.session("ada", "idp")))
    values = {"client_id": "app", "client_secret": secret, "token_url": provider.token_url, "grant_type": grant}
    return cls.parse({**values, **fields}).for_subject(Subject(session, leg, header or {}))


def leg(provider, secret="idp-secret-0123456789", grant=BEARER, **form):
    """The request to the identity provider."""
    provider.clients.setdefault("idp", Client("idp", secret, scopes=frozenset({"read", "api/read"})))
    form = {"scope": "api/read", **form}
    return OAuthRequest(f"{provider.url}{PROVIDER_PATH}", grant, "idp", SecretStr(secret), form=form)


def refusal(exchange, asks):
    with pytest.raises(TokenRefused) as caught:
        fetch(exchange(), asks)
    return caught.value.details


class TestTokenExchange(ExchangeSuite):
    exchange, path, wrong_code = TokenExchange, PATH, "invalid_client"

    def good(self, provider, secret):
        return credential(provider, secret)

    def wrong(self, provider, secret):
        self.good(provider, "another")
        return self.good(provider, secret)


class TestOnBehalfOf(ExchangeSuite):
    exchange, path, wrong_code = OnBehalfOf, PATH, "invalid_client"

    def good(self, provider, secret):
        return credential(provider, secret, OAuthOnBehalfOf, leg=leg(provider))

    def wrong(self, provider, secret):
        self.good(provider, "another")
        return self.good(provider, secret)


# ── RFC 8693 ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("send_via", ["header", "body"])
def test_a_token_of_somebody_becomes_one_for_a_service(provider, made, send_via):
    body = '{"audience": "https://api.example"}'
    token = fetch(TokenExchange(), made(send_via=send_via, scope="read", custom_token_body=body))
    assert provider.accepts(token.value)
    assert provider.subjects.people[token.value].audience == "https://api.example"
    assert provider.subjects.user(token.value) == "ada"
    form = provider.forms[0]
    assert (form["subject_token_type"], form["scope"]) == (f"{TYPES}access_token", "read")
    assert ("client_secret" in form) == (send_via == "body")


def test_a_client_without_a_secret_says_who_it_is(provider, made):
    provider.clients["app"] = Client("app", methods=("none",))
    assert fetch(TokenExchange(), made(client_secret=None)).value
    assert provider.forms[0]["client_id"] == "app"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"audience": "elsewhere"}', "invalid_target"),
        ('{"resource": "https://other.example"}', "invalid_target"),
        ('{"subject_token_type": "urn:x:unknown"}', "invalid_request"),
        ('{"requested_token_type": "urn:x:unknown"}', "invalid_request"),
        ('{"actor_token": "who"}', "invalid_request"),
        ('{"scope": "everything"}', "invalid_scope"),
    ],
)
def test_what_the_service_will_not_do_is_told_with_its_code(made, body, code):
    assert refusal(TokenExchange, made(custom_token_body=body)) == {"error": code, "step": "service"}


@pytest.mark.parametrize("life", [-1, 3600])
def test_a_subject_that_is_over_or_that_nobody_may_act_for_is_refused(provider, made, life):
    session = provider.subjects.session("ada", "idp", life, frozenset({"another"}))
    assert refusal(TokenExchange, made(token=Token(SecretStr(session))))["error"] == "invalid_request"


def test_a_client_that_may_act_gets_its_token(provider, made):
    session = provider.subjects.session("ada", "idp", may_act=frozenset({"app"}))
    assert fetch(TokenExchange(), made(token=Token(SecretStr(session)))).value


def test_a_client_that_may_not_exchange_is_refused(provider, made, canary):
    provider.clients["app"] = Client("app", canary, grants=("client_credentials",))
    assert refusal(TokenExchange, made())["error"] == "unauthorized_client"


def test_what_is_sent_along_cannot_take_the_place_of_the_subject(provider, made):
    other = provider.subjects.session("eve", "idp")
    token = fetch(TokenExchange(), made(custom_token_body=f'{{"subject_token": "{other}"}}'))
    assert provider.subjects.user(token.value) == "ada"


# ── Entra's form ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_token_for_the_application_itself_is_the_assertion(provider, made):
    session = Token(SecretStr(provider.subjects.session("ada", "app")))
    token = fetch(TokenExchange(), made(grant=BEARER, token=session, scope="read"))
    assert provider.subjects.user(token.value) == "ada"
    assert provider.forms[0]["requested_token_use"] == "on_behalf_of"
    assert provider.forms[0]["assertion"] == session.value
    assert "subject_token" not in provider.forms[0]


@pytest.mark.parametrize(
    ("user", "audience", "scope", "code"),
    [
        ("ada", "another", "read", "invalid_grant"),
        ("ada", "app", "", "invalid_request"),
        ("bob", "app", "read", "interaction_required"),
    ],
)
def test_entra_takes_only_what_is_meant_for_the_client(provider, made, user, audience, scope, code):
    provider.subjects.without_consent.add("bob")
    session = Token(SecretStr(provider.subjects.session(user, audience)))
    assert refusal(TokenExchange, made(grant=BEARER, token=session, scope=scope))["error"] == code


# ── first the identity provider ──────────────────────────────────────────────────────────────────────────────
def test_the_identity_provider_is_asked_first_and_its_token_is_the_service_s_subject(provider, made):
    token = fetch(OnBehalfOf(), made(OAuthOnBehalfOf, leg=leg(provider)))
    first, second = provider.forms
    assert (first["grant_type"], second["grant_type"]) == (BEARER, EXCHANGE)
    assert provider.subjects.user(second["subject_token"]) == "ada"
    assert second["subject_token"] not in (first["assertion"], token.value)
    assert provider.subjects.user(token.value) == "ada"


def test_what_the_identity_provider_gave_is_named_as_what_it_is(provider, made):
    session = Token(SecretStr(provider.subjects.session("ada", "idp")))
    saml = f"{TYPES}saml2"
    provider.subjects.elsewhere = lambda token: Person("ada", "idp", provider.now() + 60)
    ask = leg(provider, grant=EXCHANGE, requested_token_type=saml, scope="read")
    fetch(OnBehalfOf(), made(OAuthOnBehalfOf, token=session, leg=ask))
    assert [form["subject_token_type"] for form in provider.forms] == [f"{TYPES}access_token", saml]


def test_the_parameter_of_the_subject_may_have_another_name(provider, made):
    refusal(OnBehalfOf, made(OAuthOnBehalfOf, SAML_GRANT, leg=leg(provider)))
    refusal(OnBehalfOf, made(OAuthOnBehalfOf, SAML_GRANT, leg=leg(provider), app_token_key="saml"))
    _, usual, _, named = provider.forms
    assert "assertion" in usual
    assert "saml" in named
    assert "assertion" not in named


@pytest.mark.parametrize(("who", "step"), [("idp", "identity provider"), ("app", "service")])
def test_a_refusal_says_at_which_step(provider, made, who, step):
    asks = made(OAuthOnBehalfOf, leg=leg(provider))
    provider.clients[who].client_secret = "changed over there"
    assert refusal(OnBehalfOf, asks) == {"error": "invalid_client", "step": step}


def test_a_service_that_is_away_is_told_as_that_one(provider, made):
    asks = made(OAuthOnBehalfOf, leg=leg(provider), token_url="http://127.0.0.1:9/token")
    with pytest.raises(Unreachable) as caught:
        fetch(OnBehalfOf(), asks)
    assert caught.value.details["step"] == "service"


def test_an_answer_that_repeats_the_subject_or_what_came_of_it_is_not_told(provider, made):
    asks = made(OAuthOnBehalfOf, leg=leg(provider))
    provider.faults[PROVIDER_PATH] = oauth_error(str.__str__(asks.subject().token.value)[:40], "")
    assert refusal(OnBehalfOf, asks)["error"] == "not_told"
    del provider.faults[PROVIDER_PATH]

    def repeats():
        return oauth_error(list(provider.subjects.people)[-1][:40], "")()

    provider.faults[PATH] = repeats
    assert refusal(OnBehalfOf, asks) == {"error": "not_told", "step": "service"}


def test_headers_of_the_connection_and_of_the_credential_are_sent(provider, made, monkeypatch):
    from flask import request

    seen = []
    provider.faults[PATH] = lambda: seen.append(dict(request.headers))
    fetch(TokenExchange(), made(header={"X-App": "1", "X-Both": "1"}, custom_token_header='{"X-Both": "2"}'))
    assert (seen[0]["X-App"], seen[0]["X-Both"]) == ("1", "2")


# ── as it is ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_direct_token_is_the_sign_in_s_and_nothing_else_of_it():
    ends = datetime.fromtimestamp(time.time() + 60, UTC)
    subject = Subject(Token(SecretStr("the-token"), ends, {"refresh_token": "must not leave"}))
    token = fetch(DirectAccess(), OAuthDirectAccess.parse({}).for_subject(subject))
    assert (token.value, token.expires_at, token.extra) == ("the-token", ends, {})


@pytest.mark.parametrize(("exchange", "cls"), [(DirectAccess, OAuthDirectAccess), (TokenExchange, OAuthTokenExchange)])
def test_before_anybody_signed_in_nobody_is_asked(exchange, cls):
    fields = {"client_id": "a", "token_url": "https://h/t", "grant_type": "x"} if cls is OAuthTokenExchange else {}
    with pytest.raises(InvalidCredential, match="sign-in"):
        fetch(exchange(), cls.parse(fields))
