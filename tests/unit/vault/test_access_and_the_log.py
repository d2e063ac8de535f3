"""What does an Admin see of what is another's, and who reads what in the log?"""

import json

import pytest

from credmagic.errors import AccessDenied, CredentialNotFound, InvalidCredential, NotSignedIn
from credmagic.vault.audit import Caller, Event
from credmagic.vault.vault import Vault
from vault_principals import another

OWNERS = Caller("kernel", kernel_id="k1")


@pytest.fixture
def private(act, canary: str):
    """A credential of the laptop owner, of which every part but its kind is a canary."""
    fields = {"user": canary, "password": canary, "url": "https://private.example/"}
    made = act(
        "create", name="private-thing", kind="basic", fields=fields, description="private words", tags=["private"],
        verify=False, attach=True,
    )  # fmt: skip
    act("attach", ref=made["id"], object_type="job", object_id="job-7")
    return made


def seen(act, by: Caller, ref: str) -> dict[str, object]:
    """Everything a caller may read about others' things, by the action that says it."""
    return {
        "list": act("list", by=by, count=True), "overview": act("overview", by=by), "names": act("names", by=by),
        "show": act("show", by=by, ref=ref), "versions": act("versions", by=by, ref=ref), "audit": act("audit", by=by),
        "associated": act("associated", by=by, object_type="job", object_id="job-7"),
        "why": act("why", by=by, ref=ref),
    }  # fmt: skip


def test_an_admin_sees_that_others_have_something_and_not_what(vault: Vault, act, private, canary: str) -> None:
    admin = another(vault, "boss", "Admin")

    answers = seen(act, admin, private["id"])

    shown = answers["show"]
    assert (shown["name"], shown["owner"], shown["kind"]) == (private["id"], "another", "basic")
    assert answers["list"]["total"] == answers["overview"]["total"] == 1
    assert answers["names"]["names"] == []
    for word in (canary, "private", "a.ipynb"):
        assert word not in json.dumps(answers)


def test_the_others_of_a_page_come_in_its_order(vault: Vault, act) -> None:
    admin, alice = another(vault, "boss", "Admin"), another(vault, "alice")
    made = [
        act("create", by=by, kind="bearer", fields={"token": "tok-12345"}, verify=False, team=by is OWNERS)["id"]
        for by in (OWNERS, alice, admin, OWNERS, alice)
    ]

    first = act("list", by=admin, limit=3)
    second = act("list", by=admin, limit=3, after=first["next"])

    assert [one["id"] for one in first["credentials"] + second["credentials"]] == made
    assert [one["owner"] for one in act("list", by=alice)["credentials"]] == ["team", "me", "team", "me"]


@pytest.mark.parametrize(
    ("action", "params", "refusal"),
    [
        ("resolve", {}, CredentialNotFound),
        ("rotate", {"fields": {"password": "x" * 12}, "verify": False}, AccessDenied),
        ("delete", {"force": True}, AccessDenied),
        ("uses", {}, AccessDenied),
        ("verify", {}, AccessDenied),
    ],
)
def test_an_admin_neither_uses_nor_changes_what_is_anothers(
    vault, act, private, canary, action, params, refusal
) -> None:
    admin = another(vault, "boss", "Admin")

    with pytest.raises(refusal) as refused:
        act(action, by=admin, ref=private["id"], **params)

    assert "private" not in str(refused.value)
    assert act("resolve", ref="private-thing")["fields"]["password"] == canary


def test_a_member_forces_nothing_away_that_others_attached(vault: Vault, act) -> None:
    """An editor removes the team's credential with what hangs on it; a member does not even detach another's."""
    shared = act("create", kind="bearer", fields={"token": "tok-12345"}, team=True, verify=False)["id"]
    act("attach", ref=shared, object_type="job", object_id="nightly")

    with pytest.raises(AccessDenied):
        act("detach", by=another(vault, "eve"), ref=shared, object_type="job", object_id="nightly")
    act("delete", by=another(vault, "ed", "editor"), ref=shared, force=True)

    assert act("list")["credentials"] == []


def test_what_the_team_keeps_for_members_logins_is_not_lent(vault: Vault, act, canary: str) -> None:
    act("connection_add", app_id="snow")
    kind = "databricks_service_principal_account"
    act("connection_configure", app_id="snow", environment="draft", kind=kind, sharing="member")
    fields = {"client_id": "c", "client_secret": canary, "host": "https://dbc.example"}
    team = act("create", name="snow", kind=kind, fields=fields, environment="draft", team=True, verify=False)
    act("create", name="mine", kind=kind, fields={"config_id": team["id"], "host": "https://dbc.example"}, verify=False)

    with pytest.raises(InvalidCredential, match="borrows from a team credential that is not there") as refused:
        act("resolve", ref="mine")

    assert canary not in str(refused.value)


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────
def did(act, by: Caller, **params) -> list[tuple[str, str]]:
    """(action, actor), oldest first."""
    return [(one["action"], one["actor"]) for one in reversed(act("audit", by=by, **params)["events"])]


def test_everybody_reads_what_he_did_himself(vault: Vault, act) -> None:
    alice, bot = another(vault, "alice"), another(vault, "bot", "Contributor")
    act("create", kind="bearer", fields={"token": "tok-12345"}, name="owners", verify=False)
    for by in (alice, bot):
        act("create", kind="bearer", fields={"token": "tok-12345"}, verify=False, by=by)

    assert did(act, alice) == [("credential.create", "alice")]
    assert did(act, bot) == [("credential.create", "bot")]
    assert did(act, OWNERS) == [("store.init", "you"), ("credential.create", "you")]


def test_everybody_reads_what_was_done_to_what_is_his(vault: Vault, act) -> None:
    """Nobody can do much to it; an admin that removes a machine takes its credentials along."""
    admin, bot = another(vault, "boss", "Admin"), another(vault, "bot", "Contributor")
    act("machine_add", id="etl", password="long-enough-1", by=admin)
    act("machine_pause", ref="etl", by=admin)
    act("list", by=bot)

    assert ("principal.paused", "boss") in did(act, OWNERS)  # he manages machines
    assert did(act, bot) == []


def test_the_owner_of_the_store_reads_what_others_did_with_the_teams_credentials(vault: Vault, act) -> None:
    act("create", name="shared", kind="bearer", fields={"token": "tok-12345"}, team=True, verify=False)
    admin, bot = another(vault, "boss", "Admin"), another(vault, "bot", "Contributor")
    act("resolve", ref="shared", by=bot)
    act("rotate", ref="shared", fields={"token": "tok-67890"}, verify=False, by=admin)

    assert did(act, OWNERS, ref="shared")[1:] == [("use", "bot"), ("credential.replace", "boss")]


@pytest.mark.parametrize("gone", ["credential", "key", "connection"])
def test_the_owner_of_the_store_reads_who_removed_something(vault: Vault, act, gone: str) -> None:
    act("create", name="shared", kind="bearer", fields={"token": "tok-12345"}, team=True, verify=False)
    key = act("key_create", ref=act("app_add", name="etl")["id"])["id"]
    act("connection_add", app_id="snow")
    removal = {
        "credential": ("delete", {"ref": "shared"}),
        "key": ("key_remove", {"key_id": key}),
        "connection": ("connection_remove", {"app_id": "snow"}),
    }
    action, params = removal[gone]

    act(action, by=another(vault, "boss", "Admin"), **params)

    assert did(act, OWNERS)[-1][1] == "boss"


def test_the_owner_of_the_store_reads_what_was_tried_in_vain(vault: Vault, act) -> None:
    with pytest.raises(AccessDenied):
        act("machine_add", by=another(vault, "eve"))

    assert did(act, OWNERS)[-1] == ("machine_add", "eve")


def test_an_admin_reads_all_and_who_did_it(vault: Vault, act) -> None:
    admin, alice = another(vault, "boss", "Admin"), another(vault, "alice")
    act("create", kind="bearer", fields={"token": "tok-12345"}, verify=False, by=alice)
    act("create", kind="bearer", fields={"token": "tok-12345"}, verify=False)

    assert did(act, admin) == [
        ("store.init", "laptop owner"), ("credential.create", "alice"), ("credential.create", "laptop owner")
    ]  # fmt: skip


def test_of_a_shared_credential_only_ones_own_uses_are_read(vault: Vault, act) -> None:
    act("create", name="shared", kind="bearer", fields={"token": "tok-12345"}, team=True, verify=False)
    alice = another(vault, "alice")
    act("resolve", ref="shared")
    act("resolve", ref="shared", by=alice)

    assert did(act, alice, ref="shared") == [("use", "alice")]


def test_own_events_are_found_behind_many_of_others(vault: Vault, act) -> None:
    alice, bot = another(vault, "alice"), another(vault, "bot", "Contributor")
    act("create", kind="bearer", fields={"token": "tok-12345"}, verify=False, by=alice)
    for _ in range(600):
        vault.record(Event("use", bot))

    assert did(act, alice, limit=1) == [("credential.create", "alice")]


def test_what_a_role_may_not_is_recorded(vault: Vault, act) -> None:
    eve = another(vault, "eve")
    with pytest.raises(AccessDenied):
        act("machine_add", by=eve)

    assert act("audit", by=eve)["events"][0]["outcome"] == "denied"


@pytest.mark.parametrize("plane", ["machine", "server", "nowhere"])
def test_a_plane_that_has_identified_nobody_is_the_owners_no_more(act, plane: str) -> None:
    with pytest.raises(NotSignedIn):
        act("kinds", by=Caller(plane))
