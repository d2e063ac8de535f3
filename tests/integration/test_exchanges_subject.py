"""For whom a token is: members sign in at a real identity provider, and each gets tokens of its own for a service."""

import json
import threading
import time

import httpx2
import pytest

from credmagic.errors import (
    Conflict,
    CredentialNotFound,
    InvalidCredential,
    NotUsable,
    TokenRefused,
    Unreachable,
    VerificationFailed,
)
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.oidc_provider import OidcProvider
from credmagic.testing.subject_grants import EXCHANGE, Person
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.vault.logins import came_back
from credmagic.wiring import open_vault
from vault_principals import another

REDIRECT = "http://127.0.0.1:9/callback"
OWNER = Caller("kernel", kernel_id="k1")
PATH, PROVIDER_PATH = "/oauth/token", "/t/oauth2/v2.0/token"


@pytest.fixture(scope="module")
def idp():
    with OidcProvider() as running:
        yield running


@pytest.fixture
def service(idp):
    """Gives tokens to whoever is signed in at the identity provider, and knows who that is."""
    with AuthorizationServer() as running:

        def elsewhere(token):
            known = token in running.issued or idp.accepts(token)
            return Person("ada", "idp-app", running.now() + 60) if known else None

        running.subjects.elsewhere = elsewhere
        yield running


@pytest.fixture
def vault(home):
    opened = open_vault(notify=lambda line: None)
    yield opened
    opened.close()


@pytest.fixture
def act(vault):
    def run(action, by=OWNER, **params):
        return dispatch(vault, by, action, params)

    return run


@pytest.fixture
def app(act, idp, service, canary):
    """`app(kind)`: a connection of that kind, its identity provider, and the team's application."""

    def make(kind="oauth_token_exchange", provider=None, fields=None, **settings):
        act("connection_add", app_id="crm")
        act("connection_configure", app_id="crm", environment="draft", kind=kind, sharing="member", settings=settings)
        places = {
            "idp_url": idp.token_url, "client_id": "notebook", "client_secret": idp.clients["notebook"]["client_secret"],
            "scope": "openid offline_access", "grant_type": EXCHANGE,
            "authorization_url": f"{idp.authorization_url}?prompt=consent",
            "device_authorization_url": idp.device_authorization_url,
        }  # fmt: skip
        act(
            "connection_set_identity_provider", app_id="crm", environment="draft", fields={**places, **(provider or {})}
        )
        if kind != "oauth_direct_access":
            service.clients["app"] = Client("app", canary)
            client = {
                "client_id": "app", "client_secret": canary, "token_url": service.token_url, "grant_type": EXCHANGE,
            }  # fmt: skip
            act(
                "connection_set_credentials", app_id="crm", environment="draft", part="app",
                fields={**client, **(fields or {})},
            )  # fmt: skip

    return make


@pytest.fixture
def sign_in(act, idp, vault):
    """`sign_in(by, user)`: somebody signs in in a browser; how it ended."""

    def signs_in(by=OWNER, user="ada"):
        login = act("login_begin", by=by, ref="crm", idp=True, redirect_uri=REDIRECT)
        came_back(vault, idp.sign_in(login["authorization_url"], user=user).partition("?")[2])
        return act("login_check", by=by, login_id=login["login_id"])

    return signs_in


def token(resolved):
    return resolved["fields"][resolved["token"]]


def refused(act, by=OWNER, error=TokenRefused):
    with pytest.raises(error) as caught:
        act("resolve", by=by, ref="crm")
    return caught.value


# ── from nothing to a token ──────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", ["oauth_token_exchange", "oauth_direct_access"])
def test_before_somebody_signed_in_the_command_that_does_it_is_named(app, act, kind):
    app(kind)
    assert refused(act).next_step == "Sign in: %cred login crm --idp"


def test_after_a_sign_in_the_service_s_token_is_for_the_one_who_signed_in(app, act, sign_in, service):
    app()
    assert sign_in()["state"] == "done"
    used = act("resolve", ref="crm")
    assert service.accepts(token(used))
    assert used["environ"]["CRM_ACCESS_TOKEN"] == token(used)
    assert used["secret"] == ["access_token"]
    assert service.forms[-1]["subject_token"] == act("resolve", ref="crm-idp")["fields"]["token"]


def test_a_direct_token_is_the_sign_in_s_own(app, act, sign_in, idp):
    app("oauth_direct_access")
    sign_in()
    used = act("resolve", ref="crm")
    assert idp.accepts(token(used))
    assert token(used) == act("resolve", ref="crm-idp")["fields"]["token"]


@pytest.fixture
def behalf(app, act, vault, service, canary):
    """A connection whose identity provider is the tests' own server, and somebody who signed in there."""
    service.clients["idp-app"] = Client("idp-app", f"idp-{canary}", scopes=frozenset({"api/read", "read"}))
    provider = {
        "idp_url": f"{service.url}{PROVIDER_PATH}", "client_id": "idp-app", "client_secret": f"idp-{canary}",
        "authorization_url": service.authorization_url, "scope": "api/read", "sign_in_scope": "read",
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
    }  # fmt: skip
    idp_config = {"body": {"requested_token_use": "on_behalf_of"}, "header": {"X-Tenant": "7"}}
    app("oauth_on_behalf_of", provider, idp_config=idp_config)
    login = act("login_begin", ref="crm", idp=True, redirect_uri=REDIRECT)
    back = httpx2.get(login["authorization_url"], trust_env=False).headers["Location"]
    came_back(vault, back.partition("?")[2])
    assert act("login_check", login_id=login["login_id"])["state"] == "done"


def test_on_behalf_of_asks_the_identity_provider_first(behalf, act, service):
    used = act("resolve", ref="crm")
    assert service.accepts(token(used))
    refresh, first, second = service.forms[-3:]
    assert (refresh["grant_type"], first["requested_token_use"]) == ("refresh_token", "on_behalf_of")
    assert service.subjects.people[second["subject_token"]].audience == "api"
    assert service.subjects.user(token(used)) == "ada"


# ── whose token it is ────────────────────────────────────────────────────────────────────────────────────────
def test_each_member_has_tokens_of_its_own(app, act, sign_in, service, vault):
    app()
    bob = another(vault, "bob")
    sign_in(OWNER, "ada")
    sign_in(bob, "bob")
    mine, his = act("resolve", ref="crm"), act("resolve", by=bob, ref="crm")
    assert token(mine) != token(his)
    assert mine["id"] != his["id"]
    subjects = [form["subject_token"] for form in service.forms]
    assert subjects[0] == act("resolve", ref="crm-idp")["fields"]["token"]
    assert subjects[1] == act("resolve", by=bob, ref="crm-idp")["fields"]["token"]
    assert token(act("resolve", ref="crm")) == token(mine)
    assert service.asked[PATH] == 2


def test_who_has_not_signed_in_gets_nothing_of_who_has(app, act, sign_in, service, vault):
    app()
    mine = sign_in()["credential"]
    act("resolve", ref="crm")
    for by in (another(vault, "bob"), another(vault, "robot", "Admin")):
        assert refused(act, by).details["error"] == "no_subject"
        for ref in ("crm-idp", mine["id"]):
            with pytest.raises(CredentialNotFound):
                act("resolve", by=by, ref=ref)
    assert service.asked[PATH] == 1


def test_another_sign_in_takes_the_place_of_the_first(app, act, sign_in, service):
    app()
    sign_in(user="ada")
    before = token(act("resolve", ref="crm"))
    assert sign_in(user="eve")["state"] == "done"
    assert token(act("resolve", ref="crm")) != before
    assert service.asked[PATH] == 2


# ── how long ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_sign_in_is_renewed_when_a_new_token_is_needed(app, act, sign_in, service, idp, vault):
    app()
    service.life = 1
    sign_in()
    for n in (1, 2):
        assert service.asked[PATH] == n - 1
        assert token(act("resolve", ref="crm"))
        vault.tokens.drop(bytes.fromhex(act("show", ref="crm")["id"]))
        vault.tokens.drop(bytes.fromhex(act("show", ref="crm-idp")["id"]))
    used = [form["subject_token"] for form in service.forms]
    assert len(set(used)) == 2
    assert act("show", ref="crm-idp")["version"] == 3  # its refresh token is rotated: stored before it is used


def test_of_many_that_ask_at_once_one_asks_at_each_step(behalf, act, service):
    gate, got = threading.Barrier(20), []

    def use():
        gate.wait()
        got.append(token(act("resolve", ref="crm")))

    before = len(service.forms)
    threads = [threading.Thread(target=use) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 20
    assert len(set(got)) == 1
    steps = [form.get("requested_token_use", form["grant_type"]) for form in service.forms[before:]]
    assert steps == ["refresh_token", "on_behalf_of", EXCHANGE]


@pytest.mark.parametrize(("action", "error"), [("pause", NotUsable), ("delete", TokenRefused)])
def test_what_a_sign_in_gave_ends_with_it(app, act, sign_in, action, error):
    app()
    sign_in()
    act("resolve", ref="crm")
    act(action, ref="crm-idp")
    refused(act, error=error)


def test_a_sign_in_that_is_over_is_asked_for_again(behalf, act, service):
    for family in service.families:
        family.revoked = True
    error = refused(act)
    assert error.message == '"crm" got no token for its sign-in: it said invalid_grant'
    assert error.next_step == "Sign in: %cred login crm --idp"


@pytest.mark.parametrize(
    "change", [{"idp_url": "https://other.example/token"}, {"client_id": "another"}], ids=["provider", "application"]
)
def test_a_sign_in_is_good_at_its_own_provider_only(app, act, sign_in, service, change):
    app()
    sign_in()
    act("resolve", ref="crm")
    act("connection_set_identity_provider", app_id="crm", environment="draft", fields=change)
    assert refused(act).details["error"] == "no_subject"
    assert service.asked[PATH] == 1


# ── what stays ───────────────────────────────────────────────────────────────────────────────────────────────
def test_nothing_of_the_application_is_in_what_a_member_has(app, act, sign_in, vault, idp):
    app()
    sign_in()
    idp_secret = idp.clients["notebook"]["client_secret"]
    with pytest.raises(InvalidCredential, match="not edited"):
        act("update", ref="crm-idp", fields={"exportable": True}, verify=False)
    with pytest.raises(InvalidCredential, match="not edited"):
        act("rotate", ref="crm-idp", fields={"refresh_token": "mine-0123456789"}, verify=False)
    said = [act("resolve", ref="crm-idp"), act("show", ref="crm-idp"), act("connection", app_id="crm")]
    assert idp_secret not in json.dumps(said)
    assert "client_secret" not in act("show", ref="crm-idp")["secrets"]
    held = [values for _, values, _ in vault.guarded_values()]
    assert idp_secret not in held  # it is in no version of anybody's


def test_no_token_and_no_secret_is_in_the_log_or_in_a_refusal(behalf, act, service, canary):
    used = act("resolve", ref="crm")
    service.clients["app"].client_secret = "changed over there"
    act("verify", ref="crm-idp")
    told = [json.dumps(act("audit", limit=500)), str(refused_after_change(act))]
    secrets = [canary, token(used), *service.subjects.people, *service.issued]
    assert [secret for secret in secrets for text in told if str.__str__(secret) in text] == []


def refused_after_change(act):
    act("connection_set_credentials", app_id="crm", environment="draft", part="app", fields={"scope": "read"})
    act("pause", ref="crm")
    act("resume", ref="crm")
    return refused(act)


# ── what goes wrong, and what is said ────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("who", "said", "command"),
    [
        ("idp-app", "from the identity provider", "set-identity-provider"),
        ("app", "from the service", "set-credentials --app-id crm --env draft --part app --client-secret prompt"),
    ],
)
def test_a_refusal_names_credential_step_code_and_command(behalf, act, service, who, said, command):
    act("resolve", ref="crm-idp")  # the sign-in itself is fine
    service.clients[who].client_secret = "changed over there"
    error = refused(act)
    assert error.message == f'"crm" got no token {said}: it said invalid_client'
    assert f"%cred connection {command}" in error.next_step
    event = next(e for e in act("audit", ref="crm")["events"] if e["action"] == "token")
    assert (event["outcome"], event["reason"]) == ("refused", "invalid_client")


def test_a_subject_that_the_service_refuses_leads_to_another_sign_in(behalf, act, service):
    act("resolve", ref="crm-idp")
    service.subjects.without_consent.add("ada")
    assert refused(act).next_step == "Sign in: %cred login crm --idp"


def test_a_service_that_is_away_is_named(behalf, act, service):
    act("resolve", ref="crm-idp")
    act(
        "connection_set_credentials", app_id="crm", environment="draft", part="app",
        fields={"token_url": "http://127.0.0.1:9/token"},
    )  # fmt: skip
    assert "from the service" in refused(act, error=Unreachable).message


def test_a_connection_that_does_not_say_where_to_sign_in_says_how_to(app, act):
    command = "%cred connection set-identity-provider --app-id crm --env draft --authorization-url URL"
    app(provider={"authorization_url": None, "device_authorization_url": None})
    with pytest.raises(InvalidCredential) as caught:
        act("login_begin", ref="crm", idp=True, redirect_uri=REDIRECT)
    assert caught.value.next_step.startswith(command)


def test_a_name_that_is_taken_is_said_before_anybody_signs_in(app, act):
    app()
    act("create", name="crm-idp", kind="bearer", fields={"token": "t-123456789"}, environment="draft", verify=False)
    with pytest.raises(Conflict, match="crm-idp"):
        act("login_begin", ref="crm", idp=True, redirect_uri=REDIRECT)


def test_a_credential_of_no_connection_says_what_is_missing(act):
    act("create", name="me", kind="oauth_direct_access", fields={}, verify=False)
    with pytest.raises(TokenRefused) as caught:
        act("resolve", ref="me")
    assert caught.value.next_step == "Say it: %cred connection add --app-id me"


# ── the rest of its life ─────────────────────────────────────────────────────────────────────────────────────
def test_a_device_signs_in_too(app, act, idp, vault):
    app()
    login = act("login_begin", ref="crm", idp=True, how="device")
    later = time.monotonic() + login["interval"]
    vault.logins.ticks = lambda: later
    idp.sign_in(login["verification_uri_complete"])
    assert act("login_check", login_id=login["login_id"])["state"] == "done"
    assert token(act("resolve", ref="crm"))


def test_a_failed_sign_in_names_the_command_with_its_switch(app, act, idp, vault):
    app()
    login = act("login_begin", ref="crm", idp=True, redirect_uri=REDIRECT)
    came_back(vault, idp.sign_in(login["authorization_url"], deny=True).partition("?")[2])
    ended = act("login_check", login_id=login["login_id"])
    assert (ended["error"], ended["next_step"]) == ("access_denied", "Try again: %cred login crm --idp")


def test_to_sign_in_again_the_name_of_the_sign_in_will_do(app, act, sign_in):
    app()
    sign_in()
    assert act("login_begin", ref="crm-idp", redirect_uri=REDIRECT)["name"] == "crm"


def test_verify_asks_with_the_sign_in_of_who_asks(app, act, sign_in, service):
    app()
    sign_in()
    assert act("verify", ref="crm")["outcome"] == "ok"
    service.clients["app"].client_secret = "changed over there"
    with pytest.raises(VerificationFailed, match="invalid_client"):
        act("verify", ref="crm")
    act("delete", ref="crm-idp")
    assert act("verify", ref="crm")["outcome"] == "unverifiable"


def test_with_the_connection_go_the_sign_ins(app, act, sign_in, vault):
    app()
    sign_in()
    sign_in(another(vault, "bob"), "bob")
    gone = act("connection_remove", app_id="crm")["removed"]
    assert gone["credentials"] == 5  # the team's part, two of the members, two sign-ins
    assert act("list", count=True)["total"] == 0


def test_entered_is_what_needs_nothing_but_a_sign_in(app, act, vault):
    app()
    (configuration,) = act("connection", app_id="crm", by=another(vault, "bob"))["configurations"]
    assert configuration["credentials_entered"]


def test_a_connection_elsewhere_is_signed_in_for_there(app, act, monkeypatch):
    app()
    monkeypatch.setenv("CREDMAGIC_ENVIRONMENT", "live")
    with pytest.raises(TokenRefused) as caught:
        act("resolve", ref="crm", environment="draft")
    assert caught.value.next_step == "Sign in: %cred login crm --idp --env draft"


def test_who_signs_in_first_gets_tokens_once_the_application_is_there(app, act, sign_in, service):
    app()
    act("connection_drop_credentials", app_id="crm", environment="draft", part="app")
    sign_in()
    assert refused(act, error=NotUsable).code == "incomplete"
    client = {"client_id": "app", "token_url": service.token_url, "grant_type": EXCHANGE}
    secret = service.clients["app"].client_secret
    act(
        "connection_set_credentials",
        app_id="crm",
        environment="draft",
        part="app",
        fields={**client, "client_secret": secret},
    )
    assert service.accepts(token(act("resolve", ref="crm")))


def test_another_kind_of_connection_ends_every_sign_in(app, act, sign_in):
    app("oauth_direct_access")
    sign_in()
    act("connection_configure", app_id="crm", environment="draft", kind="oauth_token_exchange", sharing="member")
    assert refused(act).details["error"] == "no_subject"
    assert act("list", count=True)["total"] == 0


def test_a_member_s_part_that_was_written_before_keeps_its_values(app, act, sign_in, service, canary):
    """As the Orchestrate CLI does it: the same for the application and for the member."""
    app()
    fields = {"client_id": "app", "client_secret": canary, "token_url": service.token_url, "grant_type": EXCHANGE}
    written = act("connection_set_credentials", app_id="crm", environment="draft", part="runtime", fields=fields)
    assert refused(act).next_step == "Sign in: %cred login crm --idp"
    sign_in()
    used = act("resolve", ref="crm")
    assert service.accepts(token(used))
    assert used["id"] == written["id"]
    assert used["version"] == 1
