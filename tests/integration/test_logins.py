"""Somebody signs in for a credential at a real provider: the vault keeps what comes back, nobody else sees it."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest

from credmagic.errors import InvalidCredential, NotFound, TokenRefused
from credmagic.testing.oidc_provider import OidcProvider
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.vault.logins import came_back
from credmagic.wiring import open_vault

REDIRECT = "http://127.0.0.1:9/callback"
KERNEL = Caller("kernel", kernel_id="k1")


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
    def run(action, by=KERNEL, **params):
        return dispatch(vault, by, action, params)

    return run


def fields(provider, client="notebook", **more):
    return {
        "client_id": client, "client_secret": provider.clients[client].get("client_secret"),
        "token_url": provider.token_url, "authorization_url": provider.authorization_url,
        "device_authorization_url": provider.device_authorization_url,
        "scope": ["openid", "offline_access"], "custom_auth_query": {"prompt": "consent"}, **more,
    }  # fmt: skip


@pytest.fixture
def crm(provider, act):
    return act("create", name="crm", kind="oauth", fields=fields(provider), verify=False)


def begun(act, how="code"):
    return act("login_begin", ref="crm", how=how, redirect_uri=REDIRECT)


def brought(provider, login, **how):
    return urlsplit(provider.sign_in(login["authorization_url"], **how)).query


def test_after_a_login_the_credential_has_tokens_that_renew_themselves(provider, vault, act, crm):
    login = begun(act)
    assert act("login_check", login_id=login["login_id"])["state"] == "waiting"
    came_back(vault, brought(provider, login))

    ended = act("login_check", login_id=login["login_id"])
    assert (ended["state"], ended["credential"]["version"]) == ("done", 2)
    used = act("resolve", ref="crm")
    assert provider.accepts(used["fields"][used["token"]])
    assert set(used["secret"]) == {"token"}


def test_what_a_person_pastes_ends_it_too(provider, act, crm):
    login = begun(act)
    address = provider.sign_in(login["authorization_url"])
    assert act("login_finish", login_id=login["login_id"], answer=f" {address}\n")["state"] == "done"


def test_a_bare_code_may_be_pasted(provider, act, crm):
    login = begun(act)
    code = parse_qs(brought(provider, login))["code"][0]
    assert act("login_finish", login_id=login["login_id"], answer=code)["state"] == "done"


def test_a_device_is_asked_about_at_its_interval_and_no_oftener(provider, vault, act, crm):
    now = time.monotonic()
    vault.logins.ticks = lambda: now
    login = begun(act, "device")
    before = provider.asked()
    for _ in range(3):
        assert act("login_check", login_id=login["login_id"])["state"] == "waiting"
    assert provider.asked() == before
    provider.sign_in(login["verification_uri_complete"])
    now += login["interval"]
    assert act("login_check", login_id=login["login_id"])["state"] == "done"
    assert provider.asked() == before + 1


def test_an_answer_counts_once(provider, vault, act, crm):
    login = begun(act)
    query = brought(provider, login)
    came_back(vault, query)
    asked = provider.asked()
    came_back(vault, query)
    assert act("login_finish", login_id=login["login_id"], answer="?" + query)["state"] == "done"
    assert provider.asked() == asked
    assert act("show", ref="crm")["version"] == 2


def test_an_answer_that_belongs_to_no_login_changes_nothing(provider, vault, act, crm):
    login = begun(act)
    came_back(vault, brought(provider, login).replace("state=", "state=x"))
    came_back(vault, "")
    assert act("login_check", login_id=login["login_id"])["state"] == "waiting"


@pytest.mark.parametrize("by", [Caller("kernel", kernel_id="k2"), Caller("local")])
def test_a_login_is_its_callers_alone(act, crm, by):
    login = begun(act)
    for action, more in (("login_check", {}), ("login_cancel", {}), ("login_finish", {"answer": "c"})):
        with pytest.raises(NotFound):
            act(action, by=by, login_id=login["login_id"], **more)


def test_who_gives_up_is_told_what_to_do(provider, vault, act, crm):
    login = begun(act)
    came_back(vault, brought(provider, login, deny=True))
    ended = act("login_check", login_id=login["login_id"])
    assert (ended["state"], ended["error"]) == ("failed", "access_denied")
    assert ended["next_step"].endswith("%cred login crm")


def test_a_login_ends_with_its_time(vault, act, crm):
    login = begun(act)
    late = time.monotonic() + 601
    vault.logins.ticks = lambda: late
    assert act("login_check", login_id=login["login_id"])["error"] == "expired_token"


def test_a_login_ends_with_its_kernel(provider, vault, act, crm):
    login = begun(act)
    vault.forget_kernel("k1")
    came_back(vault, brought(provider, login))
    assert act("show", ref="crm")["version"] == 1


def test_a_login_for_an_application_that_was_changed_meanwhile_is_not_kept(provider, vault, act, crm):
    login = begun(act)
    act("update", ref="crm", fields={"scope": ["openid"]}, verify=False)
    came_back(vault, brought(provider, login))
    assert act("login_check", login_id=login["login_id"])["error"] == "changed_meanwhile"
    assert act("show", ref="crm")["secrets"] == ["client_secret"]


def test_a_wrong_client_secret_is_told_with_the_command_that_helps(provider, vault, act):
    act("create", name="crm", kind="oauth", fields=fields(provider, client_secret="wrong"), verify=False)
    login = begun(act)
    came_back(vault, brought(provider, login))
    ended = act("login_check", login_id=login["login_id"])
    assert (ended["error"], ended["next_step"]) == ("invalid_client", "Give it the right secret: %cred edit crm")
    with pytest.raises(TokenRefused) as refused:
        begun(act, "device")
    assert refused.value.details["error"] == "invalid_client"


def test_a_second_login_takes_the_place_of_the_first(provider, vault, act, crm):
    for _ in range(2):
        came_back(vault, brought(provider, begun(act)))
        used = act("resolve", ref="crm")
        assert provider.accepts(used["fields"][used["token"]])


def test_nobody_signs_in_for_a_password(act):
    act("create", name="plain", kind="basic", fields={"user": "ada", "password": "p-123456"}, verify=False)
    with pytest.raises(InvalidCredential, match="nobody signs in"):
        act("login_begin", ref="plain", redirect_uri=REDIRECT)


def test_a_browser_needs_an_address_to_come_back_to(act, crm):
    with pytest.raises(InvalidCredential) as refused:
        act("login_begin", ref="crm")
    assert "redirect_uri" in refused.value.errors


def test_no_secret_of_a_login_is_in_an_answer_or_in_the_log(provider, vault, act, crm):
    login = begun(act)
    pending = next(iter(vault.logins._logins.values())).pending
    query = brought(provider, login)
    came_back(vault, query)
    code = parse_qs(query)["code"][0]
    said = repr([login, act("login_check", login_id=login["login_id"]), act("audit")])
    used = act("resolve", ref="crm")["fields"]["token"]
    for secret in (code, pending.kept["verifier"], provider.clients["notebook"]["client_secret"], used):
        assert str.__str__(secret) not in said
