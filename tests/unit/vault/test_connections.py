"""Who gets which credential of a connection, and what may a connection be?"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from credmagic.errors import (
    AccessDenied,
    Conflict,
    CredentialInUse,
    CredentialNotFound,
    CredmagicError,
    InvalidCredential,
    NotUsable,
    SealBroken,
    UnknownKind,
)
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.vault.vault import Vault
from vault_principals import another

LOGIN = {"username": "svc", "password": "team-pass-1234"}
CLIENT = {"client_id": "app-1", "client_secret": "cs-1234567", "token_url": "https://idp.example/token"}


@pytest.fixture
def app(act):
    """`app(kind, sharing)`: the connection `my-app`, configured in draft."""

    def make(kind: str = "basic", sharing: str = "team", environment: str = "draft", **settings):
        if not any(one["app_id"] == "my-app" for one in act("connections")["connections"]):
            act("connection_add", app_id="my-app")
        return act(
            "connection_configure", app_id="my-app", environment=environment, kind=kind, sharing=sharing,
            settings=settings,
        )  # fmt: skip

    return make


def fill(act, fields=LOGIN, environment="draft", **more):
    return act("connection_set_credentials", app_id="my-app", environment=environment, fields=fields, **more)


def entered(act, environment="draft", **who) -> bool:
    shown = act("connection", app_id="my-app", environment=environment, **who)["configurations"]
    return shown[0]["credentials_entered"]


# ── sharing ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_team_credential_serves_every_member(vault: Vault, act, app) -> None:
    app()
    assert fill(act)["owner"] == "team"

    for who in (another(vault, "alice"), another(vault, "bot", "Contributor", "machine"), None):
        by = {"by": who} if who else {}
        assert act("resolve", ref="my-app", environment="draft", **by)["fields"]["password"] == LOGIN["password"]
        assert entered(act, **by)


def test_member_credentials_never_reach_another_owner(vault: Vault, act, app, canary: str) -> None:
    app(sharing="member")
    alice, bob = another(vault, "alice"), another(vault, "bob", "Admin", "machine")
    mine = fill(act, {"username": "alice", "password": canary}, by=alice)

    assert act("resolve", ref="my-app", environment="draft", by=alice)["fields"]["password"] == canary
    for ref in ("my-app", mine["id"]):
        for who in ({"by": bob}, {}):
            with pytest.raises(CredentialNotFound) as refused:
                act("resolve", ref=ref, environment="draft", **who)
            assert canary not in str(refused.value)
    for ref, who in (("my-app", {"by": bob}), ("my-app", {}), (mine["id"], {})):
        with pytest.raises(CredentialNotFound):
            act("show", ref=ref, environment="draft", **who)
    assert [one["name"] for one in act("list", by=bob)["credentials"]] == [mine["id"]]
    assert act("list")["credentials"] == []
    assert not entered(act, by=bob)
    assert entered(act, by=alice)

    fill(act, {"username": "bob", "password": "bobs-own-pass"}, by=bob)

    assert act("resolve", ref="my-app", environment="draft", by=bob)["fields"]["user"] == "bob"
    assert act("resolve", ref="my-app", environment="draft", by=alice)["fields"]["user"] == "alice"


def test_a_team_credential_does_not_stand_in_for_a_members_own(vault: Vault, act, app) -> None:
    """Also not by its id, and `why` says so."""
    app(sharing="member")
    team = act("create", name="my-app", kind="basic", fields=LOGIN, environment="draft", team=True, verify=False)

    with pytest.raises(CredentialNotFound):
        act("resolve", ref="my-app", environment="draft")
    with pytest.raises(AccessDenied):
        act("resolve", ref=team["id"])
    why = act("why", ref="my-app", environment="draft")
    assert why["winner"] is None
    assert "each member" in why["steps"][1]["note"]


def test_the_name_of_another_owner_is_not_suggested(vault: Vault, act) -> None:
    act("create", name="warehouse-private", kind="basic", fields=LOGIN, verify=False)

    with pytest.raises(CredentialNotFound) as refused:
        act("resolve", ref="warehouse-privat", by=another(vault, "alice"))

    assert "warehouse-private" not in str(refused.value)


def test_a_forged_configuration_hands_out_nothing(vault: Vault, act, app, home: Path) -> None:
    app(sharing="member")
    act("create", name="my-app", kind="basic", fields=LOGIN, environment="draft", team=True, verify=False)
    with sqlite3.connect(home / "data" / "credmagic.db") as raw:
        raw.execute("UPDATE configurations SET sharing = 'team'")
    raw.close()

    with pytest.raises(SealBroken):
        act("resolve", ref="my-app", environment="draft")


@pytest.mark.parametrize("role", ["member", "Contributor"])
def test_roles_without_the_right_change_nothing_of_the_team(vault: Vault, act, app, role: str) -> None:
    app()
    fill(act)
    who = another(vault, "eve", role)
    before = act("show", ref="my-app", environment="draft")

    tries = [
        ("connection_add", {"app_id": "other"}),
        ("connection_configure", {"app_id": "my-app", "environment": "draft", "kind": "bearer"}),
        ("connection_remove", {"app_id": "my-app"}),
        ("connection_import", {"text": "kind: connection\napp_id: x\nenvironments: {}\n"}),
        ("connection_set_credentials", {"app_id": "my-app", "environment": "draft", "fields": {"password": "x" * 9}}),
        ("connection_drop_credentials", {"app_id": "my-app", "environment": "draft"}),
        ("machine_add", {"password": "long-enough-1"}),
        ("create", {"name": "t", "kind": "basic", "fields": LOGIN, "team": True, "verify": False}),
        ("rotate", {"ref": "my-app", "environment": "draft", "fields": {"password": "x" * 9}, "verify": False}),
        ("delete", {"ref": "my-app", "environment": "draft"}),
        ("guard", {"ref": "my-app", "environment": "draft", "on": True}),
    ]
    for action, params in tries:
        with pytest.raises(AccessDenied):
            act(action, by=who, **params)

    assert act("show", ref="my-app", environment="draft") == before
    assert [one["app_id"] for one in act("connections")["connections"]] == ["my-app"]


def test_an_admin_machine_manages_connections(vault: Vault, act) -> None:
    admin = another(vault, "boss", "Admin", "machine")

    act("connection_add", app_id="my-app", by=admin)
    act("connection_configure", app_id="my-app", environment="draft", kind="basic", sharing="team", by=admin)
    fill(act, by=admin)

    assert act("resolve", ref="my-app", environment="draft")["fields"]["user"] == "svc"


# ── configuring ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("kind", "sharing", "sso", "field"),
    [
        ("key_value", "member", None, "type"),
        ("oauth_auth_jwt_bearer_flow", "member", None, "type"),
        ("oauth_auth_on_behalf_of_flow", "team", None, "type"),
        ("oauth_auth_token_exchange_flow", "member", False, "sso"),
        ("basic", "team", True, "sso"),
        ("basic", "everyone", None, "type"),
    ],
)
def test_kinds_decide_about_sharing_and_sso(act, kind, sharing, sso, field) -> None:
    act("connection_add", app_id="my-app")

    with pytest.raises(InvalidCredential) as refused:
        act("connection_configure", app_id="my-app", environment="draft", kind=kind, sharing=sharing, sso=sso)

    assert field in refused.value.errors
    assert refused.value.next_step
    assert act("connection", app_id="my-app")["configurations"] == []


def test_environments_are_separate(act, app) -> None:
    app(server_url="https://draft.example")
    fill(act)
    app("bearer", environment="live", server_url="https://live.example")

    assert entered(act)
    assert not entered(act, "live")
    with pytest.raises(CredentialNotFound):
        act("resolve", ref="my-app", environment="live")
    assert act("connection", app_id="my-app", environment="draft")["configurations"][0]["kind"] == "basic"


@pytest.mark.parametrize("change", [{"kind": "bearer"}, {"sharing": "member"}])
def test_another_kind_or_type_drops_the_credentials_there_only(act, app, change) -> None:
    app()
    app(environment="live")
    fill(act)
    fill(act, environment="live")

    act("connection_configure", app_id="my-app", environment="draft", **change)

    assert not entered(act)
    assert entered(act, "live")
    assert act("list", environment="draft")["credentials"] == []


def test_the_same_kind_again_keeps_the_credential(act, app) -> None:
    app()
    fill(act)
    made = act(
        "connection_configure", app_id="my-app", environment="draft", settings={"server_url": "https://n.example"}
    )

    assert made["credentials_entered"]
    assert (made["kind"], made["sharing"], made["server_url"]) == ("basic", "team", "https://n.example")


def test_what_is_attached_is_not_dropped(act, app) -> None:
    app()
    fill(act)
    act("attach", ref="my-app", environment="draft", object_type="job", object_id="nightly")

    for action, params in (
        ("connection_configure", {"environment": "draft", "kind": "bearer"}),
        ("connection_remove", {}),
        ("connection_drop_credentials", {"environment": "draft"}),
    ):
        with pytest.raises(CredentialInUse):
            act(action, app_id="my-app", **params)
    assert entered(act)
    assert act("connection", app_id="my-app")["configurations"][0]["kind"] == "basic"

    act("connection_remove", app_id="my-app", force=True)

    assert act("connections")["connections"] == []
    assert act("list")["credentials"] == []


@pytest.mark.parametrize(
    ("app_id", "error"),
    [("a/b", InvalidCredential), ("", InvalidCredential), ("ümlaut", InvalidCredential), ("x" * 129, InvalidCredential),
     ("...", InvalidCredential), ("runtime_credentials", InvalidCredential), ("custom_x", InvalidCredential), ("CUSTOM-x", InvalidCredential),
     ("my.app", InvalidCredential), ("MY_APP", InvalidCredential), ("my-app", Conflict)],
)  # fmt: skip
def test_names_that_cannot_be_told_apart_are_refused(act, app_id, error) -> None:
    act("connection_add", app_id="my-app")

    with pytest.raises(error) as refused:
        act("connection_add", app_id=app_id)

    assert refused.value.next_step
    assert len(act("connections")["connections"]) == 1
    if app_id == "my.app":
        assert "my-app" in refused.value.errors["app_id"]


@pytest.mark.parametrize(
    ("action", "params", "error"),
    [
        ("connection", {"app_id": "my-ap"}, CredentialNotFound),
        ("connection_remove", {"app_id": "my-ap"}, CredentialNotFound),
        ("connection_configure", {"app_id": "my-app", "environment": "live"}, InvalidCredential),
        ("connection_configure", {"app_id": "my-app", "environment": "", "kind": "basic"}, InvalidCredential),
        ("connection_configure", {"app_id": "my-app", "environment": "draft", "kind": "basik"}, UnknownKind),
        ("connection_configure",
         {"app_id": "my-app", "environment": "draft", "settings": {"server_url": "https://u:p@h"}}, InvalidCredential),
        ("connection_configure", {"app_id": "my-app", "environment": "draft", "settings": {"colour": "x"}},
         InvalidCredential),
        ("connection_set_credentials", {"app_id": "my-app", "environment": "live", "fields": {}}, CredentialNotFound),
        ("connection_set_credentials", {"app_id": "my-app", "environment": "draft", "fields": {"pasword": "x"}},
         InvalidCredential),
        ("connection_set_credentials", {"app_id": "my-app", "environment": "draft", "fields": {}, "part": "all"},
         InvalidCredential),
        ("connection_set_identity_provider", {"app_id": "my-app", "environment": "draft", "fields": {}},
         InvalidCredential),
    ],
)  # fmt: skip
def test_bad_input_is_a_typed_refusal_that_changes_nothing(act, app, action, params, error) -> None:
    app()
    before = act("connections"), act("list")

    with pytest.raises(error) as refused:
        act(action, **params)

    assert isinstance(refused.value, CredmagicError)
    assert refused.value.errors or refused.value.next_step
    assert (act("connections"), act("list")) == before


# ── credentials in two parts ─────────────────────────────────────────────────────────────────────────────────
def test_two_writes_merge_and_the_first_does_not_resolve(act, app) -> None:
    app()
    first = fill(act, {"username": "svc"})
    assert (first["status"], first["credentials_entered"]) == ("incomplete", False)
    with pytest.raises(NotUsable) as refused:
        act("resolve", ref="my-app", environment="draft")
    assert refused.value.code == "incomplete"

    second = fill(act, {"password": LOGIN["password"]})

    assert second["credentials_entered"]
    assert second["version"] == 2
    fields = act("resolve", ref="my-app", environment="draft")["fields"]
    assert (fields["user"], fields["password"]) == ("svc", LOGIN["password"])


def test_pairs_merge_by_key(act, app) -> None:
    app("kv")
    fill(act, {"A": "1234", "B-x": "2345"})
    fill(act, {"B-x": "3456"})

    assert act("resolve", ref="my-app", environment="draft")["fields"] == {"A": "1234", "B-x": "3456"}


def test_a_key_is_sent_in_the_header_that_its_connection_names(act, app, canary: str) -> None:
    def header():
        return act("show", ref="my-app", environment="draft")["fields"].get("header")

    app("api_key", name="X-Key")
    fill(act, {"api_key": canary})
    headers = [header()]
    for name in ("X-Other", None):
        app("api_key", name=name)
        headers.append(header())

    assert headers == ["X-Key", "X-Other", None]
    assert act("resolve", ref="my-app", environment="draft")["fields"]["api_key"] == canary


def test_a_header_of_ones_own_stays_whatever_the_connection_names(act, app) -> None:
    app("api_key", name="X-Key")
    fill(act, {"api_key": "key-123456", "header": "X-Mine"})

    app("api_key", name="X-Other")

    assert act("show", ref="my-app", environment="draft")["fields"]["header"] == "X-Mine"


def test_a_header_that_is_none_is_no_setting(act, app) -> None:
    with pytest.raises(InvalidCredential) as refused:
        app("api_key", name="my key")

    assert refused.value.errors == {"name": "must be the name of a header, e.g. X-Key"}


def test_a_paused_credential_stays_paused(act, app) -> None:
    app()
    fill(act)
    act("pause", ref="my-app", environment="draft")

    assert fill(act, {"password": "another-pass"})["status"] == "paused"


def test_a_member_leans_on_the_teams_application(vault: Vault, act, app) -> None:
    app("oauth_auth_password_flow", "member")
    alice = another(vault, "alice")
    mine = fill(act, {"username": "alice", "password": "alices-pass"}, by=alice)
    assert mine["status"] == "incomplete"

    team = fill(act, CLIENT, part="app")

    assert (team["owner"], team["status"]) == ("team", "incomplete")
    assert act("show", ref="my-app", environment="draft", by=alice)["status"] == "active"
    assert entered(act, by=alice)
    assert not entered(act)
    shown = act("show", ref="my-app", environment="draft", by=alice)
    assert "client_secret" not in shown["secrets"]
    act("connection_drop_credentials", app_id="my-app", environment="draft", part="app")
    with pytest.raises(CredmagicError):
        act("resolve", ref="my-app", environment="draft", by=alice)


def test_a_credential_of_another_kind_is_not_overwritten(act, app) -> None:
    app()
    act("create", name="my-app", kind="bearer", fields={"token": "tok-12345"}, environment="draft", team=True,
        verify=False)  # fmt: skip

    assert not entered(act)
    with pytest.raises(Conflict, match="bearer"):
        fill(act)
    assert act("show", ref="my-app", environment="draft")["version"] == 1


def test_the_identity_provider_is_sealed_and_dropped_with_the_kind(act, app, canary: str, home: Path) -> None:
    app("oauth_auth_on_behalf_of_flow", "member")
    fields = {"idp_url": "https://idp.example/t", "client_id": "c", "client_secret": canary, "scope": "s",
              "grant_type": "g"}  # fmt: skip
    made = act("connection_set_identity_provider", app_id="my-app", environment="draft", fields=fields)

    assert made["identity_provider"] == sorted(fields)
    assert canary[:24] not in json.dumps([made, act("connections"), act("connection_export", app_id="my-app")])
    assert canary.encode() not in b"".join(path.read_bytes() for path in (home / "data").iterdir())
    app()
    assert act("connection", app_id="my-app")["configurations"][0]["identity_provider"] == []


def test_a_member_gets_a_token_through_the_teams_application(vault: Vault, act, app) -> None:
    """Against a server that checks both: the application's secret and the member's password."""
    with AuthorizationServer() as server:
        server.clients["app"] = Client("app", "app-secret-1")
        server.users["alice"] = "alices-pass"
        app("oauth_auth_password_flow", "member")
        alice = another(vault, "alice")
        team = {"client_id": "app", "client_secret": "app-secret-1", "token_url": server.token_url}
        fill(act, team, part="app")
        fill(act, {"username": "alice", "password": "alices-pass"}, by=alice)

        resolved = act("resolve", ref="my-app", environment="draft", by=alice)

        assert server.accepts(resolved["fields"]["access_token"])
        assert act("verify", ref="my-app", environment="draft", by=alice)["outcome"] == "ok"
    assert "app-secret-1" not in json.dumps(resolved)
    assert "alices-pass" not in json.dumps(resolved)
