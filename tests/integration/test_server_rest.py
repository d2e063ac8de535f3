"""The Jupyter port: metadata and writes in DataRobot's words, for this server's users only, never a value."""

import http.client
import json
import re

import pytest

from credmagic.server.answers import HEADERS
from credmagic.testing.jupyter import TOKEN, jupyter_server

SECRET = "canary-B-8d41f0c6b2"
BASE = "user/jo/"
API = "credmagic/api/v2/"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    options = ["--ServerApp.disable_check_xsrf=True", "--ServerApp.allow_origin=*"]
    waits_off = {"CREDMAGIC_RATES": "off"}  # hundreds of wrong tokens come from one address here
    workdir = tmp_path_factory.mktemp("b")
    with jupyter_server(workdir, *options, base_url=f"/{BASE}", environment=waits_off) as running:
        yield running


@pytest.fixture
def api(server):
    """`api(method, path, body)` below `api/v2/`; every answer is checked for headers and for the canary."""

    def call(method, path, body=None, **more):
        answer = server.request(method, API + path, body, **more)
        expected = {
            name: None if answer.status == 204 and name == "Content-Type" else HEADERS[name] for name in HEADERS
        }
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == expected
        assert "access-control-allow-origin" not in answer.headers
        assert SECRET.encode() not in answer.body
        assert answer.body.isascii()
        return answer

    yield call
    for row in call("GET", "credentials/?limit=1000").json()["data"]:
        for held in call("GET", f"credentials/{row['credentialId']}/associations/").json()["data"]:
            call(
                "PATCH", f"credentials/{row['credentialId']}/associations/", {"credentialsToRemove": [held["objectId"]]}
            )
        call("DELETE", f"credentials/{row['credentialId']}/")


@pytest.fixture
def made(api):
    """The id of a stored basic credential called `warehouse`."""
    body = {"name": "warehouse", "credentialType": "basic", "user": "jo", "password": SECRET, "description": "the one"}
    return api("POST", "credentials/", body).json()["credentialId"]


def errors_of(answer):
    return set(answer.json()["errors"])


# ── one credential ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_version_is_one_the_client_knows(api):
    assert api("GET", "version/").json() == {
        "major": 2, "minor": 49, "versionString": "2.49.0", "releasedVersion": "2.49.0",
    }  # fmt: skip


def test_a_credential_is_created_and_read_back_without_its_secret(api):
    answer = api("POST", "credentials/", {"name": "Größe 💾", "user": "jo", "password": SECRET})

    created = answer.json()
    assert answer.status == 201
    assert created["credentialType"] == "basic"
    assert created["description"] == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", created["creationDate"])
    assert api("GET", f"credentials/{created['credentialId']}/").json() == created


def test_camel_case_names_of_fields_are_understood(api):
    body = {"name": "bucket", "credentialType": "s3", "awsAccessKeyId": "AKIAEXAMPLE0", "awsSecretAccessKey": SECRET}

    assert api("POST", "credentials/", body).status == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user": "a", "password": "b"}, "name"),
        ({"name": " ", "user": "a", "password": "b"}, "name"),
        ({"name": 3, "user": "a", "password": "b"}, "name"),
        ({"name": "x", "credentialType": "no_such_type"}, "credentialType"),
        ({"name": "x", "credentialType": "basic", "user": "a"}, "password"),
        ({"name": "x", "credentialType": "s3", "awsAccessKeyId": "AKIA"}, "awsSecretAccessKey"),
        ({"name": "x", "user": "a", "password": ["b"]}, "password"),
    ],
)
def test_a_bad_field_is_named_as_it_was_sent(api, body, field):
    answer = api("POST", "credentials/", body)

    assert answer.status == 422
    assert field in errors_of(answer)
    assert api("GET", "credentials/").json()["data"] == []


def test_a_refused_value_is_not_repeated(api, server):
    answer = api("POST", "credentials/", {"name": "x", "user": "a", "password": SECRET, "apiToken": SECRET})

    assert answer.status == 422
    assert SECRET not in server.log


def test_a_name_serves_once(api, made):
    again = {"name": "WAREHOUSE", "user": "x", "password": "yyyyyyyy"}
    assert api("POST", "credentials/", again).status == 409

    other = api("POST", "credentials/", {"name": "other", "user": "x", "password": "yyyyyyyy"}).json()["credentialId"]
    assert api("PATCH", f"credentials/{other}/", {"name": "warehouse"}).status == 409
    assert api("GET", f"credentials/{other}/").json()["name"] == "other"
    assert api("PATCH", f"credentials/{made}/", {"name": "warehouse"}).status == 200


def test_patch_changes_what_is_given(api, made):
    assert api("PATCH", f"credentials/{made}/", {"description": "new"}).json()["name"] == "warehouse"
    assert api("PATCH", f"credentials/{made}/", {"password": SECRET + "2"}).json()["version"] == 2
    assert api("GET", f"credentials/{made}/").json()["description"] == "new"

    renamed = api("PATCH", f"credentials/{made}/", {"name": "renamed"}).json()
    assert (renamed["name"], renamed["description"]) == ("renamed", "")


@pytest.mark.parametrize("body", [None, {}, {"credentialType": "s3"}, {"name": ""}, {"noSuchField": "x"}])
def test_a_patch_that_cannot_be_is_refused(api, made, body):
    answer = api("PATCH", f"credentials/{made}/", body)

    assert answer.status == 422
    assert api("GET", f"credentials/{made}/").json()["description"] == "the one"


def test_delete_ends_it_and_frees_the_name(api, made):
    answer = api("DELETE", f"credentials/{made}/")

    assert (answer.status, answer.body) == (204, b"")
    assert api("GET", f"credentials/{made}/").status == 404
    assert api("POST", "credentials/", {"name": "warehouse", "user": "x", "password": "yyyyyyyy"}).status == 201


@pytest.mark.parametrize("odd", ["0" * 32, "x", "..", "%2e%2e", "a%00b", "warehouse", "'", "A" * 3000])
def test_an_unknown_id_is_404_whatever_it_looks_like(api, made, odd):
    for method in ("GET", "PATCH", "DELETE"):
        body = {"description": "x"} if method == "PATCH" else None
        assert api(method, f"credentials/{odd}/", body).status == 404
    assert api("GET", f"credentials/{made}/").status == 200


def test_a_name_that_looks_like_an_id_is_not_one(api):
    name = "0123456789abcdef" * 2
    assert api("POST", "credentials/", {"name": name, "user": "x", "password": "yyyyyyyy"}).status == 201

    assert api("GET", f"credentials/{name}/").status == 404
    assert api("DELETE", f"credentials/{name}/").status == 404


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pages_neither_repeat_nor_lose_a_row(api, server):
    for number in range(7):
        api("POST", "credentials/", {"name": f"c{number}", "user": "x", "password": "yyyyyyyy"})

    seen, url, pages = [], f"http://127.0.0.1:{server.port}/{BASE}{API}credentials/?limit=3&types=basic", 0
    while url:
        assert url.startswith(f"http://127.0.0.1:{server.port}/{BASE}{API}credentials/?")
        page = api("GET", url.split(API)[1]).json()
        assert (page["count"], page["totalCount"]) == (len(page["data"]), 7)
        assert "types=basic" in (page["next"] or "types=basic")
        seen += [row["name"] for row in page["data"]]
        url, pages, before = page["next"], pages + 1, page["previous"]

    assert seen == [f"c{number}" for number in range(7)]
    assert pages == 3
    assert "offset=3" in before


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=0", "limit=1001", "limit=x", "offset=-1", "offset=1.5", "types=no"]
)
def test_a_query_that_makes_no_page_is_422(api, query):
    assert api("GET", f"credentials/?{query}").status == 422


# ── associations ─────────────────────────────────────────────────────────────────────────────────────────────


def test_links_to_pages_carry_the_query_as_it_came(api, made):
    page = api("GET", "credentials/?limit=1&offset=1&odd=%ff%20").json()

    assert page["previous"].endswith("credentials/?limit=1&odd=%FF+&offset=0")


def test_put_attaches_and_then_changes(api, made):
    path = f"credentials/{made}/associations/dataconnection:5f2c/"

    first, second = api("PUT", path, {"isDefault": True}), api("PUT", path, {})

    assert (first.status, second.status) == (201, 200)
    row = {"objectId": "5f2c", "objectType": "dataconnection", "link": None}
    assert first.json() == {**row, "isDefault": True}
    assert second.json() == {**row, "isDefault": False}


def test_both_directions_tell_the_same(api, made):
    api("PUT", f"credentials/{made}/associations/batch_prediction_job_definition:7/", {"isDefault": True})

    forward = api("GET", f"credentials/{made}/associations/").json()
    backward = api("GET", "credentials/associations/batch_prediction_job_definition:7/").json()

    assert forward["data"][0]["objectType"] == "batchPredictionJobDefinition"
    assert (forward["totalCount"], backward["totalCount"]) == (1, 1)
    assert backward["data"][0].items() >= {"credentialId": made, "isDefault": True, "objectId": "7"}.items()
    assert api("GET", "credentials/associations/dataconnection:7/").json()["data"] == []


def test_one_default_an_object_on_this_face(api, made):
    other = api("POST", "credentials/", {"name": "token", "credentialType": "bearer", "token": "tttttttt"}).json()
    path = "associations/dataconnection:d1/"
    api("PUT", f"credentials/{made}/{path}", {"isDefault": True})
    api("PUT", f"credentials/{other['credentialId']}/{path}", {"isDefault": True})

    rows = api("GET", f"credentials/{path}?orderBy=-isDefault").json()["data"]

    assert [(row["name"], row["isDefault"]) for row in rows] == [("token", True), ("warehouse", False)]


def test_patch_adds_or_removes_all_or_nothing(api, made):
    path = f"credentials/{made}/associations/"
    one, two = ({"objectId": name, "objectType": "dataconnection"} for name in ("one", "two"))

    assert api("PATCH", path, {"credentialsToAdd": [one, two]}).status == 204
    assert api("PATCH", path, {"credentialsToAdd": [one, {**one, "objectId": "three"}]}).status == 409
    assert api("PATCH", path, {"credentialsToRemove": ["one", "nine"]}).status == 409
    assert {row["objectId"] for row in api("GET", path).json()["data"]} == {"one", "two"}
    assert api("PATCH", path, {"credentialsToRemove": ["one", "two"]}).status == 204
    assert api("GET", path).json()["data"] == []


@pytest.mark.parametrize(
    "body",
    [
        None, {}, {"credentialsToAdd": [], "credentialsToRemove": []}, {"credentialsToAdd": []},
        {"credentialsToAdd": [{"objectId": "x", "objectType": "spaceship"}]}, {"credentialsToAdd": ["x"]},
        {"credentialsToRemove": [1]}, {"credentialsToRemove": "x"}, {"isDefault": True},
    ],
)  # fmt: skip
def test_an_associations_patch_that_says_nothing_clear_is_422(api, made, body):
    assert api("PATCH", f"credentials/{made}/associations/", body).status == 422


def test_a_notebooks_path_is_an_object(api, made):
    quoted = "deep%2F%C3%BCber%20alles.ipynb"
    assert api("PUT", f"credentials/{made}/associations/notebook:{quoted}/", {"isDefault": True}).status == 201

    assert api("GET", f"credentials/{made}/associations/").json()["data"][0]["objectId"] == "deep/über alles.ipynb"
    assert api("GET", f"credentials/associations/notebook:{quoted}/").json()["totalCount"] == 1


def test_what_is_attached_is_not_deleted(api, made):
    api("PUT", f"credentials/{made}/associations/dataconnection:d9/", {})

    answer = api("DELETE", f"credentials/{made}/")

    assert (answer.status, answer.json()["code"]) == (409, "in_use")
    assert api("GET", f"credentials/{made}/").status == 200


# ── who may, and how ─────────────────────────────────────────────────────────────────────────────────────────

EVERY_PATH = [
    "api/v2/version/", "api/v2/credentials/", f"api/v2/credentials/{'0' * 32}/", f"api/v2/credentials/{'0' * 32}/associations/",
    "api/v2/credentials/associations/notebook:x/", f"api/v2/credentials/{'0' * 32}/associations/notebook:x/",
    "api/kinds", "api/kinds/", "api/health", "api/nothing", "nothing/at/all", "", "v1/resolve",
]  # fmt: skip
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW"]


@pytest.mark.parametrize("path", EVERY_PATH)
def test_nobody_gets_anything_but_401_or_405(server, path):
    for method in METHODS:
        for identity in (
            {},
            {"Authorization": "token wrong"},
            {"Authorization": "Basic abc"},
            {"Authorization": "Token "},
        ):
            answer = server.request(method, f"credmagic/{path}", None, headers=identity)
            assert answer.status == (405 if method in ("TRACE", "BREW") else 401), (method, path)
            assert_form(answer, method)


@pytest.mark.parametrize("path", EVERY_PATH)
def test_every_answer_has_the_form(server, path):
    for method in METHODS:
        for body in (None, {}, b"{", b"[]"):
            sent = None if body is None else (json.dumps(body).encode() if isinstance(body, dict) else body)
            headers = {**server.headers, "Content-Type": "application/json"}
            answer = server.request(method, f"credmagic/{path}", sent, headers=headers)
            assert answer.status in (200, 400, 404, 405, 422), (method, path, answer)
            assert_form(answer, method)


def assert_form(answer, method):
    assert {name: answer.headers.get(name.lower()) for name in HEADERS} == HEADERS
    assert not {"location", "access-control-allow-origin", "access-control-allow-headers"} & set(answer.headers)
    if answer.status == 405:
        assert "allow" in answer.headers
    if method != "HEAD" and answer.status != 204:
        body = answer.json()
        assert answer.status < 300 or (body["message"] and body["code"])


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", "bearer", "TOKEN"])
def test_the_jupyter_token_is_accepted_under_both_names(server, scheme):
    headers = {"Authorization": f"{scheme} {TOKEN}", "X-DataRobot-Api-Consumer-Trace": "x"}

    assert server.request("GET", API + "credentials/", headers=headers).status == 200


def test_a_token_in_the_address_is_refused(server):
    for headers in ({}, server.headers):
        assert server.request("GET", f"{API}credentials/?token={TOKEN}", headers=headers).status == 401
    assert (
        server.request("GET", f"api/status?token={TOKEN}", headers={}).status == 200
    )  # control: Jupyter itself takes it


def test_a_token_in_a_form_is_no_identity(server):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = server.request("POST", API + "credentials/", f"token={TOKEN}".encode(), headers=form)

    assert answer.status == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "garbage"])
def test_another_site_is_refused(server, site):
    headers = {**server.headers, "Sec-Fetch-Site": site}

    assert server.request("GET", API + "credentials/", headers=headers).status == 403
    assert (
        server.request("GET", API + "credentials/", headers={**headers, "Sec-Fetch-Site": "same-origin"}).status == 200
    )


def test_a_kernel_token_has_no_meaning_here(server):
    headers = {**server.headers, "X-Credmagic-Kernel-Token": "x"}

    assert server.request("GET", API + "credentials/", headers=headers).status == 403


def test_a_body_must_be_said_to_be_json(server):
    body = json.dumps({"name": "x", "user": "u", "password": "pppppppp"}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {**server.headers, "Content-Type": kind}
        assert server.request("POST", API + "credentials/", body, headers=headers).status == 415
    assert server.request("POST", API + "credentials/", body, headers=server.headers).status == 415


def test_a_body_over_a_mebibyte_is_422(api):
    assert api("POST", "credentials/", {"name": "x", "user": "u", "password": "p" * (1 << 20)}).status == 422


def cookies_of(server):
    """A browser's cookies, as the login page gives them: identity and `_xsrf`."""
    answer = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    answer.request("GET", f"/{BASE}login?token={TOKEN}")
    first = answer.getresponse()
    first.read()
    found = [value.partition(";")[0] for name, value in first.getheaders() if name.lower() == "set-cookie"]
    answer.request("GET", f"/{BASE}tree", headers={"Cookie": "; ".join(found)})
    second = answer.getresponse()
    second.read()
    found += [value.partition(";")[0] for name, value in second.getheaders() if name.lower() == "set-cookie"]
    answer.close()
    return dict(text.split("=", 1) for text in found)


def test_a_cookie_needs_xsrf_even_where_the_server_does_not_ask_for_it(server):
    """The server runs with disable_check_xsrf; its own API (the control) then takes the same request."""
    jar = cookies_of(server)
    cookie = "; ".join(f"{name}={value}" for name, value in jar.items())
    body = {"name": "by-cookie", "user": "u", "password": "pppppppp"}

    def post(**headers):
        return server.request("POST", API + "credentials/", body, headers={"Cookie": cookie, **headers}).status

    assert "_xsrf" in jar
    assert server.request("GET", API + "credentials/", headers={"Cookie": cookie}).status == 200
    assert server.request("POST", "api/kernels", {"name": "no"}, headers={"Cookie": cookie}).status != 403
    assert post() == 403
    assert post(**{"X-XSRFToken": "wrong"}) == 403
    created = server.request(
        "POST", API + "credentials/", body, headers={"Cookie": cookie, "X-XSRFToken": jar["_xsrf"]}
    )
    assert created.status == 201
    server.request("DELETE", f"{API}credentials/{created.json()['credentialId']}/")


# ── own addresses ────────────────────────────────────────────────────────────────────────────────────────────


def test_kinds_are_listed_with_their_fields(server):
    kinds = {kind["kind"]: kind for kind in server.request("GET", "credmagic/api/kinds").json()["kinds"]}

    assert {"basic", "database", "s3", "gcp"} <= set(kinds)
    assert [field["name"] for field in kinds["basic"]["fields"] if field["secret"]] == ["password"]


def test_health_says_how_the_vault_is(server):
    health = server.request("GET", "credmagic/api/health").json()

    assert health["status"] == "ok"
    assert health["vault"] in ("open", "none")
    assert health["kernels"] is True


def test_the_debug_log_knows_no_value(server, api, made):
    """After all of the above, with malformed bodies among them."""
    headers = {**server.headers, "Content-Type": "application/json"}
    server.request("POST", API + "credentials/", b'{"password": "' + SECRET.encode() + b'",,', headers=headers)
    api("PATCH", f"credentials/{made}/", {"password": SECRET, "nonsense": SECRET})

    assert f"/{BASE}{API}credentials/" in server.log  # control: the log does tell of these requests
    assert SECRET not in server.log
