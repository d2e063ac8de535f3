"""Versions, dates, pauses: what each step changes, and what a refusal leaves as it was."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from credmagic.errors import (
    AccessDenied,
    Conflict,
    CredentialNotFound,
    InvalidCredential,
    NotUsable,
)
from credmagic.vault.audit import Caller

KERNEL = Caller("kernel", kernel_id="k1", notebook="/nb/a.ipynb", kernelspec="python3")


def day(days):
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


@pytest.fixture
def demo(act):
    return act("create", name="demo", kind="basic", fields={"user": "ada", "password": "first-Kanari-1"})


def password(act, **how):
    return act("resolve", ref="demo", **how)["fields"]["password"]


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_rolling_back_makes_an_earlier_version_the_current_one(act, demo):
    act("rotate", ref="demo", fields={"user": "bob", "password": "second-Kanari-2"})
    view = act("rollback", ref="demo", version=1)

    assert (view["version"], view["fields"]["user"], view["verified"]["outcome"]) == (1, "ada", "unverifiable")
    assert password(act) == "first-Kanari-1"
    assert password(act, version=2) == "second-Kanari-2"
    assert [(v["version"], v["current"]) for v in act("versions", ref="demo")["versions"]] == [(2, False), (1, True)]


def test_a_rotation_after_a_rollback_reuses_no_number(act, demo):
    act("rotate", ref="demo", fields={"password": "second-Kanari-2"})
    act("rollback", ref="demo", version=1)
    assert act("rotate", ref="demo", fields={"password": "third-Kanari-3"})["version"] == 3
    assert act("update", ref="demo", fields={"user": "cyd"})["version"] == 4
    assert password(act, version=2) == "second-Kanari-2"


def test_rolling_back_to_what_is_not_there_or_current_changes_nothing(act, demo):
    with pytest.raises(CredentialNotFound) as missing:
        act("rollback", ref="demo", version=7)
    with pytest.raises(Conflict) as same:
        act("rollback", ref="demo", version=1)

    assert "%cred versions demo" in missing.value.next_step
    assert "%cred versions demo" in same.value.next_step
    assert act("show", ref="demo")["revision"] == demo["revision"]


def test_an_overlap_of_days_ends_what_earlier_versions_resolve(act, demo):
    act("rotate", ref="demo", fields={"password": "second-Kanari-2"}, overlap_days=2)
    assert password(act, version=1) == "first-Kanari-1"
    act("rotate", ref="demo", fields={"password": "third-Kanari-3"}, overlap_days=0)

    with pytest.raises(NotUsable) as over:
        password(act, version=2)
    assert over.value.code == "expired"
    assert password(act, version=3) == "third-Kanari-3"
    assert act("rollback", ref="demo", version=2)["version"] == 2
    assert password(act) == "second-Kanari-2"


def test_what_has_ended_stays_ended(act, demo):
    """A version closed after a leak is not opened by a later rotation, with or without an overlap."""
    act("rotate", ref="demo", fields={"password": "second-Kanari-2"}, overlap_days=0)
    act("rotate", ref="demo", fields={"password": "third-Kanari-3"})
    act("rotate", ref="demo", fields={"password": "fourth-Kanari-4"}, overlap_days=5)
    act("rollback", ref="demo", version=3)

    with pytest.raises(NotUsable):
        password(act, version=1)
    assert password(act, version=2) == "second-Kanari-2"
    assert password(act, version=4) == "fourth-Kanari-4"


@pytest.mark.parametrize("days", [-1, 4000])
def test_an_overlap_that_cannot_be_changes_nothing(act, demo, days):
    with pytest.raises(InvalidCredential) as refused:
        act("rotate", ref="demo", fields={"password": "x-Kanari-x"}, overlap_days=days)
    assert "overlap_days" in refused.value.errors
    assert act("show", ref="demo")["version"] == 1


def test_fields_of_another_kind_are_refused_by_name(act, demo):
    with pytest.raises(InvalidCredential) as refused:
        act("rotate", ref="demo", fields={"token": "Kanari-1234567"})
    assert "kind basic has user, password" in str(refused.value.errors)
    assert act("show", ref="demo")["version"] == 1


# ── pause and resume ─────────────────────────────────────────────────────────────────────────────────────────
def test_a_paused_credential_rests_until_it_is_resumed(act, demo):
    assert act("pause", ref="demo")["status"] == "paused"
    with pytest.raises(NotUsable) as resting:
        password(act)
    assert (resting.value.code, resting.value.next_step) == ("paused", "%cred resume demo")
    assert act("audit", ref="demo")["events"][0]["reason"] == "paused"

    assert act("resume", ref="demo")["status"] == "active"
    assert password(act) == "first-Kanari-1"


def test_pausing_twice_changes_nothing_the_second_time(act, demo):
    first = act("pause", ref="demo")
    assert act("pause", ref="demo")["revision"] == first["revision"]


def test_a_status_that_was_changed_in_the_database_does_not_open(vault, act, demo):
    """Unpausing with an editor breaks the seal: the status is a deciding column."""
    act("pause", ref="demo")
    with vault.store.transaction() as transaction:
        transaction._driver.execute("UPDATE credentials SET status = 'active'")
    with pytest.raises(Exception, match="does not open"):
        password(act)


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_expired_credential_names_the_rotate_command_and_works_again_after_it(act):
    act("create", name="demo", kind="basic", fields={"user": "a", "password": "old-Kanari-1"}, expires_at="2020-01-01")
    with pytest.raises(NotUsable) as ended:
        password(act)
    assert ended.value.code == "expired"
    assert "%cred rotate demo" in ended.value.next_step
    assert "%cred edit demo --expires DATE" in ended.value.next_step

    view = act("rotate", ref="demo", fields={"password": "new-Kanari-2"})
    assert view["expires_at"] is None
    assert "2020-01-01" in " ".join(view["warnings"])
    assert password(act) == "new-Kanari-2"


def test_a_rotation_takes_a_date_and_an_edit_keeps_it(act, demo):
    until = day(90)
    dated = act("rotate", ref="demo", fields={"password": "second-Kanari-2"}, expires_at=until)
    edited = act("update", ref="demo", fields={"user": "bob"})
    cleared = act("update", ref="demo", expires_at="")

    assert dated["expires_at"] == edited["expires_at"] is not None
    assert cleared["expires_at"] is None


def test_a_version_keeps_its_own_date(act, demo):
    act("rotate", ref="demo", fields={"password": "second-Kanari-2"}, expires_at="2020-01-01")
    act("rotate", ref="demo", fields={"password": "third-Kanari-3"}, expires_at=day(90))

    with pytest.raises(NotUsable):
        password(act, version=2)
    back = act("rollback", ref="demo", version=2)
    assert back["expires_at"].startswith("2020-01-01")
    assert "expired" in " ".join(back["warnings"])
    assert act("rollback", ref="demo", version=1)["expires_at"] is None


def test_the_overview_counts_what_ends_within_14_days(act, demo):
    act("create", name="soon", kind="basic", fields={"user": "a", "password": "Kanari-1234567"}, expires_at=day(13))
    act("create", name="late", kind="basic", fields={"user": "a", "password": "Kanari-1234567"}, expires_at=day(15))
    assert act("overview")["expiring"] == 1


def test_a_date_that_is_over_is_said_when_it_is_stored(act):
    view = act("create", name="old", kind="basic", fields={"user": "a", "password": "Kanari-12"}, expires_at="2020-01-01")
    assert any("expired already" in line for line in view["warnings"])


@pytest.mark.parametrize("text", ["tomorrow", "2027-13-01", "2027-02-30"])
def test_a_date_that_is_none_changes_nothing(act, demo, text):
    for action, params in (("rotate", {"fields": {"password": "new-Kanari-9"}}), ("update", {}), ("generate", {})):
        with pytest.raises(InvalidCredential) as refused:
            act(action, ref="demo", expires_at=text, **params)
        assert "expires_at" in refused.value.errors
    assert act("show", ref="demo")["revision"] == demo["revision"]


# ── generate ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_generate_rotates_to_a_value_that_no_answer_holds(act, demo):
    view = act("generate", ref="demo", by=KERNEL)
    made = password(act)

    assert (view["version"], view["generated"], len(made)) == (2, "password", 64)
    assert made not in json.dumps(view)
    assert view["verified"] is None
    assert act("resolve", ref="demo")["fields"]["user"] == "ada"


def test_generate_follows_its_policy(act, demo):
    act("generate", ref="demo", length=20, classes=["lower", "digits"])
    made = password(act)
    assert len(made) == 20
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"length": 8}, "length"),
        ({"length": 5000}, "length"),
        ({"classes": ["vowels"]}, "classes"),
        ({"classes": []}, "classes"),
        ({"classes": ["symbols"]}, "classes"),
        ({"field": "user"}, "field"),
        ({"field": "nosuch"}, "field"),
    ],
)
def test_a_policy_that_cannot_be_changes_nothing(act, demo, params, field):
    with pytest.raises(InvalidCredential) as refused:
        act("generate", ref="demo", **params)
    assert field in refused.value.errors
    assert act("show", ref="demo")["version"] == 1


def test_a_kind_without_a_secret_that_can_be_made_says_so(act):
    act("create", name="kv", kind="key_value", fields={"entries": {"A": "Kanari-1234567"}})
    with pytest.raises(InvalidCredential) as refused:
        act("generate", ref="kv")
    assert "key_value" in refused.value.message
    assert "%cred rotate" in refused.value.next_step


def test_what_is_paused_is_not_generated_unseen(act, demo):
    act("pause", ref="demo")
    with pytest.raises(NotUsable):
        act("generate", ref="demo")
    assert act("show", ref="demo")["version"] == 1


def test_a_guarded_one_is_not_generated_where_it_could_not_be_shown(act, demo):
    act("guard", ref="demo", on=True)
    with pytest.raises(AccessDenied):
        act("generate", ref="demo")
    with pytest.raises(AccessDenied):
        act("generate", ref="demo", by=KERNEL)
    assert act("show", ref="demo")["version"] == 1


# ── verification ─────────────────────────────────────────────────────────────────────────────────────────────
def test_verifying_remembers_when_and_what(act, demo):
    assert act("verify", ref="demo", timeout=3)["outcome"] == "unverifiable"
    assert act("show", ref="demo")["verified"]["outcome"] == "unverifiable"


@pytest.mark.parametrize("seconds", [0, 61])
def test_a_time_limit_that_is_none_asks_nobody(act, demo, seconds):
    with pytest.raises(InvalidCredential) as refused:
        act("verify", ref="demo", timeout=seconds)
    assert "timeout" in refused.value.errors


@pytest.mark.parametrize("action", ["rotate", "generate", "rollback", "pause", "resume", "verify"])
def test_an_unknown_name_is_answered_with_the_closest(act, demo, action):
    needed = {"rotate": {"fields": {"password": "x"}}, "rollback": {"version": 1}}.get(action, {})
    with pytest.raises(CredentialNotFound) as refused:
        act(action, ref="demoo", **needed)
    assert "Did you mean demo?" in refused.value.next_step


def test_another_environment_is_another_credential(act, demo):
    act("create", name="demo", kind="basic", fields={"user": "l", "password": "live-Kanari-1"}, environment="live")
    act("pause", ref="demo", environment="live")
    assert password(act) == "first-Kanari-1"
    with pytest.raises(NotUsable):
        password(act, environment="live")


def test_why_says_what_stands_against_the_winner(act, demo):
    act("pause", ref="demo")
    steps = act("why", ref="demo")["steps"]
    assert [step["note"] for step in steps if step["found"]] == ['this one, but "demo" is paused']
