"""A login from its beginning to its end: how often a provider is asked, who ends it, and what may come between."""

import json
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from credmagic.errors import AccessDenied, InvalidCredential, NotFound, NotSignedIn, NotUsable, TokenRefused
from credmagic.tokens.device_code import SLOWEST
from credmagic.vault.audit import Caller
from credmagic.vault.logins import came_back
from credmagic.vault.pending_logins import PENDING
from loopback_server import running
from vault_principals import another

HERE = "https://hub.example/user/jo/credmagic/api/oauth/callback"
DEVICE = {"device_code": "dc-1234567890", "user_code": "ABCD", "verification_uri": "https://id.example", "interval": 5}
TOKENS = {"access_token": "at-1234567890", "refresh_token": "rt-1234567890", "expires_in": 3600}


@pytest.fixture
def provider():
    """`provider.says`: what the token endpoint answers, one after the other; the last one for good."""
    with running() as server:
        server.says = [(200, TOKENS)]

        def answer(path, headers, body):
            if path == "/device":
                return 200, DEVICE
            return server.says.pop(0) if len(server.says) > 1 else server.says[0]

        server.answer = answer
        server.asked = lambda: sum(path == "/token" for path, *_ in server.seen)
        yield server


@pytest.fixture
def clock(vault):
    """`clock(5)`: five seconds later."""
    now = [1000.0]
    vault.logins.ticks = lambda: now[0]

    def later(seconds):
        now[0] += seconds

    return later


@pytest.fixture
def fields(provider, canary):
    return {
        "client_id": "app", "client_secret": canary, "token_url": f"{provider.url}/token",
        "authorization_url": f"{provider.url}/auth", "device_authorization_url": f"{provider.url}/device",
        "scope": ["read"],
    }  # fmt: skip


@pytest.fixture
def crm(act, fields):
    return act("create", name="crm", kind="oauth", fields=fields, verify=False)


def begun(act, how="code", ref="crm", **more):
    return act("login_begin", ref=ref, how=how, redirect_uri=HERE, **more)


def check(act, login, **who):
    return act("login_check", login_id=login["login_id"], **who)


def query(login, code="c-1234567890"):
    return f"code={code}&state={parse_qs(urlsplit(login['authorization_url']).query)['state'][0]}"


def refused(code):
    return 400, {"error": code}


# ── a device ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_who_is_told_to_slow_down_asks_five_seconds_less_often_from_then_on(act, crm, provider, clock):
    provider.says = [refused("slow_down"), refused("slow_down"), refused("authorization_pending"), (200, TOKENS)]
    login = begun(act, "device")
    seen = []
    for seconds in (5, 10, 15, 15):
        clock(seconds - 1)
        before = provider.asked()
        seen.append(check(act, login).get("interval"))
        assert provider.asked() == before
        clock(1)
        ended = check(act, login)
        assert provider.asked() == before + 1
    assert seen == [5, 10, 15, 15]
    assert ended["state"] == "done"


def test_a_provider_with_a_problem_of_its_own_is_asked_half_as_often_each_time(act, crm, provider, clock):
    provider.says = [(503, {}), (429, {}), (500, b"<html>"), (502, {}), (502, {}), (200, TOKENS)]
    login = begun(act, "device")
    intervals = []
    for _ in range(5):
        clock(check(act, login)["interval"])
        intervals.append(check(act, login)["interval"])
    assert intervals == [10, 20, 40, SLOWEST, SLOWEST]
    clock(SLOWEST)
    assert check(act, login)["state"] == "done"


def test_a_code_that_nobody_typed_in_time_says_so(act, crm, provider, clock):
    provider.says = [refused("expired_token")]
    login = begun(act, "device")
    clock(5)
    ended = check(act, login)
    assert (ended["state"], ended["error"]) == ("failed", "expired_token")
    assert ended["message"].endswith("nobody signed in in time")
    assert check(act, login) == ended
    assert provider.asked() == 1


def test_two_who_ask_at_once_about_a_device_ask_the_provider_once(act, crm, provider, clock):
    provider.says = [refused("authorization_pending")]
    login = begun(act, "device")
    clock(5)
    threads = [threading.Thread(target=check, args=(act, login)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert provider.asked() == 1


def test_nothing_is_pasted_for_a_device(act, crm):
    login = begun(act, "device")
    with pytest.raises(InvalidCredential):
        act("login_finish", login_id=login["login_id"], answer="c-1")


# ── a browser ────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_bare_code_may_end_like_base64(act, crm, provider):
    login = begun(act)
    assert act("login_finish", login_id=login["login_id"], answer="Y29kZQ==")["state"] == "done"
    assert parse_qs(provider.seen[-1][2].decode())["code"] == ["Y29kZQ=="]


def test_what_is_pasted_need_not_be_an_address(act, crm, provider):
    login = begun(act)
    assert act("login_finish", login_id=login["login_id"], answer="http://[?code=c-1&state=x")["error"] == "wrong_state"
    assert provider.asked() == 0


def test_callback_and_paste_at_once_are_one_exchange(vault, act, crm, provider):
    login = begun(act)
    held, told = threading.Event(), []

    def slowly(path, headers, body):
        held.wait(10)
        return 200, TOKENS

    provider.answer = slowly
    ways = [
        lambda: came_back(vault, query(login)),
        lambda: told.append(act("login_finish", login_id=login["login_id"], answer=f"{HERE}?{query(login)}")),
        lambda: came_back(vault, query(login)),
    ]
    threads = [threading.Thread(target=way) for way in ways]
    for thread in threads:
        thread.start()
    while not provider.seen:
        pass
    assert check(act, login)["state"] == "waiting"
    held.set()
    for thread in threads:
        thread.join()
    assert (told[0]["state"], provider.asked()) == ("done", 1)
    assert act("show", ref="crm")["version"] == 2


def test_what_is_pasted_of_another_login_ends_neither_the_other_nor_asks_anybody(act, crm, provider):
    mine, other = begun(act), begun(act)
    ended = act("login_finish", login_id=mine["login_id"], answer=f"{HERE}?{query(other)}")
    assert ended["error"] == "wrong_state"
    assert check(act, other)["state"] == "waiting"
    assert provider.asked() == 0


def test_the_secrets_of_a_login_end_with_it(vault, act, crm):
    login = begun(act)
    kept = vault.logins.of(Caller("local", notebook="work/a.ipynb"), login["login_id"])
    assert kept.pending.kept["verifier"]
    came_back(vault, query(login))
    assert not kept.pending.kept
    assert vault.logins.waiting_for(parse_qs(query(login))["state"][0]) is None


def test_so_many_wait_and_no_more(vault, act, crm):
    logins = [begun(act) for _ in range(PENDING + 1)]
    other = begun(act, by=Caller("kernel", kernel_id="k2"))
    with pytest.raises(NotFound):
        check(act, logins[0])
    assert check(act, logins[1])["state"] == "waiting"
    assert check(act, other, by=Caller("kernel", kernel_id="k2"))["state"] == "waiting"


def test_what_was_given_up_finds_nothing(vault, act, crm, provider):
    login = begun(act)
    assert act("login_cancel", login_id=login["login_id"]) == {"cancelled": "crm"}
    came_back(vault, query(login))
    assert provider.asked() == 0
    with pytest.raises(NotFound):
        check(act, login)


def test_what_the_server_was_told_counts_more_than_what_a_page_sees(vault, act, crm):
    vault.logins.own_address = "https://guess.example/back"
    assert act("login_begin", ref="crm", page_address="https://page.example/back")["redirect_uri"] == "https://page.example/back"
    vault.logins.callback_url = "https://front.example/back"
    assert act("login_begin", ref="crm", page_address="https://page.example/back")["redirect_uri"] == "https://front.example/back"
    assert act("login_begin", ref="crm", page_address="https://page.example/back", redirect_uri=HERE)["redirect_uri"] == HERE


@pytest.mark.parametrize("address", ["javascript:alert(1)", "https://x/#part"])
def test_what_a_page_sees_is_looked_at_like_what_was_asked_for(act, crm, address):
    with pytest.raises(InvalidCredential):
        act("login_begin", ref="crm", page_address=address)


def test_the_default_address_is_the_servers(vault, act, crm):
    vault.logins.own_address = HERE
    assert act("login_begin", ref="crm")["redirect_uri"] == HERE
    assert act("login_begin", ref="crm", redirect_uri="http://127.0.0.1:1/x")["redirect_uri"] == "http://127.0.0.1:1/x"


@pytest.mark.parametrize("address", ["ftp://x/", "javascript:alert(1)", "https:///x", "https://x/#part", "http://[", "https://x /", "https://x/\n"])
def test_a_browser_is_sent_back_to_an_address_only(act, crm, address):
    with pytest.raises(InvalidCredential) as caught:
        act("login_begin", ref="crm", redirect_uri=address)
    assert list(caught.value.errors) == ["redirect_uri"]


def test_a_way_that_the_credential_does_not_offer_is_named(act, fields):
    act("create", name="crm", kind="oauth", fields={**fields, "device_authorization_url": None}, verify=False)
    with pytest.raises(InvalidCredential) as caught:
        begun(act, "device")
    assert caught.value.errors == {"how": "offered: code"}


def test_what_brings_nothing_that_lasts_is_told(act, crm, provider):
    provider.says = [(200, {"token_type": "Bearer"})]
    login = begun(act)
    assert act("login_finish", login_id=login["login_id"], answer="c-1")["error"] == "no_token"
    assert act("show", ref="crm")["version"] == 1


def test_a_token_that_nothing_renews_ends_when_it_says(act, crm, provider):
    provider.says = [(200, {"access_token": "at-1234567890", "expires_in": 3600})]
    login = begun(act)
    view = act("login_finish", login_id=login["login_id"], answer="c-1")["credential"]
    assert view["expires_at"]
    assert "refresh_token" not in view["secrets"]


# ── before and after ─────────────────────────────────────────────────────────────────────────────────────────
def test_who_uses_it_before_anybody_signed_in_is_told_the_command(act, crm):
    with pytest.raises(TokenRefused) as refusal:
        act("resolve", ref="crm")
    assert refusal.value.next_step == "Sign in: %cred login crm"


def test_who_uses_it_when_the_login_is_not_good_any_more_is_told_the_command(act, crm, provider):
    login = begun(act)
    act("login_finish", login_id=login["login_id"], answer="c-1")
    provider.says = [refused("invalid_grant")]
    with pytest.raises(TokenRefused) as refusal:
        act("resolve", ref="crm")
    assert refusal.value.next_step == "Sign in again: %cred login crm"
    assert refusal.value.details["error"] == "invalid_grant"


def test_a_paused_credential_stays_paused(act, crm):
    act("pause", ref="crm")
    login = begun(act)
    assert act("login_finish", login_id=login["login_id"], answer="c-1")["credential"]["status"] == "paused"


def test_a_notebook_without_a_grant_does_not_sign_in_for_a_guarded_one(act, crm, provider):
    act("guard", ref="crm", on=True)
    with pytest.raises(AccessDenied):
        begun(act, by=Caller("kernel", kernel_id="k1", notebook="work/b.ipynb"))
    assert provider.seen == []


def test_a_role_without_the_right_signs_in_for_nothing_of_the_teams(vault, act, fields, provider):
    act("create", name="crm", kind="oauth", fields=fields, verify=False, team=True)
    for who in (another(vault, "alice"), another(vault, "bot", "Contributor")):
        with pytest.raises(AccessDenied):
            begun(act, "device", by=who)
    assert provider.seen == []


def test_who_was_paused_meanwhile_signs_in_for_nothing(vault, act, fields, provider):
    bot = another(vault, "bot", "Contributor")
    act("create", by=bot, name="crm", kind="oauth", fields=fields, verify=False)
    login = begun(act, by=bot)
    act("machine_pause", ref="bot")
    with pytest.raises(NotSignedIn):
        came_back(vault, query(login))
    assert provider.asked() == 0


# ── each member has a login ──────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def app(act, fields):
    act("connection_add", app_id="crm")
    act("connection_configure", app_id="crm", environment="draft", kind="oauth", sharing="member")
    return act("connection_set_credentials", app_id="crm", environment="draft", fields=fields, part="app")


def sign_in(act, who, code="c-1"):
    login = begun(act, by=who)
    return act("login_finish", by=who, login_id=login["login_id"], answer=code)


def test_each_member_signs_in_for_his_own(vault, act, app, provider, canary):
    alice, bob = another(vault, "alice"), another(vault, "bob")
    for who, token in ((alice, "at-of-alice-1"), (bob, "at-of-bob-123")):
        provider.says = [(200, {**TOKENS, "access_token": token, "refresh_token": f"rt-{token}"})]
        assert sign_in(act, who)["state"] == "done"
        provider.says = [(200, {**TOKENS, "access_token": f"{token}-new", "refresh_token": f"rt-{token}"})]
        used = act("resolve", by=who, ref="crm")
        assert used["fields"]["token"] == f"{token}-new"
        assert canary[:24] not in json.dumps(used)
    shown = act("show", by=alice, ref="crm")
    assert (shown["owner"], shown["secrets"]) == ("me", ["refresh_token", "token"])
    assert act("resolve", by=alice, ref="crm")["fields"]["token"] == "at-of-alice-1-new"


def test_a_member_who_has_not_signed_in_is_told_the_command(vault, act, app):
    for environment, more in (("draft", ""), ("live", " --env live")):
        act("connection_configure", app_id="crm", environment=environment, kind="oauth", sharing="member")
        fields = {"client_id": "app", "token_url": "https://id.example/t", "authorization_url": "https://id.example/a"}
        act("connection_set_credentials", app_id="crm", environment=environment, fields=fields, part="app")
        with pytest.raises(TokenRefused) as refusal:
            act("resolve", by=another(vault, f"alice-{environment}"), ref="crm", environment=environment)
        assert refusal.value.next_step == f"Sign in: %cred login crm{more}"


def test_a_members_token_that_nothing_renews_ends_when_it_says(vault, act, app, provider):
    alice = another(vault, "alice")
    provider.says = [(200, {"access_token": "at-1234567890", "expires_in": 3600})]
    view = sign_in(act, alice)["credential"]
    assert view["expires_at"]
    assert view["secrets"] == ["token"]
    provider.says = [(200, TOKENS)]
    assert sign_in(act, alice)["credential"]["expires_at"] is None


def test_one_member_does_not_end_the_login_of_another(vault, act, app):
    alice, bob = another(vault, "alice"), another(vault, "bob")
    login = begun(act, by=alice)
    for action, more in (("login_check", {}), ("login_finish", {"answer": "c-1"}), ("login_cancel", {})):
        with pytest.raises(NotFound):
            act(action, by=bob, login_id=login["login_id"], **more)


def test_a_members_second_login_copies_nothing_of_the_teams(vault, act, app, canary):
    alice = another(vault, "alice")
    for _ in range(2):
        assert sign_in(act, alice)["state"] == "done"
    shown = act("show", by=alice, ref="crm")
    assert (shown["version"], shown["secrets"]) == (2, ["refresh_token", "token"])
    assert "client_id" not in shown["fields"]


@pytest.mark.parametrize("action", ["update", "rotate", "connection_set_credentials"])
def test_no_member_has_the_teams_application_handed_out(vault, act, app, provider, fields, action):
    alice = another(vault, "alice")
    sign_in(act, alice)
    where = {"app_id": "crm", "environment": "draft"} if action.startswith("connection") else {"ref": "crm"}
    changed = act(action, by=alice, fields={"exportable": True}, verify=False, **where)

    assert changed["secrets"] == ["refresh_token", "token"]
    assert "client_id" not in changed["fields"]
    used = act("resolve", by=alice, ref="crm")
    assert used["fields"]["token"] == TOKENS["access_token"]
    assert "client_secret" not in used["fields"]
    assert fields["client_secret"] not in [*used["fields"].values(), *used["environ"].values()]
    assert "refresh_token" not in used["fields"]


@pytest.mark.parametrize("action", ["update", "rotate", "connection_set_credentials"])
@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("field", ["token_url", "device_authorization_url"])
def test_no_member_has_the_teams_secret_sent_elsewhere(vault, act, app, provider, action, field, verify):
    alice = another(vault, "alice")
    sign_in(act, alice)
    where = {"app_id": "crm", "environment": "draft"} if action.startswith("connection") else {"ref": "crm"}
    with running() as elsewhere:
        elsewhere.answer = lambda path, headers, body: (200, {**TOKENS, **DEVICE})
        act(action, by=alice, fields={field: f"{elsewhere.url}/x"}, verify=verify, **where)
        assert act("resolve", by=alice, ref="crm")["fields"]["token"] == TOKENS["access_token"]
        login = begun(act, "device", by=alice)
    assert login["verification_uri"] == DEVICE["verification_uri"]
    assert elsewhere.seen == []


def test_a_team_that_changes_its_application_while_a_member_signs_in_is_noticed(vault, act, app):
    alice = another(vault, "alice")
    login = begun(act, by=alice)
    fresh = {"client_secret": "another-secret-1"}
    act("connection_set_credentials", app_id="crm", environment="draft", fields=fresh, part="app")
    ended = act("login_finish", by=alice, login_id=login["login_id"], answer="c-1")
    assert ended["error"] == "changed_meanwhile"


def test_an_application_that_the_team_lends_signs_in_and_is_not_copied(act, provider, canary):
    place = {"account": "acc-1", "oauth_issuer_type": "okta", "oauth_issuer_url": f"{provider.url}/o"}
    app = {"client_id": "app", "client_secret": canary, "oauth_scopes": ["read"], **place}
    kind = "snowflake_oauth_user_account"
    lender = act("create", name="app", kind=kind, fields=app, team=True, verify=False)
    act("create", name="flake", kind=kind, fields={"config_id": lender["id"]}, verify=False)
    provider.answer = lambda *asked: (200, TOKENS)

    login = begun(act, ref="flake")
    view = act("login_finish", login_id=login["login_id"], answer="c-1")["credential"]

    assert login["authorization_url"].startswith(f"{provider.url}/o/v1/authorize?")
    assert view["secrets"] == ["refresh_token"]
    assert canary[:24] not in json.dumps([view, act("resolve", ref="flake")])
    act("pause", ref="app")
    with pytest.raises(NotUsable):
        begun(act, ref="flake")


# ── what stays where ─────────────────────────────────────────────────────────────────────────────────────────
def test_nothing_that_opens_anything_is_in_an_answer_the_log_or_the_file(vault, act, crm, provider, canary, home):
    login = begun(act)
    said = [login, check(act, login)]
    verifier = vault.logins.waiting_for(parse_qs(query(login))["state"][0]).pending.kept["verifier"]
    said += [act("login_finish", login_id=login["login_id"], answer=query(login))]
    said += [act("audit"), act("show", ref="crm"), act("overview"), act("status")]
    stored = b"".join(path.read_bytes() for path in (home / "data").iterdir() if path.is_file())
    state = parse_qs(query(login))["state"][0]
    for secret in (canary, verifier, "c-1234567890", TOKENS["access_token"], TOKENS["refresh_token"]):
        assert secret not in json.dumps(said)
        assert secret.encode() not in stored
    assert state.encode() not in stored
    assert json.dumps(said).count(state) == 1  # in the address that the browser is sent to


def test_the_log_says_who_signed_in_and_why_it_failed(act, crm, provider):
    begun(act)
    provider.says = [refused("access_denied")]
    login = begun(act)
    act("login_finish", login_id=login["login_id"], answer="c-1")
    events = [event for event in act("audit", ref="crm")["events"] if event["action"].startswith("login.")]
    told = [(event["action"], event["outcome"], event["reason"]) for event in events]
    assert told == [
        ("login.done", "failed", "access_denied"), ("login.begin", "ok", ""), ("login.begin", "ok", ""),
    ]  # fmt: skip
