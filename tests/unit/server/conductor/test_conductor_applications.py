"""Applications, their keys, roles and tags on Conductor's face: exact statuses, words, shapes and times."""

import time

import pytest

from credmagic.vault import sign_in
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from unit.server.conductor.words import refused

KNOWN = ("ADMIN", "USER", "WORKER", "METADATA_MANAGER", "WORKFLOW_MANAGER", "UNRESTRICTED_WORKER")
OWNER = Caller("local")


# ── applications ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_application_has_whole_milliseconds_and_keeps_its_beginning(ask, admin):
    before = time.time_ns() // 1_000_000
    made = ask("POST", "applications", {"name": "Größe 💾"}, admin)
    time.sleep(0.005)
    renamed = ask("PUT", f"applications/{made.json()['id']}", {"name": "other"}, admin).json()

    assert made.status == 200
    assert made.json()["name"] == "Größe 💾"
    assert set(made.json()) == {"id", "name", "createdBy", "createTime", "updatedBy", "updateTime", "roles"}
    assert before <= made.json()["createTime"] <= time.time_ns() // 1_000_000
    assert type(made.json()["createTime"]) is int
    assert made.json()["createdBy"]
    assert renamed["createTime"] == made.json()["createTime"] < renamed["updateTime"]
    assert ask("GET", f"applications/{made.json()['id']}", token=admin).json() == renamed


def test_the_list_is_a_bare_array(ask, admin, application):
    ident, _, _ = application()

    rows = ask("GET", "applications", token=admin).json()

    assert isinstance(rows, list)
    assert ident in [row["id"] for row in rows]


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "  "}, {"name": 3}, {"name": None}, {"name": ["x"]}])
def test_an_application_needs_a_name(ask, admin, application, do, body):
    ident, _, _ = application()
    count = len(do("apps")["apps"])

    for method, path in (("POST", "applications"), ("PUT", f"applications/{ident}")):
        answer = ask(method, path, body, admin)
        assert refused(answer) == (400, "BAD_FIELD")
        assert set(answer.json()["errors"]) == {"name"}
    assert do("app", ref=ident)["name"] == "ops"
    assert len(do("apps")["apps"]) == count


@pytest.mark.parametrize(
    "odd", ["nobody", "a%2Fb", "..%2f..", "0" * 64, "%00", "x" * 3000, "key", "%C3%BC", "only-once"]
)
def test_what_is_not_there_is_404_on_every_way(ask, admin, application, do, odd):
    application(name="only-once")  # a name is no id
    count = len(do("apps")["apps"])
    calls = [
        ("GET", "", None), ("PUT", "", {"name": "x"}), ("DELETE", "", {}), ("GET", "/accessKeys", None),
        ("POST", "/accessKeys", {}), ("POST", "/accessKeys/x/status", {}), ("DELETE", "/accessKeys/x", {}),
        ("POST", "/roles/USER", {}), ("DELETE", "/roles/USER", {}), ("GET", "/tags", None), ("PUT", "/tags", []),
        ("DELETE", "/tags", []),
    ]  # fmt: skip
    if odd == "key":
        calls = [call for call in calls if not call[1] or call[1].count("/") > 1]  # `key/{keyId}` is another address

    answers = [ask(method, f"applications/{odd}{rest}", body, admin) for method, rest, body in calls]

    assert {refused(answer) for answer in answers} == {(404, "NOT_FOUND")}
    assert len(do("apps")["apps"]) == count


def test_a_deleted_application_takes_its_keys_along(ask, admin, application):
    ident, key, secret = application()

    answer = ask("DELETE", f"applications/{ident}", {}, admin)

    assert (answer.status, answer.body) == (204, b"")
    assert refused(ask("GET", f"applications/{ident}", token=admin)) == (404, "NOT_FOUND")
    assert refused(ask("GET", f"applications/key/{key}", token=admin)) == (404, "NOT_FOUND")
    assert refused(ask("POST", "token", {"keyId": key, "keySecret": secret}))[0] == 401


def test_an_application_with_credentials_of_its_own_stays(ask, admin, application, vault):
    ident, key, secret = application()
    itself = sign_in.sign_in(vault, OWNER, key, secret).identity.principal
    mine = {"name": "mine", "kind": "bearer", "fields": {"token": "t" * 12}, "verify": False}
    dispatch(vault, Caller("machine", principal=itself), "create", mine)

    assert refused(ask("DELETE", f"applications/{ident}", {}, admin)) == (409, "CONFLICT")
    assert ask("GET", f"applications/{ident}", token=admin).status == 200


# ── access keys ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_shown_once(ask, admin, application, signed_in, do, server):
    ident = do("app_add", name="fresh")["id"]
    assert ask("GET", f"applications/{ident}/accessKeys", token=admin).json() == []

    made = ask("POST", f"applications/{ident}/accessKeys", {}, admin).json()
    listed = ask("GET", f"applications/{ident}/accessKeys", token=admin)

    assert set(made) == {"id", "secret"}
    assert listed.json() == [{"id": made["id"], "status": "ACTIVE", "createdAt": listed.json()[0]["createdAt"]}]
    assert type(listed.json()[0]["createdAt"]) is int
    assert made["secret"].encode() not in listed.body
    assert made["secret"] not in server.log
    assert signed_in(made["id"], made["secret"])


def test_a_key_is_paused_and_resumed_at_one_address(ask, admin, application, signed_in):
    ident, key, secret = application()
    toggle = f"applications/{ident}/accessKeys/{key}/status"

    paused = ask("POST", toggle, {}, admin).json()
    assert paused == {"id": key, "status": "INACTIVE", "createdAt": paused["createdAt"]}
    assert refused(ask("POST", "token", {"keyId": key, "keySecret": secret}))[1] == "INVALID_CREDENTIALS"

    assert ask("POST", toggle, {}, admin).json() == {**paused, "status": "ACTIVE"}
    assert signed_in(key, secret)


def test_a_third_active_key_is_a_conflict(ask, admin, application):
    ident, _, _ = application()
    keys = f"applications/{ident}/accessKeys"

    assert ask("POST", keys, {}, admin).status == 200
    assert refused(ask("POST", keys, {}, admin)) == (409, "CONFLICT")


def test_a_key_is_changed_only_through_its_own_application(ask, admin, application, signed_in):
    other, _, _ = application(name="other")
    _, key, secret = application()

    assert refused(ask("POST", f"applications/{other}/accessKeys/{key}/status", {}, admin)) == (404, "NOT_FOUND")
    assert refused(ask("DELETE", f"applications/{other}/accessKeys/{key}", {}, admin)) == (404, "NOT_FOUND")
    assert signed_in(key, secret)


def test_whose_key_it_is_is_told(ask, admin, application):
    ident, key, _ = application("USER")

    found = ask("GET", f"applications/key/{key}", token=admin).json()

    assert found == ask("GET", f"applications/{ident}", token=admin).json()
    assert refused(ask("GET", "applications/key/nobody", token=admin)) == (404, "NOT_FOUND")


def test_a_deleted_key_is_gone(ask, admin, application):
    ident, key, _ = application()

    assert ask("DELETE", f"applications/{ident}/accessKeys/{key}", {}, admin).status == 204
    assert ask("GET", f"applications/{ident}/accessKeys", token=admin).json() == []
    assert refused(ask("DELETE", f"applications/{ident}/accessKeys/{key}", {}, admin)) == (404, "NOT_FOUND")


# ── roles and tags ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", KNOWN)
def test_a_role_is_given_kept_and_taken(ask, admin, application, do, role):
    ident, _, _ = application()

    given = [ask("POST", f"applications/{ident}/roles/{role}", {}, admin).status for _ in range(2)]
    held = do("app", ref=ident)
    taken = ask("DELETE", f"applications/{ident}/roles/{role}", {}, admin).status

    assert (given, taken) == ([204, 204], 204)
    assert (held["roles"], held["role"]) == ([role], "Admin" if role == "ADMIN" else "Contributor")
    assert (do("app", ref=ident)["roles"], do("app", ref=ident)["role"]) == ([], "Contributor")


@pytest.mark.parametrize("role", ["NO_SUCH", "admin", "a%2Fb", "%20"])
def test_an_unknown_role_is_400(ask, admin, application, do, role):
    ident, _, _ = application("USER")

    for method in ("POST", "DELETE"):
        assert refused(ask(method, f"applications/{ident}/roles/{role}", {}, admin)) == (400, "BAD_FIELD")
    assert do("app", ref=ident)["roles"] == ["USER"]


def test_tags_are_added_by_key_and_deleted_by_key_and_value(ask, admin, application):
    ident, _, _ = application()
    path = f"applications/{ident}/tags"

    def tags():
        return ask("GET", path, token=admin).json()

    assert tags() == []
    one, two = {"key": "team", "type": "METADATA", "value": "ops"}, {"key": "rate", "type": "RATE_LIMIT", "value": "9"}
    assert ask("PUT", path, [one, {"key": "plain", "value": "x"}], admin).status == 204
    assert tags() == [one, {"key": "plain", "value": "x"}]

    ask("PUT", path, [two, {**one, "value": "night"}], admin)
    assert tags() == [{**one, "value": "night"}, {"key": "plain", "value": "x"}, two]

    assert ask("DELETE", path, [one, two], admin).status == 204
    assert tags() == [{**one, "value": "night"}, {"key": "plain", "value": "x"}]


@pytest.mark.parametrize(
    "sent",
    [
        [{"key": "a"}], [{"key": "a", "value": 3}], [{"key": "a", "value": "b", "type": "ODD"}], ["a"], [None],
        [{"value": "a"}], [{"key": 3, "value": "a"}], [{"key": "a", "value": None}],
    ],
)  # fmt: skip
def test_tags_that_would_break_a_clients_list_are_400(ask, admin, application, do, sent):
    ident, _, _ = application()

    for method in ("PUT", "DELETE"):
        assert refused(ask(method, f"applications/{ident}/tags", sent, admin)) == (400, "BAD_FIELD")
    assert do("app", ref=ident)["tags"] == []


def test_a_tag_somebody_else_kept_breaks_no_list(ask, admin, application, do):
    ident, _, _ = application()
    do("app_update", ref=ident, tags=[{"key": "a", "type": "ours", "value": "b"}])

    assert ask("GET", f"applications/{ident}/tags", token=admin).json() == [{"key": "a", "value": "b"}]


def test_tags_must_be_an_array(ask, admin, application):
    ident, _, _ = application()

    assert ask("PUT", f"applications/{ident}/tags", {}, admin).status == 422


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        "users", "users/jo", "users/jo/permissions", "groups", "groups/g/users/u", "auth/authorization/WORKFLOW_DEF/x",
        "roles", "roles/system", "roles/custom", "roles/permissions", "gateway/config/auth", "secrets/x",
    ],
)  # fmt: skip
def test_what_is_not_served_is_404_for_who_is_known(ask, admin, path):
    answers = {
        refused(ask(method, path, {} if method != "GET" else None, admin))
        for method in ("GET", "POST", "PUT", "DELETE")
    }

    assert answers == {(404, "NOT_FOUND")}
    assert refused(ask("GET", path)) == (401, "INVALID_TOKEN")


def test_only_two_answers_send_a_client_for_another_token():
    from credmagic.errors import CredmagicError, _leaves
    from credmagic.server.faces.conductor_shapes import error_name

    renewing = {
        (code, word)
        for cls in _leaves(CredmagicError)
        for code in cls.codes
        if (word := error_name(cls.status, code)) in ("INVALID_TOKEN", "EXPIRED_TOKEN")
    }

    expected = {"unauthenticated", "kernel_unknown", "token_invalid"}
    assert renewing == {(code, "INVALID_TOKEN") for code in expected} | {("token_expired", "EXPIRED_TOKEN")}


def test_no_answer_and_no_log_line_holds_a_value_of_the_store(ask, admin, application, do, server, canary):
    do("create", name="kept", kind="bearer", fields={"token": canary}, verify=False)
    ident, key, _ = application("USER")

    for path in (
        "applications",
        f"applications/{ident}",
        f"applications/{ident}/accessKeys",
        f"applications/key/{key}",
    ):
        assert canary.encode() not in ask("GET", path, token=admin).body
    assert admin not in server.log
    assert canary not in server.log
