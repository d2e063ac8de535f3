"""Plane M on a real Jupyter server: values for a machine's token, and for nothing that looks like a browser."""

import http.client
import json
import secrets
import socket
import subprocess
import sys
import threading
import time

import pytest

from credmagic.client.remote import AccessKeyToken, RemoteClient
from credmagic.errors import AccessDenied, CredentialNotFound, InvalidCredential, NotSignedIn, RateLimited
from credmagic.server.answers import HEADERS
from credmagic.testing.jupyter import TOKEN, isolated, jupyter_server
from credmagic.vault.actions import ACTIONS
from machine_store import machine_store

SECRET = f"Kanari-{secrets.token_hex(12)}-ß/+&\"'"
RESOLVE, ACTION = "credmagic/api/resolve", "credmagic/api/actions/"
USER_TOKEN = """
from credmagic.vault.audit import Caller
from credmagic.vault.sign_in import issue_for_user
from credmagic.wiring import open_vault
print(str.__str__(issue_for_user(open_vault(), Caller("browser")).token))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with machine_store(tmp_path_factory.mktemp("m"), SECRET) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(store):
    options = ["--ServerApp.disable_check_xsrf=True", "--ServerApp.allow_origin=*"]
    options += ["--ServerApp.allow_unauthenticated_access=False"]
    with jupyter_server(store.workdir, *options) as running:
        yield running
        assert SECRET not in running.log


@pytest.fixture(scope="module")
def key(store):
    return store.key()


@pytest.fixture(scope="module")
def token(server, key):
    return AccessKeyToken(server.url, key.id, key.secret)


@pytest.fixture
def client(server, token):
    made = RemoteClient(server.url, token)
    yield made
    made.close()


@pytest.fixture
def ask(server, token):
    """`ask(path, body)` with the machine's token; every answer is checked for its headers."""

    def request(path, body=None, method="POST", **headers):
        sent = {"Authorization": f"Bearer {token()}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        answer = server.request(method, path, {} if body is None else body, headers=sent)
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == HEADERS
        assert not {name for name in answer.headers if name.startswith(("set-cookie", "access-control", "location"))}
        assert answer.status == 200 or SECRET not in json.dumps(answer.json(), ensure_ascii=False)
        return answer

    return request


def test_a_machine_gets_the_values_its_role_allows(client):
    found = client.resolve("warehouse")

    assert found["fields"] == {"user": "jo", "password": SECRET}
    assert found["environ"]["WAREHOUSE_PASSWORD"] == SECRET


def test_a_use_is_in_the_log_with_its_plane_and_whose_it_was(client, store):
    client.resolve("warehouse")

    event = store.events("use")[0]
    assert (event["plane"], event["outcome"], event["version"], event["peer"]) == ("machine", "ok", 1, "127.0.0.1")
    assert len(event["principal"]) == 32


def test_what_belongs_to_the_user_alone_is_as_unknown_as_what_is_not_there(client, store):
    own = store.call("create", name="mine", kind="bearer", fields={"token": SECRET}, verify=False)

    heard = set()
    for ref in (own["id"], "0" * 32):
        with pytest.raises(CredentialNotFound) as error:
            client.resolve(ref)
        heard.add((error.value.message.replace(ref, "ID"), error.value.next_step))
    store.call("delete", ref="mine")
    assert len(heard) == 1


def test_an_admin_gets_no_value_of_somebody_else(server, store):
    own = store.call("create", name="mine", kind="bearer", fields={"token": SECRET}, verify=False)
    key = store.key("Admin")
    admin = RemoteClient(server.url, AccessKeyToken(server.url, key.id, key.secret))

    with pytest.raises((CredentialNotFound, AccessDenied)):
        admin.resolve(own["id"])

    admin.close()
    store.call("delete", ref="mine")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Cookie", "_xsrf=1"),
        ("Origin", "https://example.org"),
        ("Origin", "null"),
        ("Referer", "http://127.0.0.1/lab"),
        ("Sec_Fetch_Site", "same-origin"),
        ("Sec_Fetch_Site", "cross-site"),
        ("Sec_Fetch_Mode", "cors"),
        ("sec_fetch_dest", "empty"),
    ],
)
@pytest.mark.parametrize("path", [RESOLVE, ACTION + "names"])
def test_a_browsers_header_is_refused_and_recorded(ask, store, path, header, value):
    before = len(store.events("browser_headers_refused"))

    answer = ask(path, {"ref": "warehouse"}, **{header: value})

    assert (answer.status, answer.json()["code"]) == (403, "denied")
    assert len(store.events("browser_headers_refused")) == before + 1


def test_a_browser_is_refused_before_its_body_is_read(server, token):
    head = (
        f"POST /{RESOLVE} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token()}\r\n"
        "Origin: null\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("path", [RESOLVE, ACTION + "names"])
def test_a_token_for_a_jupyter_login_opens_nothing_here(server, store, path):
    done = subprocess.run(
        [sys.executable, "-c", USER_TOKEN], env=isolated(store.workdir), capture_output=True, text=True, check=True
    )
    answer = server.request("POST", path, {}, headers={"Authorization": f"Bearer {done.stdout.strip()}"})

    assert (answer.status, answer.json()["code"]) == (403, "denied")
    assert store.events("request_refused")[0]["plane"] == "browser"


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}",
        f"token {TOKEN}",
        "Basic am86cGFzcw==",
        "Bearer a.b.c",
        "Bearer ä.ö.ü",
        "Bearer " + "x" * 9000,
    ],
)
def test_who_is_unknown_is_told_the_same_always(ask, shown):
    answer = ask(RESOLVE, {"ref": "warehouse"}, Authorization=shown)

    assert (answer.status, answer.json()["code"]) == (401, "token_invalid")


def test_jupyters_own_token_in_a_query_is_no_way_in(ask):
    assert ask(f"{RESOLVE}?token={TOKEN}", {"ref": "warehouse"}).status == 401


def test_a_kernels_token_beside_it_is_refused(ask):
    assert ask(RESOLVE, {"ref": "warehouse"}, X_Credmagic_Kernel_Token="x").status == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", [RESOLVE, ACTION + "names", RESOLVE + "/"])
def test_only_post_is_taken(ask, path, method):
    answer = ask(path, method=method)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"\xff", 400),
        ([], 422),
        ({"ref": 1}, 422),
        ({"ref": "warehouse", "version": "1"}, 422),
        ({"ref": "warehouse", "self": 1, "action": "names", "plane": "local"}, 422),
        ({"ref": "warehouse", "principal": None, "nope": 1}, 422),
        ({"kind": "nope"}, 404),
        ({}, 422),
        (b'{"ref": "' + b"x" * (1 << 20) + b'"}', 422),
    ],
)
def test_a_question_that_is_none_is_refused_in_words(ask, body, status):
    assert ask(RESOLVE, body, Content_Type="application/json").status == status


def test_a_body_that_is_not_said_to_be_json_is_not_read(ask):
    assert ask(RESOLVE, b"ref=warehouse", Content_Type="application/x-www-form-urlencoded").status == 415


@pytest.mark.parametrize("action", [name for name, one in ACTIONS.items() if one.permission == "use"])
def test_values_leave_through_one_door(ask, action):
    answer = ask(ACTION + action, {"ref": "warehouse"})

    if action == "reveal":  # sealed to the browser that asks, and only what the same identity has just made
        assert answer.status == 422
    else:
        assert (answer.status, answer.json()["next_step"]) == (403, "POST api/resolve")


@pytest.mark.parametrize("action", [name for name, one in ACTIONS.items() if one.local_only])
def test_what_is_done_in_a_terminal_only_is_not_done_from_elsewhere(server, store, action):
    key = store.key("Admin")
    admin = RemoteClient(server.url, AccessKeyToken(server.url, key.id, key.secret))

    with pytest.raises((AccessDenied, InvalidCredential)) as error:
        admin.call(action)

    admin.close()
    assert isinstance(error.value, AccessDenied)


def test_the_rest_of_the_table_is_there_for_notebooks_elsewhere(client, store):
    made = client.call("create", name="own", kind="bearer", fields={"token": SECRET}, verify=False)
    rotated = client.call("rotate", ref="own", fields={"token": SECRET + "2"}, verify=False)
    listed = client.call("list")

    assert (made["owner"], rotated["version"]) == ("me", 2)
    assert {view["name"] for view in listed["credentials"]} == {"own", "warehouse"}
    assert SECRET not in json.dumps([made, rotated, listed], ensure_ascii=False)
    assert client.resolve("own")["fields"]["token"] == SECRET + "2"
    assert client.call("delete", ref="own")["deleted"]["name"] == "own"
    with pytest.raises(CredentialNotFound):
        client.call("nothing_like_it")


def test_what_was_generated_is_not_in_the_answer(client):
    client.call("create", name="made", kind="basic", fields={"user": "jo", "password": SECRET}, verify=False)

    answer = client.call("generate", ref="made")
    made = client.resolve("made")["fields"]["password"]

    client.call("delete", ref="made")
    assert answer["generated"] == "password"
    assert made not in json.dumps(answer)


def test_an_admin_makes_a_key_whose_secret_is_shown_once_and_a_password_never(server, store):
    key = store.key("Admin")
    admin = RemoteClient(server.url, AccessKeyToken(server.url, key.id, key.secret))

    app = admin.call("app_add", name="made elsewhere")
    fresh = admin.call("key_create", ref=app["id"])
    machine = admin.call("machine_add", id="made.elsewhere")
    listed = admin.call("keys", ref=app["id"])

    admin.close()
    assert fresh["secret"].startswith("cms_")
    assert fresh["secret"] not in json.dumps(listed)
    assert "password" not in machine
    assert RemoteClient(server.url, AccessKeyToken(server.url, fresh["id"], fresh["secret"])).call("names")


def test_a_contributor_makes_no_keys(client):
    with pytest.raises(AccessDenied):
        client.call("app_add", name="x")


def trickled(server, token, wait):
    """The status of a question whose body ends only after `wait()`."""
    body = b'{"ref": "warehouse"}'
    head = (
        f"POST /{RESOLVE} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(head.encode() + body[:5])
        wait()
        connection.sendall(body[5:])
        return int(connection.recv(100).split()[1])


def test_a_key_that_is_paused_while_its_question_trickles_in_gets_no_answer(server, store):
    key = store.key()
    token = AccessKeyToken(server.url, key.id, key.secret)

    def pause():
        store.call("key_pause", key_id=key.id)
        time.sleep(0.7)

    assert trickled(server, token(), lambda: None) == 200
    assert trickled(server, token(), pause) == 401


def used_until_refused(client, deadline):
    while time.monotonic() < deadline:
        client.resolve("warehouse")


def test_pausing_a_key_ends_its_use_within_a_second(server, store):
    key = store.key()
    client = RemoteClient(server.url, AccessKeyToken(server.url, key.id, key.secret))
    client.resolve("warehouse")

    waited = []
    for _ in range(5):
        store.call("key_pause", key_id=key.id)
        paused = time.monotonic()
        with pytest.raises(NotSignedIn) as error:
            used_until_refused(client, paused + 5)
        waited.append(time.monotonic() - paused)
        store.call("key_resume", key_id=key.id)
        client.resolve("warehouse")  # signs in anew by itself

    client.close()
    assert error.value.code == "bad_credentials"
    assert max(waited) < 1


def test_a_removed_application_or_key_ends_its_use_too(server, store):
    for remove in (
        lambda key: store.call("key_remove", key_id=key.id),
        lambda key: store.call("app_remove", ref=key.app),
    ):
        key = store.key()
        client = RemoteClient(server.url, AccessKeyToken(server.url, key.id, key.secret))
        client.resolve("warehouse")
        remove(key)
        with pytest.raises(NotSignedIn):
            client.resolve("warehouse")
        client.close()


def test_many_threads_share_one_client(client):
    found, failed = [], []

    def use():
        try:
            found.append(client.resolve("warehouse")["fields"]["password"])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=use) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert found == [SECRET] * 24


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A server that allows six requests a minute, and its store."""
    workdir = tmp_path_factory.mktemp("busy")
    with (
        machine_store(workdir, SECRET) as opened,
        jupyter_server(workdir, "--Credmagic.machine_requests_per_minute=6") as running,
    ):
        yield running, opened


def from_address(server, token, source):
    """Status and `Retry-After` of a question from another address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, 30, source_address=(source, 0))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", f"/{RESOLVE}", '{"ref": "warehouse"}', headers)
    answer = connection.getresponse()
    told = json.loads(answer.read()).get("details", {}).get("retry_after", 0)
    connection.close()
    assert told == int(answer.headers.get("Retry-After", 0))
    return answer.status, told


def test_too_many_requests_are_told_to_wait_and_recorded_once(busy):
    """Of one address, and of one machine wherever it asks from; others are not held up."""
    server, store = busy
    keys = [store.key(), store.key()]
    tokens = [AccessKeyToken(server.url, key.id, key.secret)() for key in keys]  # two requests of 127.0.0.1

    machine = [from_address(server, tokens[0], f"127.0.0.{2 + number // 4}") for number in range(9)]
    recorded = len(store.events("rate_limited"))
    other = [from_address(server, tokens[1], "127.0.0.1")[0] for _ in range(6)]

    assert [status for status, _ in machine] == [200] * 6 + [429] * 3
    assert all(0 < wait <= 60 for _, wait in machine[6:])
    assert recorded == 1
    assert other == [200] * 4 + [429] * 2
    assert len(store.events("rate_limited")) == 2


def test_a_client_hears_how_long_to_wait(busy):
    server, store = busy
    key = store.key()

    client = RemoteClient(server.url, AccessKeyToken(server.url, key.id, key.secret))
    with pytest.raises(RateLimited) as error:
        used_until_refused(client, time.monotonic() + 30)

    assert error.value.next_step.startswith("Wait ")


def test_a_server_without_a_store_makes_none_for_a_stranger(tmp_path):
    """Neither for a token nor for somebody who signs in, by whatever words."""
    signing_in = {
        "credmagic/api/token": {"keyId": "cmk_x", "keySecret": "x"},
        "credmagic/api/sessions": {"email": "x", "password": "x"},
        "credmagic/icp4d-api/v1/authorize": {"username": "x", "password": "x"},
    }
    shown = {"Authorization": "Bearer eyJa.b.c"}
    with jupyter_server(tmp_path) as server:
        answers = [server.request("POST", path, body, headers={}) for path, body in signing_in.items()]
        answers += [server.request("POST", RESOLVE, {"ref": "x"}, headers=shown)]
        answers += [server.request("GET", "credmagic/api/v2/credentials/", headers=shown)]

    assert [answer.status for answer in answers] == [401] * 5
    assert not (tmp_path / "home/data/credmagic.db").exists()
