"""Who signs in on Orchestrate's face, and connections there: no null where its client takes none, and no value."""

import base64
import json
from types import SimpleNamespace

import pytest

from credmagic.server.own_token import is_own_token
from credmagic.testing.jupyter import TOKEN
from unit.server.orchestrate.words import APPS, PASSWORD, rows


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────
def test_jupyter_s_token_gives_one_that_opens_no_values(sign_in):
    said = claims(sign_in("anybody", api_key=TOKEN).json()["token"])

    assert said["plane"] == "B"
    assert said["exp"] - said["iat"] == 3600


def test_a_machine_signs_in_with_its_password(sign_in, do):
    do("machine_add", id="robot-1", role="Admin", password=PASSWORD)

    said = claims(sign_in("robot-1", password=PASSWORD).json()["token"])

    assert said["plane"] == "M"
    assert said["exp"] - said["iat"] == 3600


def test_an_access_key_signs_in_with_its_secret_as_the_api_key(sign_in, do):
    made = do("key_create", ref=do("app_add", name="nightly")["id"])

    assert claims(sign_in(made["id"], api_key=str.__str__(made["secret"])).json()["token"])["akid"] == made["id"]


@pytest.mark.parametrize(
    ("username", "secret"),
    [
        ("nobody", {"password": "wrong"}), ("nobody", {"api_key": "wrong"}), ("jo", {"password": TOKEN}),
        ("jo", {"api_key": TOKEN + "x"}), ("jo", {"api_key": TOKEN[:-1]}), ("jo", {}), ("jo", {"api_key": ""}),
        ("jo", {"api_key": "é\ud83d\ude00"}), (None, {"api_key": "wrong"}), (["jo"], {"api_key": {"a": 1}}),
        ("jo", {"api_key": True}),
    ],
)  # fmt: skip
def test_what_proves_nobody_is_refused_alike(sign_in, username, secret):
    answer = sign_in(username, **secret)

    assert answer.status == 401
    assert answer.json()["code"] == "bad_credentials"


@pytest.mark.parametrize(
    ("own", "sent", "opens"), [("", "", False), ("", None, False), ("t", "", False), ("t", "t", True)]
)
def test_a_server_without_a_token_of_its_own_is_opened_by_no_empty_key(own, sent, opens):
    assert is_own_token(SimpleNamespace(token=own), sent) is opens


@pytest.mark.parametrize("path", ["knowledge-bases", APPS, f"{APPS}?app_id=x", f"{APPS}/x/configurations/draft"])
@pytest.mark.parametrize("shown", [None, "", "garbage", TOKEN, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."])
def test_without_a_good_token_everything_is_401(ask, path, shown):
    answer = ask("GET", path, token=shown)

    assert answer.status == 401
    assert next(iter(answer.json())) == "detail"


def test_a_paused_machine_s_token_opens_nothing(ask, sign_in, do):
    do("machine_add", id="robot-2", role="Admin", password=PASSWORD)
    token = sign_in("robot-2", password=PASSWORD).json()["token"]
    assert ask("GET", "knowledge-bases", token=token).status == 200

    do("machine_pause", ref="robot-2")

    assert ask("GET", "knowledge-bases", token=token).status == 401


def test_neither_a_cookie_nor_jupyter_s_own_header_counts(ask):
    assert ask("GET", APPS, Authorization=f"token {TOKEN}").status == 401
    assert ask("GET", APPS, Cookie=f"username-localhost={TOKEN}").status == 401


def test_a_contributor_reads_but_makes_no_connection(ask, sign_in, do):
    do("machine_add", id="robot-3", role="Contributor", password=PASSWORD)
    token = sign_in("robot-3", password=PASSWORD).json()["token"]

    assert ask("GET", APPS, token=token).status == 200
    assert ask("POST", APPS, {"app_id": "mine"}, token).status == 403


def test_knowledge_bases_are_none(call):
    assert call("GET", "knowledge-bases").json() == []


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_connection_is_found_by_name_and_by_id_and_what_is_not_set_is_absent(call, app):
    found = call("GET", f"{APPS}?app_id={app}").json()

    assert found == {"connection_id": found["connection_id"], "app_id": app}
    assert call("GET", f"{APPS}?connection_id={found['connection_id']}").json() == found


@pytest.mark.parametrize("query", ["app_id=nobody", "connection_id=" + "0" * 32, "connection_id={app}", "app_id={APP}"])
def test_what_is_not_exactly_one_s_name_or_id_is_not_there(call, app, query):
    answer = call("GET", f"{APPS}?{query.format(app=app, APP=app.upper())}")

    assert answer.status == 404
    assert answer.json()["detail"].startswith("there is no connection")


def test_what_a_connection_belongs_to_is_kept(call, do):
    resource = {"component": "knowledge", "category": "milvus"}
    assert call("POST", APPS, {"app_id": "with-resource", "resource": resource}).json()["resource"] == resource
    assert call("GET", f"{APPS}?app_id=with-resource").json()["resource"] == resource
    do("connection_remove", app_id="with-resource")


def test_a_name_is_taken_once(call, app):
    assert call("POST", APPS, {"app_id": app}).status == 409


def test_a_name_whose_variables_are_another_s_is_refused_and_the_other_named(call, app):
    answer = call("POST", APPS, {"app_id": app.replace(".", "-")})

    assert answer.status == 422
    assert app in answer.json()["detail"]


@pytest.mark.parametrize("name", ["a b", "a/b", "", "ä", "a%2Fb", "a?b", "custom_x", "a" * 129])
def test_a_name_that_does_not_survive_an_address_is_refused(call, name):
    answer = call("POST", APPS, {"app_id": name})

    assert answer.status == 422
    assert "app_id" in answer.json()["errors"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "?app_id=a%20b"), ("DELETE", "/a%20b"), ("GET", "/a%2Fb/configurations/draft")]
)
def test_such_a_name_is_refused_in_an_address_too(call, method, path):
    answer = call(method, APPS + path)

    assert answer.status == 422
    assert "letters" in answer.json()["detail"]


def test_a_connection_that_is_configured_nowhere_has_one_row_without_an_environment(call, app):
    (row,) = rows(call, app)

    assert "name" not in row
    assert (row["environment"], row["credentials_entered"]) == (None, False)


def test_each_environment_has_its_row_and_those_the_client_does_not_know_have_none(call, app, configure, do):
    configure("basic_auth")
    configure("api_key_auth", environment="live", preference="member", name="X-Key")
    do("connection_configure", app_id=app, environment="staging", kind="bearer", sharing="team")

    shown = {row["environment"]: row for row in rows(call, app)}

    assert set(shown) == {"draft", "live"}
    assert "name" not in shown["draft"]
    assert shown["live"]["name"] == "X-Key"


def test_a_connection_only_of_another_environment_looks_unconfigured(call, app, do):
    do("connection_configure", app_id=app, environment="staging", kind="bearer", sharing="team")

    assert [row["environment"] for row in rows(call, app)] == [None]


def test_only_those_that_were_asked_for_are_listed(call, app, configure):
    configure("basic_auth")
    (row,) = rows(call, app)

    found = call("GET", f"{APPS}?include_details=true&connectionIds={row['connection_id']},{'0' * 32}").json()

    assert [one["app_id"] for one in found["applications"]] == [app]
    assert call("GET", f"{APPS}?include_details=true&connectionIds={'0' * 32}").json() == {"applications": []}


def test_removing_takes_everything_along_but_not_what_is_in_use(call, app, configure, do, canary):
    configure("basic_auth")
    call("POST", f"{APPS}/{app}/configs/draft/runtime_credentials",
         {"runtime_credentials": {"username": "u", "password": canary}})  # fmt: skip
    do("attach", ref=app, environment="draft", object_type="job", object_id="nightly")

    assert call("DELETE", f"{APPS}/{app}").status == 409
    do("detach", ref=app, environment="draft", object_type="job", object_id="nightly")
    assert call("DELETE", f"{APPS}/{app}").status == 204
    assert call("DELETE", f"{APPS}/{app}").status == 404
    assert app not in [one["name"] for one in do("list", limit=1000)["credentials"]]


def test_no_connection_is_called_like_an_address(call):
    refused = call("POST", APPS, {"app_id": "runtime_credentials"})

    assert (refused.status, "could not remove it" in refused.json()["detail"]) == (422, True)
