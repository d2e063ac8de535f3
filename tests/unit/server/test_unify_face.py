"""Unify's addresses byte by byte: 200 or a JSON refusal, never a password, never a cookie, one organization."""

import json

import pytest

from beside import client_of, vault_of
from credmagic.server.answers import HEADERS
from credmagic.testing.jupyter import TOKEN, jupyter_server

SECRET = "canary-F-90d3b7a1e6"
API = "credmagic/api/"
USERS, MACHINES = "v1/orgs/1/users", "v1/orgs/1/machine_users"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("face")


@pytest.fixture(scope="module")
def server(workdir):
    with jupyter_server(workdir, base_url="/user/jo/", environment={"CREDMAGIC_RATES": "off"}) as running:
        yield running
        assert SECRET not in running.log


@pytest.fixture(scope="module")
def store(server, workdir):
    """A client of the same store, as a notebook without a server has one."""
    with client_of(workdir) as client:
        yield client


@pytest.fixture(autouse=True)
def machines(store):
    """`machines()`: all of them; none outlives its test."""

    def listed():
        return store.call("machines")["machines"]

    yield listed
    for machine in listed():
        store.call("machine_remove", ref=machine["id"], force=True)


@pytest.fixture
def api(server):
    """`api(method, path, body)` without any identity; every answer is checked for its form and for the canary."""

    def call(method, path, body=None, **headers):
        sent = {"Content-Type": "application/json"} if body is not None else {}
        answer = server.request(method, API + path, body, headers={**sent, **headers})
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == HEADERS
        assert not {"set-cookie", "location", "access-control-allow-origin"} & set(answer.headers)
        assert SECRET.encode() not in answer.body
        if answer.status != 200:
            assert answer.json()["message"]
        return answer

    return call


def logged_in(api, ident, password):
    return api("POST", "sessions", {"email": ident, "password": password}).json()["authToken"]


@pytest.fixture
def user(api):
    """The same, with the token of who proved this Jupyter login."""
    token = logged_in(api, "jo", TOKEN)
    return lambda method, path, body=None, **headers: api(method, path, body, **{"x-auth-token": token, **headers})


def new(ident="etl", **more):
    return {"identifier": ident, "password": SECRET, "roleNames": ["Contributor"], "fullName": "Nightly", **more}


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def refusal(server):
    """What somebody hears who is not known at all."""
    return server.request("POST", API + "sessions", {"email": "nobody", "password": "nothing"}, headers={}).body


def test_a_password_is_exchanged_for_a_token(api, user):
    assert user("POST", MACHINES, new()).status == 200

    answer = api("POST", "sessions", {"email": "etl", "password": SECRET})

    assert (answer.status, list(answer.json())) == (200, ["authToken"])
    assert api("GET", USERS, **{"x-auth-token": answer.json()["authToken"]}).status == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"email": "etl"}, {"password": SECRET}, {"email": None, "password": None}, {"email": 7, "password": 7},
     {"email": ["etl"], "password": {"a": 1}}, {"email": "etl", "password": "wrong"}, {"email": "x" * 9999, "password": "x"},
     {"email": "etl", "password": ""}, {"email": "jo", "password": TOKEN[:-1]}, {"email": "jo", "password": "ü" * 40}],
)  # fmt: skip
def test_every_wrong_pair_gets_the_same_401(api, user, refusal, body):
    user("POST", MACHINES, new())

    answer = api("POST", "sessions", body)

    assert (answer.status, answer.json()["code"]) == (401, "bad_credentials")
    assert answer.body == refusal


def test_jupyters_own_ways_of_saying_who_one_is_count_for_nothing(api):
    for headers in ({"Authorization": f"token {TOKEN}"}, {"Cookie": "a=b"}, {"x-auth-token": TOKEN}):
        assert api("GET", USERS, **headers).status == 401


def test_the_token_is_read_from_its_own_header_alone(api):
    token = logged_in(api, "jo", TOKEN)

    assert api("GET", USERS, Authorization=f"Bearer {token}").status == 401
    assert api("GET", USERS, **{"X-Auth-Token": token}).status == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"", b"\xff"])
def test_a_body_that_is_no_object_is_refused(api, body):
    assert api("POST", "sessions", body).status in (400, 422)


def test_guessing_is_slowed_down(tmp_path):
    guess = {"email": "cmk_somebody", "password": "x"}
    with vault_of(tmp_path), jupyter_server(tmp_path) as server:
        wrong = [server.request("POST", API + "sessions", guess, headers={}) for _ in range(8)]

    assert [answer.status for answer in wrong[:3]] == [401] * 3
    assert wrong[-1].status == 429
    assert int(wrong[-1].headers["retry-after"]) >= 1


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_users_have_the_columns_of_unify_in_their_order(user, machines):
    assert user("GET", USERS).json() == []
    user("POST", MACHINES, new())
    user("POST", MACHINES, new("other", roleNames=["Admin"]))

    rows = user("GET", USERS, **{"x-organization-id": "77"}).json()

    assert [list(row) for row in rows] == [["id", "name", "email", "created", "status", "role"]] * 2
    assert rows == machines()


@pytest.mark.parametrize("org", ["2", "01", "-1", "1.0", "x", "%31%20", "9" * 40])
def test_there_is_one_organization(user, machines, org):
    assert user("GET", f"v1/orgs/{org}/users").status == 404
    assert user("POST", f"v1/orgs/{org}/machine_users", new()).status == 404
    assert user("PUT", f"v1/orgs/{org}/machine_users/etl", {"newPassword": SECRET}).status == 404
    assert machines() == []


# ── machine users ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (new(), ("etl", "Nightly", "Contributor")),
        (new(roleNames=["Admin"]), ("etl", "Nightly", "Admin")),
        (new(4711), ("4711", "Nightly", "Contributor")),
        ({"identifier": "a.b_c-d@e", "password": SECRET}, ("a.b_c-d@e", "machine-user-a.b_c-d@e", "Contributor")),
        (new(fullName="Größe 💾"), ("etl", "Größe 💾", "Contributor")),
        (new(further="ignored"), ("etl", "Nightly", "Contributor")),
    ],
)
def test_a_machine_user_is_made(user, machines, sent, kept):
    answer = user("POST", MACHINES, sent)

    (machine,) = machines()
    assert (answer.status, answer.json()) == (200, machine)
    assert (machine["id"], machine["name"], machine["role"]) == kept


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"identifier": None}, "identifier"), ({"identifier": ""}, "identifier"), ({"identifier": "a/b"}, "identifier"),
        ({"identifier": True}, "identifier"), ({"identifier": -1.5}, "identifier"), ({"identifier": "x" * 129}, "identifier"),
        ({"password": None}, "password"), ({"password": "eleven-char"}, "password"), ({"password": "x" * 1025}, "password"),
        ({"password": 123456789012}, "password"), ({"roleNames": ["Owner"]}, "roleNames"), ({"roleNames": []}, "roleNames"),
        ({"roleNames": ["Admin", "Contributor"]}, "roleNames"), ({"roleNames": "Admin"}, "roleNames"),
        ({"roleNames": [7]}, "roleNames"), ({"fullName": 7}, "fullName"), ({"fullName": "a\x07"}, "fullName"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_as_it_was_sent(user, machines, change, field):
    answer = user("POST", MACHINES, {**new(), **change})

    assert (answer.status, list(answer.json()["errors"])) == (422, [field])
    assert machines() == []


def test_an_id_serves_once(user, api):
    user("POST", MACHINES, new())

    again = user("POST", MACHINES, new(password=SECRET + "-second"))

    assert (again.status, again.json()["errors"]) == (409, {"identifier": "taken"})
    assert api("POST", "sessions", {"email": "etl", "password": SECRET}).status == 200


def test_a_new_password_ends_the_old_one_and_its_sessions(api, user):
    user("POST", MACHINES, new())
    before = logged_in(api, "etl", SECRET)

    answer = user("PUT", f"{MACHINES}/Nightly", {"newPassword": SECRET + "-new"})

    assert (answer.status, answer.json()["id"]) == (200, "etl")
    assert api("GET", USERS, **{"x-auth-token": before}).status == 401
    assert api("POST", "sessions", {"email": "etl", "password": SECRET}).status == 401
    assert api("POST", "sessions", {"email": "etl", "password": SECRET + "-new"}).status == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("etl", {}, 422), ("etl", {"newPassword": "short"}, 422), ("etl", {"newPassword": None}, 422),
     ("etl", {"password": SECRET}, 422), ("nobody", {"newPassword": SECRET}, 404), ("%2e%2e", {"newPassword": SECRET}, 404)],
)  # fmt: skip
def test_a_password_that_cannot_be_set_stays(api, user, path, body, status):
    user("POST", MACHINES, new())

    answer = user("PUT", f"{MACHINES}/{path}", body)

    assert answer.status == status
    assert status != 422 or list(answer.json()["errors"]) == ["newPassword"]
    assert api("POST", "sessions", {"email": "etl", "password": SECRET}).status == 200


def test_who_has_not_the_role_changes_nothing(api, user, machines):
    user("POST", MACHINES, new())
    token = logged_in(api, "etl", SECRET)

    made = api("POST", MACHINES, new("other"), **{"x-auth-token": token})
    changed = api("PUT", f"{MACHINES}/etl", {"newPassword": SECRET + "2"}, **{"x-auth-token": token})

    assert [(answer.status, answer.json()["code"]) for answer in (made, changed)] == [(403, "denied")] * 2
    assert [one["id"] for one in machines()] == ["etl"]


# ── everything else ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("path", "method"), [(USERS, "GET"), (MACHINES, "POST"), (MACHINES + "/etl", "PUT")])
def test_nobody_gets_anything_but_401_and_is_told_how_to_log_in(api, machines, path, method):
    for token in ("", "garbage", "eyJhbGciOiJub25lIn0.e30.", TOKEN):
        answer = api(method, path, new() if method == "POST" else None, **({"x-auth-token": token} if token else {}))
        assert (answer.status, "unify cluster login" in answer.json()["message"]) == (401, True)
    assert machines() == []


def test_a_method_that_is_not_taken_is_405(user):
    for path, taken in ((USERS, "GET"), (MACHINES, "POST"), (MACHINES + "/etl", "PUT"), ("sessions", "POST")):
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - {taken}:
            answer = user(method, path, json.dumps({}).encode() if method != "GET" else None)
            assert (answer.status, answer.headers["allow"]) == (405, taken), (method, path)


@pytest.mark.parametrize(
    "path", ["v1/orgs", "v1/orgs/1", "v1/users", "whoami", "authz/v1/groups", "management/v1/orgs"]
)
def test_what_is_not_served_is_404_for_who_is_known_and_401_else(api, user, path):
    assert (user("GET", path).status, api("GET", path).status) == (404, 401)


def test_a_last_slash_changes_nothing(user):
    assert user("GET", USERS + "/").json() == []
