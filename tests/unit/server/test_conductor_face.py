"""What Conductor's face says on the wire: exact statuses, words, shapes and times; never a 404 or a renewal word where a client breaks."""

import base64
import http.client
import json
import socket
import time

import pytest

from beside import vault_of
from credmagic.crypto import jwt
from credmagic.server.answers import HEADERS
from credmagic.testing.jupyter import jupyter_server
from credmagic.vault import sign_in
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller

API = "credmagic/api/"
KNOWN = ("ADMIN", "USER", "WORKER", "METADATA_MANAGER", "WORKFLOW_MANAGER", "UNRESTRICTED_WORKER")
OWNER = Caller("local")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("conductor"), environment={"CREDMAGIC_RATES": "off"}) as running:
        yield running


@pytest.fixture(scope="module")
def vault(server):
    with vault_of(server.workdir) as opened:
        yield opened


@pytest.fixture(scope="module")
def ask(server):
    """`ask(method, path, body, token=)` below `api/`; every answer is checked for its headers."""

    def call(method, path, body=None, token=None, **headers):
        shown = {"X-Authorization": token} if token is not None else {}
        answer = server.request(method, API + path, body, headers=shown | headers)
        expected = {
            name: None if answer.status == 204 and name == "Content-Type" else HEADERS[name] for name in HEADERS
        }
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == expected
        assert "set-cookie" not in answer.headers
        assert answer.body.isascii()
        return answer

    return call


@pytest.fixture(scope="module")
def do(vault):
    """`do(action, **params)`: as the laptop owner, beside the server."""
    return lambda action, **params: dispatch(vault, OWNER, action, params)


@pytest.fixture(scope="module")
def application(do):
    """`application(*roles)`: a new application with one key; (its id, key id, secret)."""

    def make(*roles, name="ops"):
        made = do("app_add", name=name)
        if roles:
            do("app_update", ref=made["id"], roles=list(roles))
        key = do("key_create", ref=made["id"])
        return made["id"], key["id"], key["secret"]

    return make


@pytest.fixture(scope="module")
def signed_in(ask):
    """`signed_in(key id, secret)`: a token."""
    return lambda key, secret: ask("POST", "token", {"keyId": key, "keySecret": secret}).json()["token"]


@pytest.fixture(scope="module")
def admin(application, signed_in):
    """The token of an application with the role ADMIN."""
    _, key, secret = application("ADMIN")
    return signed_in(key, secret)


def refused(answer):
    body = answer.json()
    assert body["status"] == answer.status
    assert body["message"]
    assert body["code"]
    assert set(body) <= {"status", "error", "message", "code", "next_step", "errors"}
    return answer.status, body["error"]


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


# ── the token ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_exchanged_for_a_token_of_an_hour(ask, application):
    ident, key, secret = application()

    answer = ask("POST", "token", {"keyId": key, "keySecret": secret})

    claims = claims_of(answer.json()["token"])
    assert answer.status == 200
    assert claims["exp"] - claims["iat"] == 3600
    assert type(claims["exp"]) is int
    assert 3590 <= answer.json()["expiresIn"] <= 3600
    assert answer.json()["userId"] == ident
    assert secret.encode() not in answer.body


def test_each_exchange_gives_a_token_of_its_own(application, signed_in):
    _, key, secret = application()

    assert signed_in(key, secret) != signed_in(key, secret)


@pytest.mark.parametrize(
    "path", ["token", "token/", "/token", "/token/", "/applications", "applications/", "token/userInfo/"]
)
def test_a_slash_too_many_changes_nothing(ask, admin, application, path):
    _, key, secret = application()
    is_exchange = path.strip("/") == "token"

    body = {"keyId": key, "keySecret": secret} if is_exchange else None
    answer = ask("POST" if is_exchange else "GET", path, body, None if is_exchange else admin)

    assert answer.status == 200


def test_a_slash_too_many_before_the_prefix_changes_nothing(server, application):
    _, key, secret = application()

    answer = server.request("POST", "credmagic//api/token", {"keyId": key, "keySecret": secret}, headers={})

    assert answer.status == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"keySecret": "wrong"}, {"keyId": "cmk_aaaaaaaaaaaaaaaaaaaa"}, {"keyId": ""}, {"keySecret": ""}, {"keyId": None},
        {"keySecret": 3}, {"keyId": ["x"]}, {"keyId": "../token"}, {"keySecret": "x" * 5000},
    ],
)  # fmt: skip
def test_a_key_that_is_not_right_gets_one_answer(ask, application, sent):
    _, key, secret = application()

    answer = ask("POST", "token", {"keyId": key, "keySecret": secret} | sent)

    assert refused(answer) == (401, "INVALID_CREDENTIALS")
    assert answer.body == ask("POST", "token", {}).body


def test_a_refused_secret_is_nowhere(ask, application, server, canary):
    _, key, _ = application()

    answer = ask("POST", "token", {"keyId": key, "keySecret": canary})

    assert refused(answer) == (401, "INVALID_CREDENTIALS")
    assert canary.encode() not in answer.body
    assert canary not in server.log


@pytest.mark.parametrize("ending", ["key_pause", "key_remove", "app_remove"])
def test_a_key_that_ended_is_like_one_that_never_was(ask, application, do, ending):
    ident, key, secret = application()

    do(ending, **({"ref": ident} if ending == "app_remove" else {"key_id": key}))

    answer = ask("POST", "token", {"keyId": key, "keySecret": secret})
    assert refused(answer) == (401, "INVALID_CREDENTIALS")
    assert answer.body == ask("POST", "token", {}).body


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"keyId": 1, "keyId": 2}', b'"x"', b"[" * 30 + b"]" * 30])
def test_a_body_that_is_no_object_is_no_renewal(ask, body):
    status, word = refused(ask("POST", "token", body, **{"Content-Type": "application/json"}))

    assert status in (400, 422)
    assert word == "BAD_FIELD"


def test_a_token_in_the_address_of_the_exchange_is_no_renewal_either(ask, application):
    _, key, secret = application()

    answer = ask("POST", "token?token=x", {"keyId": key, "keySecret": secret})

    assert refused(answer) == (401, "INVALID_CREDENTIALS")


def test_other_methods_at_the_exchange_are_405(ask, admin):
    for method in ("GET", "PUT", "DELETE"):
        answer = ask(method, "token", token=admin)
        assert refused(answer) == (405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "POST"


def test_a_locked_vault_is_423_at_the_exchange(tmp_path):
    with vault_of(tmp_path):
        pass
    for key in (tmp_path / "home" / "config").rglob("*.key"):
        key.unlink()

    with jupyter_server(tmp_path) as locked:
        answer = locked.request("POST", API + "token", {"keyId": "cmk_a", "keySecret": "x"}, headers={})

        assert refused(answer) == (423, "LOCKED")
        assert refused(locked.request("GET", API + "applications", headers={"X-Authorization": "x"}))[0] == 423


# ── who is asking ────────────────────────────────────────────────────────────────────────────────────────────


def unsigned(token):
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: None, lambda token: "", lambda token: "garbage", unsigned, lambda token: token[:-4] + "AAAA",
        lambda token: f"Bearer {token}", lambda token: token + "=", lambda token: token.upper(),
    ],
)  # fmt: skip
def test_a_token_that_is_not_right_sends_the_client_for_another(ask, admin, spoil):
    for method, path in (("GET", "applications"), ("POST", "applications"), ("GET", "token/userInfo")):
        assert refused(ask(method, path, token=spoil(admin))) == (401, "INVALID_TOKEN")


def test_a_401_keeps_the_connection_for_the_renewal(server, application):
    _, key, secret = application()
    kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def post(path, body, **headers):
        kept.request("POST", f"/{API}{path}", body, {"Content-Type": "application/json", **headers})
        answer = kept.getresponse()
        return answer.status, answer.read(), kept.sock

    first = post("applications", b'{"name": "x"}', **{"X-Authorization": "stale"})
    second = post("token", json.dumps({"keyId": key, "keySecret": secret}).encode())

    assert (first[0], second[0]) == (401, 200)
    assert first[2] is second[2] is not None  # http.client drops a socket that was closed on it
    kept.close()


def test_more_than_a_body_may_hold_is_not_waited_for(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        head = f"POST /{API}applications HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        raw.sendall(f"{head}Content-Length: 2000000\r\n\r\n".encode())

        assert raw.recv(100).startswith(b"HTTP/1.1 401")


def test_an_expired_token_sends_the_client_for_another(ask, vault, admin):
    claims = claims_of(admin)
    said = {name: claims[name] for name in ("sub", "jti", "akid", "akv", "plane")}
    expired = jwt.issue(vault.keyset, int(time.time()) - 4000, 3600, **said)

    assert refused(ask("GET", "applications", token=expired)) == (401, "EXPIRED_TOKEN")


@pytest.mark.parametrize("ending", ["key_pause", "key_remove", "machine_pause", "app_remove"])
def test_what_ends_a_key_ends_its_tokens_at_once(ask, application, signed_in, do, ending):
    ident, key, secret = application("ADMIN")
    token = signed_in(key, secret)
    assert ask("GET", "applications", token=token).status == 200

    do(ending, **({"key_id": key} if ending.startswith("key") else {"ref": ident}))

    assert refused(ask("GET", "applications", token=token)) == (401, "INVALID_TOKEN")


def test_a_contributor_reads_and_writes_nothing(ask, application, signed_in, do):
    ident, key, secret = application("WORKER")
    token = signed_in(key, secret)
    writes = [
        ("POST", "applications", {"name": "more"}), ("PUT", f"applications/{ident}", {"name": "more"}),
        ("DELETE", f"applications/{ident}", {}), ("POST", f"applications/{ident}/accessKeys", {}),
        ("POST", f"applications/{ident}/accessKeys/{key}/status", {}),
        ("DELETE", f"applications/{ident}/accessKeys/{key}", {}), ("POST", f"applications/{ident}/roles/ADMIN", {}),
        ("DELETE", f"applications/{ident}/roles/WORKER", {}), ("PUT", f"applications/{ident}/tags", []),
        ("DELETE", f"applications/{ident}/tags", []),
    ]  # fmt: skip
    before = do("app", ref=ident), do("keys", ref=ident)

    assert {refused(ask(method, path, body, token)) for method, path, body in writes} == {(403, "FORBIDDEN")}
    assert ask("GET", f"applications/{ident}", token=token).status == 200
    assert (do("app", ref=ident), do("keys", ref=ident)) == before


def test_two_identities_are_one_too_many(ask, admin):
    answer = ask("GET", "applications", token=admin, Authorization=f"Bearer {admin}")

    assert refused(answer) == (403, "FORBIDDEN")


def test_a_password_for_the_way_there_is_no_identity(ask, admin):
    assert ask("GET", "applications", token=admin, Authorization="Basic am86eHg=").status == 200


def test_a_browsers_cookie_is_no_identity(ask, server):
    answer = ask("GET", "applications", Cookie="username-localhost=x", Authorization=server.headers["Authorization"])

    assert refused(answer) == (401, "INVALID_TOKEN")


def test_the_users_own_token_has_the_users_rights(ask, vault):
    token = sign_in.issue_for_user(vault, Caller("browser")).token

    made = ask("POST", "applications", {"name": "by hand"}, str.__str__(token))
    who = ask("GET", "token/userInfo", token=str.__str__(token)).json()

    assert made.status == 200
    assert (who["applicationUser"], who["roles"]) == (False, [{"name": "ADMIN"}])


def test_who_a_token_belongs_to_is_told_with_its_roles(ask, application, signed_in):
    ident, key, secret = application("WORKER", "USER", name="night shift")

    who = ask("GET", "token/userInfo", token=signed_in(key, secret))

    roles = [{"name": "WORKER"}, {"name": "USER"}]
    assert who.json() == {"id": ident, "name": "night shift", "applicationUser": True, "roles": roles}


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
