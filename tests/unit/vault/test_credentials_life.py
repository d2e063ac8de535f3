"""Create, read, change and remove: what is stored, what is kept, what a refusal leaves as it was."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from credmagic.errors import (
    ChangedMeanwhile,
    CredentialInUse,
    CredentialNotFound,
    CredmagicError,
    InvalidCredential,
    NameTaken,
    UnknownKind,
)


def login(act, name="demo", password="Kanari-1234567", **more):
    return act("create", name=name, kind="basic", fields={"user": "ada", "password": password}, **more)


def test_a_created_credential_resolves_to_what_was_given(act):
    login(act)
    resolved = act("resolve", ref="demo")
    assert resolved["fields"] == {"user": "ada", "password": "Kanari-1234567"}
    assert resolved["secret"] == ["password"]
    assert resolved["environ"] == {"DEMO_USER": "ada", "DEMO_PASSWORD": "Kanari-1234567"}


def test_no_view_holds_a_secret_value(act, canary):
    shown = [login(act, password=canary)]
    shown += [act(name, ref="demo") for name in ("show", "versions", "uses", "why", "audit")]
    shown += [act(name) for name in ("list", "names", "overview", "status", "audit", "kinds")]
    assert canary[:24] not in json.dumps(shown)
    assert "Kanari" not in json.dumps(shown)


def test_no_stored_file_holds_a_value_or_a_name(act, home, canary):
    login(act, name="geheimname", password=canary)
    act("resolve", ref="geheimname")
    for path in Path(home).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert canary.encode() not in content
            assert b"geheimname" not in content
            assert b"ada" not in content or path.suffix == ".key"


def test_a_name_is_taken_whatever_its_case_and_kind(act):
    login(act, name="Demo")
    with pytest.raises(NameTaken) as refused:
        act("create", name="demo", kind="bearer", fields={"token": "abcdefgh"})
    assert refused.value.code == "name_taken"
    assert act("list", count=True)["total"] == 1


def test_the_same_name_lives_in_several_environments_and_the_active_one_wins(act, monkeypatch):
    login(act, password="for-everyone")
    login(act, password="for-live-only", environment="live")
    assert act("resolve", ref="demo", environment="live")["fields"]["password"] == "for-live-only"
    assert act("resolve", ref="demo")["fields"]["password"] == "for-everyone"
    monkeypatch.setenv("CREDMAGIC_ENVIRONMENT", "live")
    assert act("resolve", ref="demo")["fields"]["password"] == "for-live-only"


def test_an_unknown_name_offers_the_closest_one_and_the_command_that_makes_it(act):
    login(act, name="warehouse")
    with pytest.raises(CredentialNotFound) as refused:
        act("resolve", ref="warehose")
    assert "Did you mean warehouse?" in refused.value.next_step
    assert "%cred new" in refused.value.next_step


def test_absent_fields_are_kept_and_null_clears(act):
    act(
        "create",
        name="db",
        kind="database",
        verify=False,
        fields={"dialect": "postgresql", "host": "h", "user": "ada", "password": "Kanari-1234567"},
    )
    changed = act("update", ref="db", fields={"port": 6543, "user": None}, verify=False)
    assert changed["version"] == 2
    assert changed["fields"].get("user") is None
    assert act("resolve", ref="db")["fields"]["password"] == "Kanari-1234567"
    assert act("resolve", ref="db")["fields"]["port"] == 6543


def test_a_new_description_makes_no_new_version(act):
    login(act)
    changed = act("update", ref="demo", description="of the demo")
    assert (changed["version"], changed["description"]) == (1, "of the demo")


def test_rotation_adds_a_version_and_the_old_one_still_resolves_by_number(act):
    login(act, password="first-password")
    act("rotate", ref="demo", fields={"password": "second-password"})
    assert act("resolve", ref="demo")["fields"]["password"] == "second-password"
    assert act("resolve", ref="demo", version=1)["fields"]["password"] == "first-password"
    assert [v["version"] for v in act("versions", ref="demo")["versions"]] == [2, 1]


def test_a_renamed_credential_keeps_its_id_and_the_old_name_is_free(act):
    before = login(act)
    after = act("rename", ref="demo", new_name="other")
    assert after["id"] == before["id"]
    login(act)
    assert act("list", count=True)["total"] == 2


def test_a_change_based_on_an_old_revision_is_refused(act):
    login(act)
    act("update", ref="demo", description="one")
    with pytest.raises(ChangedMeanwhile):
        act("update", ref="demo", description="two", revision=1)
    assert act("show", ref="demo")["description"] == "one"


def test_changes_of_others_at_the_same_time_are_kept(act):
    """Nobody stated a revision, so nobody is refused: six threads add a version each, and tags beside them."""
    login(act)
    work = [lambda n=n: act("rotate", ref="demo", fields={"password": f"password-{n}"}) for n in range(6)]
    work += [lambda: act("update", ref="demo", tags=["a"]), lambda: act("update", ref="demo", description="b")]
    work += [lambda: act("verify", ref="demo")]

    with ThreadPoolExecutor(len(work)) as pool:
        list(pool.map(lambda one: one(), work))

    shown = act("show", ref="demo")
    assert (shown["version"], shown["tags"], shown["description"]) == (7, ["a"], "b")


def test_what_is_attached_is_not_deleted_without_force(act):
    login(act)
    act("attach", ref="demo")
    with pytest.raises(CredentialInUse) as refused:
        act("delete", ref="demo")
    assert "work/a.ipynb" in refused.value.message
    act("delete", ref="demo", force=True)
    assert act("list", count=True)["total"] == 0


def test_pages_neither_repeat_nor_lose_a_row(act):
    for number in range(7):
        login(act, name=f"c{number}", team=number % 2 == 1)
    seen, after = [], None
    while True:
        page = act("list", limit=3, after=after)
        seen += [view["name"] for view in page["credentials"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [f"c{number}" for number in range(7)]


def test_keys_of_a_key_value_credential_are_what_a_notebook_indexes(act):
    act("create", name="kv", kind="key_value", fields={"entries": {"ACCOUNT": "a-1", "token": "Kanari-1"}})
    resolved = act("resolve", ref="kv")
    assert resolved["fields"] == {"ACCOUNT": "a-1", "token": "Kanari-1"}
    assert set(resolved["secret"]) == {"ACCOUNT", "token"}


@pytest.mark.parametrize(
    ("params", "error", "field"),
    [
        ({"name": " ", "kind": "basic", "fields": {}}, InvalidCredential, "name"),
        ({"name": "x" * 129, "kind": "basic", "fields": {}}, InvalidCredential, "name"),
        ({"name": "a\x00b", "kind": "basic", "fields": {}}, InvalidCredential, "name"),
        ({"name": "a", "kind": "basik", "fields": {}}, UnknownKind, None),
        ({"name": "a", "kind": "basic", "fields": {"user": "u"}}, InvalidCredential, "password"),
        ({"name": "a", "kind": "basic", "fields": {"user": "u", "password": "x" * (129 * 1024)}}, InvalidCredential, "password"),
        ({"name": "a", "kind": "basic", "fields": {"usr": "u", "password": "p"}}, InvalidCredential, "usr"),
        ({"name": "a", "kind": "basic", "fields": []}, InvalidCredential, "fields"),
        ({"name": "a", "kind": "basic"}, InvalidCredential, "fields"),
        ({"name": 5, "kind": "basic", "fields": {}}, InvalidCredential, "name"),
        ({"name": "a", "kind": "basic", "fields": {"user": "u", "password": "[a.password]"}}, InvalidCredential, "password"),
        ({"name": "a", "kind": "basic", "fields": {"user": "u", "password": "pppppp"}, "expires_at": "soon"}, InvalidCredential, "expires_at"),
        ({"name": "a", "kind": "basic", "fields": {"user": "u", "password": "pppppp"}, "colour": 1}, InvalidCredential, "colour"),
    ],
)  # fmt: skip
def test_bad_input_names_the_field_and_stores_nothing(act, params, error, field):
    with pytest.raises(error) as refused:
        act("create", **params)
    if field:
        assert field in refused.value.errors, refused.value.errors
    assert act("list", count=True)["total"] == 0


def test_a_wrong_reference_is_an_error_of_ours_whatever_it_is(act):
    for ref in ("", "x" * 5000, "a\x00b", "0" * 32, "\ud800"):
        with pytest.raises(CredmagicError):
            act("resolve", ref=ref)
