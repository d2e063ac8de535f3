"""Credentials whose secrets stay: what leaves the vault, when, and what is recorded. A real provider, a real vault."""

import json
import logging
import sqlite3
import threading
import time
import traceback
from datetime import datetime

import pytest
import requests

import credmagic
from credmagic import api
from credmagic.client.local import LocalClient
from credmagic.errors import AccessDenied, InvalidCredential, NotUsable, TokenRefused, Unreachable
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.faults import html_error
from credmagic.tokens.cache import TokenCache
from credmagic.wiring import Local

PATH = "/oauth/token"


class Opened(Local):
    """The vault of this process; its token cache has a clock that tests move."""

    passed = 0.0

    def _whole(self):
        fresh = self._vault is None
        vault = super()._whole()
        if fresh:
            vault.tokens = TokenCache(
                lambda: time.time() + self.passed, lambda: time.monotonic() + self.passed, lambda: 0.0
            )
        return vault


@pytest.fixture
def provider():
    with AuthorizationServer() as server:
        yield server


@pytest.fixture
def opened(home):
    return Opened(notify=lambda line: None)


@pytest.fixture
def client(opened, monkeypatch):
    """The client `credmagic.use` has, in the same process."""
    made = LocalClient(lambda: opened)
    monkeypatch.setattr(api, "_client", made)
    yield made
    made.close()


@pytest.fixture
def crm(client, provider, canary):
    provider.clients["app"] = Client("app", canary)
    fields = {"client_id": "app", "client_secret": canary, "token_url": provider.token_url, "scope": "read"}
    return client.call("create", name="crm", kind="oauth_client_credentials", fields=fields, verify=False)


def pass_(seconds, opened, provider):
    opened.passed += seconds
    provider.advance(seconds)


def audit(client, **more):
    return client.call("audit", limit=500, **more)["events"]


def test_a_token_leaves_and_the_secret_stays(client, crm, provider, canary):
    resolved = client.resolve("crm")
    assert canary[:24] not in json.dumps(resolved)
    assert provider.accepts(resolved["fields"]["access_token"])
    assert resolved["secret"] == ["access_token"]
    assert resolved["token"] == "access_token"
    assert resolved["environ"]["CRM_ACCESS_TOKEN"] == resolved["fields"]["access_token"]
    left = datetime.fromisoformat(resolved["expires_at"]).timestamp() - time.time()
    assert 3500 < left <= 3600


def test_the_whole_vault_and_the_light_way_share_one_token(client, crm, provider):
    first = client.resolve("crm")["fields"]["access_token"]
    assert client.resolve("crm", kind="oauth_client_credentials")["fields"]["access_token"] == first
    client.call("attach", ref="crm", object_type="kernelspec", object_id="python3")
    for _ in range(20):
        assert client.resolve("crm")["fields"]["access_token"] == first
    assert provider.asked[PATH] == 1


def test_a_loop_always_has_a_token_that_works(client, crm, provider):
    """A token lives three seconds, the loop seven; no new `use` is run (USERS #2)."""
    provider.life = 3
    cred = credmagic.use("crm")
    seen = set()
    for _ in range(8):
        assert provider.accepts(cred.token)
        assert repr(cred.token) == "[crm.access_token]"
        seen.add(str(cred.token))
        time.sleep(0.9)
    assert 3 <= len(seen) <= 4


def test_one_auth_object_renews_by_itself(client, crm, provider):
    provider.life = 3
    auth = credmagic.use("crm").auth()
    for _ in range(5):
        assert requests.get(f"{provider.url}/me", auth=auth, timeout=5).status_code == 200
        time.sleep(0.9)
    assert provider.asked[PATH] == 2


def test_a_token_that_has_time_costs_nothing_to_read(client, crm, provider):
    cred = credmagic.use("crm")
    before = len(audit(client))
    for _ in range(1000):
        assert cred.token
    assert provider.asked[PATH] == 1
    assert len(audit(client)) == before


def test_kinds_without_a_token_say_so(client, canary):
    client.call("create", name="plain", kind="basic", fields={"user": "a", "password": canary}, verify=False)
    client.call("create", name="bear", kind="bearer", fields={"token": canary}, verify=False)
    with pytest.raises(AttributeError, match="token"):
        credmagic.use("plain").token
    assert credmagic.use("bear").token == canary


def test_the_use_is_on_disk_before_anybody_is_asked(client, crm, provider, home):
    rows = []

    def look():
        with sqlite3.connect(home / "data" / "credmagic.db") as other:
            rows.append(other.execute("SELECT count(*) FROM audit WHERE action = 'use'").fetchone()[0])

    provider.faults[PATH] = look
    client.resolve("crm")
    assert rows == [1]


def test_a_refusal_names_the_credential_the_code_and_the_command_and_is_recorded(client, crm, provider, canary, caplog):
    caplog.set_level(logging.DEBUG)
    provider.clients["app"].client_secret = "changed over there"
    with pytest.raises(TokenRefused) as caught:
        client.resolve("crm")
    error = caught.value
    assert '"crm"' in error.message
    assert "invalid_client" in error.message
    assert error.next_step == "Give it the right secret: %cred rotate crm --secret client_secret=prompt"
    event = audit(client, ref="crm")[0]
    assert (event["action"], event["outcome"], event["reason"]) == ("token", "refused", "invalid_client")
    told = "".join(traceback.format_exception(error)) + json.dumps(audit(client)) + caplog.text
    assert canary not in told


def test_a_kind_that_needs_a_sign_in_that_nothing_asks_for_says_so(client):
    client.call("create", name="me", kind="oauth_direct_access", fields={}, verify=False)
    with pytest.raises(TokenRefused, match='"me" got no token: no connection says') as caught:
        client.resolve("me")
    assert caught.value.next_step == "Say it: %cred connection add --app-id me"
    assert audit(client, ref="me")[0]["reason"] == "no_provider"


def test_where_nothing_is_installed_that_fetches_its_tokens_the_way_on_is_said(client):
    fields = {"authentication_id": "a-1", "provider_url": "https://example.org"}
    client.call("create", name="ours", kind="external_oauth_provider", fields=fields, verify=False)
    with pytest.raises(TokenRefused, match='"ours" got no token by provider: nothing that is installed') as caught:
        client.resolve("ours")
    assert "%cred edit ours" in caught.value.next_step
    client.call("update", ref="ours", fields={"provider_url": None}, verify=False)
    assert client.resolve("ours")["fields"]["authentication_id"] == "a-1"


@pytest.mark.parametrize("fault", ["html", "closed"])
def test_a_provider_that_is_away_is_recorded_and_said(client, crm, provider, fault):
    if fault == "html":
        provider.faults[PATH] = html_error()
    else:
        provider.__exit__()
    with pytest.raises(Unreachable, match="crm"):
        client.resolve("crm")
    assert audit(client, ref="crm")[0]["outcome"] == "unreachable"


def test_a_refused_provider_is_not_asked_again_and_again(client, crm, provider):
    provider.clients["app"].client_secret = "changed"
    for _ in range(5):
        with pytest.raises(TokenRefused):
            client.resolve("crm")
    assert provider.asked[PATH] == 1
    assert [event["outcome"] for event in audit(client, ref="crm") if event["action"] == "token"] == ["refused"] * 5


def test_a_rotated_secret_is_used_at_once(client, crm, provider):
    before = client.resolve("crm")["fields"]["access_token"]
    provider.clients["app"].client_secret = "a-new-one-1234"
    client.call("rotate", ref="crm", fields={"client_secret": "a-new-one-1234"}, verify=False)
    after = client.resolve("crm")
    assert after["fields"]["access_token"] != before
    assert after["version"] == 2
    assert provider.asked[PATH] == 2


def test_what_is_paused_or_deleted_has_no_token_any_more(client, crm, opened, provider):
    client.resolve("crm")
    assert len(opened._whole().tokens) == 1
    client.call("pause", ref="crm")
    assert len(opened._whole().tokens) == 0
    with pytest.raises(NotUsable):
        client.resolve("crm")
    client.call("resume", ref="crm")
    client.resolve("crm")
    assert provider.asked[PATH] == 2
    client.call("delete", ref="crm")
    assert len(opened._whole().tokens) == 0


def test_fifty_threads_at_the_moment_of_expiry_ask_once(client, crm, opened, provider):
    client.resolve("crm")
    pass_(3600, opened, provider)
    gate, tokens = threading.Barrier(50), []

    def use():
        gate.wait()
        tokens.append(client.resolve("crm")["fields"]["access_token"])

    threads = [threading.Thread(target=use) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(tokens) == 50
    assert len(set(tokens)) == 1
    assert provider.asked[PATH] == 2


def test_tokens_are_nowhere_on_disk(client, crm, home):
    token = client.resolve("crm")["fields"]["access_token"].encode()
    assert all(token not in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_who_borrows_a_secret_cannot_let_it_out(client, provider, canary):
    provider.clients["app"] = Client("app", canary, scopes=frozenset({"all-apis"}))
    kind = "databricks_service_principal_account"
    own = {"client_id": "app", "client_secret": canary, "host": provider.url}
    shared = client.call("create", name="shared", kind=kind, team=True, verify=False, fields=own)
    fields = {"config_id": shared["id"], "host": provider.url, "exportable": True}
    client.call("create", name="mine", kind=kind, fields=fields, verify=False)
    assert canary not in client.resolve("mine")["fields"].values()


def test_a_team_lends_its_secret_and_nobody_sees_it(client, provider, canary):
    provider.clients["app"] = Client("app", canary, scopes=frozenset({"all-apis"}))
    kind = "databricks_service_principal_account"
    shared = client.call(
        "create", name="shared", kind=kind, team=True, verify=False,
        fields={"client_id": "app", "client_secret": canary, "host": provider.url},
    )  # fmt: skip
    fields = {"config_id": shared["id"], "host": provider.url}
    client.call("create", name="mine", kind=kind, fields=fields, verify=False)
    resolved = client.resolve("mine")
    assert canary[:24] not in json.dumps(resolved)
    assert provider.accepts(resolved["fields"][resolved["token"]])
    assert any(event["reason"] == "lent" for event in audit(client, ref="shared"))
    client.call("pause", ref="shared")
    with pytest.raises((NotUsable, AccessDenied)):
        client.resolve("mine")
    client.call("delete", ref="shared", force=True)
    with pytest.raises(InvalidCredential, match="mine"):
        client.resolve("mine")


def test_the_save_guard_knows_tokens_and_stored_secrets(client, crm, opened, canary):
    token = client.resolve("crm")["fields"]["access_token"]
    guarded = {mask: value for mask, value, _ in opened._whole().guarded_values()}
    assert guarded["[crm.client_secret]"] == canary
    assert guarded["[crm.token]"] == token


def test_exported_variables_say_when_the_token_in_them_ends(client, crm, canary):
    from credmagic.magics.renewing import note

    cred = credmagic.use("crm")
    ends = datetime.fromisoformat(cred.expires_at).astimezone()
    assert f" (the token ends {ends:%Y-%m-%d %H:%M}; " in note(cred)
    plain = {"name": "plain", "kind": "basic", "fields": {"user": "a", "password": canary}}
    client.call("create", expires_at="2090-01-01", verify=False, **plain)
    assert note(credmagic.use("plain")) == ""
