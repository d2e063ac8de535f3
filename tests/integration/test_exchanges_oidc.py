"""Exchanges that nobody has to be asked for, at the real oidc-provider: what it gives, what it refuses, what is said."""

import json
import logging
import time
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from credmagic.errors import TokenRefused, Unreachable
from credmagic.testing.oidc_provider import OidcProvider
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.vault.logins import came_back
from credmagic.wiring import open_vault

REDIRECT = "http://127.0.0.1:9/callback"


@pytest.fixture(scope="module")
def provider():
    with OidcProvider() as running:
        yield running


@pytest.fixture
def vault(home):
    opened = open_vault(notify=lambda line: None)
    yield opened
    opened.close()


@pytest.fixture
def act(vault):
    return lambda action, **params: dispatch(vault, Caller(), action, params)


@pytest.fixture
def token(act):
    """The token that `use` gives now."""

    def token(name):
        used = act("resolve", ref=name)
        return used["fields"][used["token"]]

    return token


@pytest.fixture
def expire(vault):
    def expire(name):
        with vault.store.read() as reader:
            vault.tokens.drop(vault.find(reader, name).row.id)

    return expire


def service(act, provider, client, **more):
    """The credential of an application."""
    fields = {
        "client_id": client, "client_secret": provider.clients[client]["client_secret"],
        "token_url": provider.token_url, **more,
    }  # fmt: skip
    return act("create", name="crm", kind="oauth_client_credentials", fields=fields, verify=False)


def login(act, vault, provider, client="notebook"):
    """The credential of somebody who has signed in."""
    fields = {
        "client_id": client, "client_secret": provider.clients[client].get("client_secret"),
        "token_url": provider.token_url, "authorization_url": provider.authorization_url,
        "scope": ["openid", "offline_access"], "custom_auth_query": {"prompt": "consent"},
    }  # fmt: skip
    made = act("create", name="mail", kind="oauth", fields=fields, verify=False)
    sign_in(act, vault, provider)
    return made


def sign_in(act, vault, provider):
    begun = act("login_begin", ref="mail", how="code", redirect_uri=REDIRECT)
    came_back(vault, urlsplit(provider.sign_in(begun["authorization_url"])).query)
    assert act("login_check", login_id=begun["login_id"])["state"] == "done"


def refresh_token(vault):
    with vault.store.read() as reader:
        return vault.credential(reader, vault.find(reader, "mail")).refresh_token


# ── client credentials ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("client", "send_via"), [("notebook", "header"), ("machine", "body")])
def test_an_application_proves_itself_where_it_is_asked_to(provider, act, token, client, send_via):
    service(act, provider, client, send_via=send_via)
    assert provider.accepts(token("crm"))


def test_a_wrong_secret_is_refused_once_and_said_without_it(provider, act, token, canary, caplog):
    caplog.set_level(logging.DEBUG)
    wrong = canary.replace("ß", "s")  # this provider holds clients to RFC 6749's alphabet
    service(act, provider, "notebook", client_secret=wrong)
    before = provider.asked()
    for _ in range(5):
        with pytest.raises(TokenRefused) as refused:
            token("crm")
    assert refused.value.details == {"error": "invalid_client"}
    assert refused.value.next_step == "Give it the right secret: %cred rotate crm --secret client_secret=prompt"
    assert provider.asked() == before + 1
    assert wrong not in repr(refused.value) + json.dumps(act("audit")) + caplog.text


def test_a_scope_that_is_not_allowed_is_refused_by_name(provider, act, token):
    service(act, provider, "machine", send_via="body", scope=["write"])
    with pytest.raises(TokenRefused) as refused:
        token("crm")
    assert refused.value.details == {"error": "invalid_scope"}


def test_an_application_may_not_do_what_it_is_not_registered_for(provider, act, token):
    service(act, provider, "machine", send_via="body", grant_type="refresh_token")
    with pytest.raises(TokenRefused) as refused:
        token("crm")
    assert refused.value.details["error"] in ("unauthorized_client", "invalid_request")


def test_a_token_is_renewed_before_the_provider_ends_it(provider, act, token):
    """It lives six seconds there; for seven a loop never holds one that is refused."""
    provider.set(life=6)
    try:
        service(act, provider, "notebook")
        before, seen, until = provider.asked(), set(), time.monotonic() + 7
        while time.monotonic() < until:
            value = token("crm")
            assert provider.accepts(value)
            seen.add(str.__str__(value))
            time.sleep(0.2)
    finally:
        provider.set(life=3600)
    assert len(seen) == provider.asked() - before == 2


def test_how_long_a_token_lives_is_what_the_provider_says(provider, act):
    provider.set(life=900)
    try:
        service(act, provider, "notebook")
        used = act("resolve", ref="crm")
    finally:
        provider.set(life=3600)
    assert 890 < used["expires_in"] <= 900
    assert 890 < datetime.fromisoformat(used["expires_at"]).timestamp() - time.time() <= 900


# ── refresh ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("client", ["notebook", "public"])
def test_a_login_is_carried_on_over_many_rotations(provider, vault, act, token, expire, client):
    login(act, vault, provider, client)
    sent = {refresh_token(vault)}
    for _ in range(5):
        expire("mail")
        assert provider.accepts(token("mail"))
        sent.add(refresh_token(vault))
    assert len(sent) == 6


def test_a_used_refresh_token_ends_the_login_and_a_new_one_repairs_it(provider, vault, act, token, expire):
    """Somebody else has the old refresh token and sends it: the provider takes the whole login away."""
    login(act, vault, provider)
    stolen = str.__str__(refresh_token(vault))
    assert provider.accepts(token("mail"))
    assert provider.refreshes(stolen) == "invalid_grant"
    expire("mail")
    with pytest.raises(TokenRefused) as refused:
        token("mail")
    assert refused.value.details == {"error": "invalid_grant"}
    assert refused.value.next_step == "Sign in again: %cred login mail"
    assert stolen not in repr(refused.value) + json.dumps(act("audit"))
    sign_in(act, vault, provider)
    assert provider.accepts(token("mail"))


def test_before_anybody_signed_in_the_command_is_named(provider, act, token):
    fields = {"client_id": "public", "token_url": provider.token_url, "authorization_url": provider.authorization_url}
    act("create", name="mail", kind="oauth", fields=fields, verify=False)
    before = provider.asked()
    with pytest.raises(TokenRefused, match='nobody has signed in for "mail" yet') as refused:
        token("mail")
    assert refused.value.next_step == "Sign in: %cred login mail"
    assert provider.asked() == before


def test_a_provider_that_is_away_ends_nothing(provider, vault, act, token, expire):
    login(act, vault, provider)
    token("mail")
    expire("mail")
    provider.set(away=1)
    try:
        with pytest.raises(Unreachable):
            token("mail")
    finally:
        provider.set(away=0)
    expire("mail")
    assert provider.accepts(token("mail"))
