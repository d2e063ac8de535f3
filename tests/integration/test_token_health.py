"""What lists say of a credential that is made into tokens: for machines in the data, for people in words."""

import json

import pytest

from credmagic.cli import views
from credmagic.cli.tables import page_text
from credmagic.errors import TokenRefused, Unreachable
from credmagic.forms.health import health as in_picker
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.faults import html_error
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.wiring import open_vault

PATH = "/oauth/token"
KERNEL = Caller("kernel", kernel_id="k1")


@pytest.fixture
def provider(canary):
    with AuthorizationServer() as server:
        server.clients["app"] = Client("app", canary)
        yield server


@pytest.fixture
def act(home):
    vault = open_vault(notify=lambda line: None)
    yield lambda action, **params: dispatch(vault, KERNEL, action, params)
    vault.close()


@pytest.fixture
def crm(act, provider, canary):
    fields = {"client_id": "app", "client_secret": canary, "token_url": provider.token_url}
    return act("create", name="crm", kind="oauth_client_credentials", fields=fields, verify=False)


@pytest.fixture
def login(act, provider, canary):
    fields = {
        "client_id": "app", "client_secret": canary, "token_url": provider.token_url,
        "authorization_url": f"{provider.url}/authorize", "refresh_token": provider.login("app"),
    }  # fmt: skip
    return act("create", name="crm", kind="oauth", fields=fields, verify=False)


def seen(act):
    """The credential in overview, list and show, which say the same."""
    found = [act("overview")["groups"][0]["credentials"][0], act("list")["credentials"][0], act("show", ref="crm")]
    assert len({json.dumps(view["token_health"], sort_keys=True) for view in found}) == 1
    return found[0]


def said(act):
    """What the overview says in words."""
    return page_text(views.overview(act("overview"), "%cred"))


def test_before_its_first_use_it_renews_itself(act, crm):
    assert seen(act)["token_health"] == {"state": "renews", "sign_in": False}
    assert "○ renews itself" in said(act)
    assert in_picker(seen(act)) == ("muted", "renews itself")


def test_a_good_token_says_how_long(act, crm, provider):
    ends = act("resolve", ref="crm")["expires_at"]
    found = seen(act)["token_health"]
    assert (found["state"], found["ends_at"]) == ("good", ends)
    assert "● token good for 59 min" in said(act)
    assert in_picker(seen(act)) == ("accepted", "token good for 59 min")


def test_a_renewed_login_has_a_good_token_too(act, login):
    act("resolve", ref="crm")
    assert act("show", ref="crm")["version"] == 2
    assert "● token good for 59 min" in said(act)


def test_a_login_that_is_over_says_how_to_sign_in_again(act, login, provider):
    provider.families[0].revoked = True
    with pytest.raises(TokenRefused):
        act("resolve", ref="crm")
    found = seen(act)["token_health"]
    assert (found["state"], found["error"], found["sign_in"]) == ("refused", "invalid_grant", True)
    assert "▲ sign in again" in said(act)
    assert "Sign in again: %cred login crm" in said(act)
    assert in_picker(seen(act)) == ("refused", "sign in again: %cred login crm")


def test_a_refusal_says_the_provider_s_code(act, crm, provider):
    provider.clients["app"].client_secret = "changed over there"
    with pytest.raises(TokenRefused):
        act("resolve", ref="crm")
    assert "▲ no token: invalid_client" in said(act)
    assert in_picker(seen(act))[1] == "no token: invalid_client"


def test_a_provider_that_is_away_is_no_refusal(act, crm, provider):
    provider.faults[PATH] = html_error()
    with pytest.raises(Unreachable):
        act("resolve", ref="crm")
    assert seen(act)["token_health"]["state"] == "unreachable"
    assert "no answer from the token service" in said(act)


def test_new_values_take_an_old_refusal_away(act, crm, provider):
    provider.clients["app"].client_secret = "changed over there"
    with pytest.raises(TokenRefused):
        act("resolve", ref="crm")
    act("rotate", ref="crm", fields={"client_secret": "changed over there"}, verify=False)
    assert seen(act)["token_health"]["state"] == "renews"


def test_a_later_check_is_the_news(act, crm, provider):
    act("resolve", ref="crm")
    act("verify", ref="crm")
    assert "verified just now" in said(act)
    provider.clients["app"].client_secret = "changed over there"
    act("update", ref="crm", fields={"scope": ["read"]}, verify=False)
    with pytest.raises(TokenRefused):
        act("resolve", ref="crm")
    assert "no token: invalid_client" in said(act)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("basic", {"user": "ada", "password": "p-1234567"}), ("oauth", {"token": "t-1234567"}), ("s3", {})],
)
def test_what_is_handed_over_as_it_is_says_nothing_of_tokens(act, kind, fields):
    act("create", name="crm", kind=kind, fields=fields, verify=False)
    assert "token_health" not in act("show", ref="crm")


def test_no_token_and_no_secret_is_in_what_is_said(act, crm, canary):
    token = act("resolve", ref="crm")["fields"]["access_token"]
    everything = json.dumps([act("overview"), act("list"), act("show", ref="crm"), act("status")]) + said(act)
    assert token not in everything
    assert canary not in everything


def test_the_status_counts_good_tokens_and_names_what_got_none(act, crm, provider):
    act("resolve", ref="crm")
    assert act("status")["tokens"] == {"good": 1}
    provider.clients["app"].client_secret = "changed over there"
    act("update", ref="crm", fields={"scope": ["read"]}, verify=False)
    with pytest.raises(TokenRefused):
        act("resolve", ref="crm")
    assert act("status")["tokens"] == {"good": 0, "not given": ["crm"]}
    assert "good: 0, not given: crm" in page_text(views.status(act("status"), "%cred"))


def test_the_log_says_what_happened_to_tokens_in_words(act, login, provider):
    act("resolve", ref="crm")
    provider.families[0].revoked = True
    act("rotate", ref="crm", fields={"refresh_token": "gone"}, verify=False)
    with pytest.raises(TokenRefused):
        act("resolve", ref="crm")
    log = page_text(views.audit(act("audit", ref="crm"), "%cred"))
    assert "login renewed" in log
    assert [line.split()[-1] for line in log.splitlines() if "token refused" in line] == ["invalid_grant"]
    assert "credential.create" in log


def test_why_says_how_the_tokens_of_the_winner_do(act, crm):
    act("resolve", ref="crm")
    assert "crm is the oauth_client_credentials credential of all environments: token good for 59 min." in page_text(
        views.why(act("why", ref="crm"), "%cred")
    )
