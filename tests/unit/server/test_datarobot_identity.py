"""Who is let in on the DataRobot face: Jupyter's token or a machine's, in any spelling, and never the one for the other."""

import base64
import json
import socket
import time

import pytest

from beside import client_of, vault_of
from credmagic.store.rows import AuditRow
from credmagic.testing.jupyter import TOKEN, jupyter_server
from credmagic.vault.sign_in import who

SECRET = "canary-I-4e8a1f05d3"
API = "credmagic/api/v2/"
GONE = "0" * 32
EVERY_CALL = [
    ("GET", "version/", None),
    ("GET", "credentials/", None),
    ("POST", "credentials/", {"name": "planted", "user": "u", "password": SECRET}),
    ("GET", "credentials/{id}/", None),
    ("PATCH", "credentials/{id}/", {"description": "changed"}),
    ("DELETE", "credentials/{id}/", None),
    ("GET", "credentials/{id}/associations/", None),
    ("PATCH", "credentials/{id}/associations/", {"credentialsToAdd": [{"objectId": "o", "objectType": "job"}]}),
    ("GET", "credentials/associations/job:o/", None),
    ("PUT", "credentials/{id}/associations/job:o/", {"isDefault": True}),
]
SPY = '''
import os
from jupyter_server.auth import IdentityProvider


class Spy(IdentityProvider):
    """As a Hub's provider would: it sees each header that it is asked about."""

    def get_user(self, handler):
        with open(os.environ["SPY_FILE"], "a") as seen:
            seen.write(handler.request.headers.get("Authorization", "-") + "\\n")
        return super().get_user(handler)
'''


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    made = tmp_path_factory.mktemp("identity")
    (made / "spying.py").write_text(SPY)
    return made


@pytest.fixture(scope="module")
def server(workdir):
    option = "--ServerApp.identity_provider_class=spying.Spy"
    environment = {"PYTHONPATH": str(workdir), "SPY_FILE": str(workdir / "seen"), "CREDMAGIC_RATES": "off"}
    with jupyter_server(workdir, option, environment=environment) as running:
        yield running
        assert SECRET not in running.log


@pytest.fixture(scope="module")
def notebook(server, workdir):
    """A client of the same store, as a notebook without a server has one."""
    with client_of(workdir) as client:
        yield client


@pytest.fixture(scope="module")
def credential(notebook):
    """The id of a credential of the user's."""
    fields = {"user": "jo", "password": SECRET}
    return notebook.call("create", name="warehouse", kind="basic", fields=fields, verify=False)["id"]


def signed_in(server, ident, password):
    answer = server.request("POST", "credmagic/api/sessions", {"email": ident, "password": password}, headers={})
    assert answer.status == 200, answer.body
    return answer.json()["authToken"]


@pytest.fixture(scope="module")
def machine(server, notebook):
    """The token of a machine."""
    notebook.call("machine_add", id="etl", password=SECRET)
    return signed_in(server, "etl", SECRET)


def tampered(token):
    """The same token with another role in it, and with no algorithm, and cut, and longer."""
    head, body, mac = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps({**claims, "plane": "B"}).encode()).decode().rstrip("=")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    return [f"{head}.{other}.{mac}", f"{none}.{body}.", f"{none}.{other}.{mac}", token[:-1], token + "A", f"{token} x",
            f"{head}.{body}", f"{token}.{token}", "eyJ", "eyJ" + "A" * 20_000]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), EVERY_CALL)
def test_who_is_not_known_gets_401_and_changes_nothing(server, notebook, credential, machine, method, path, body):
    before = notebook.call("list"), notebook.call("uses", ref=credential)["associations"]
    paused = notebook.call("machine_add", id="paused", password=SECRET)["id"]
    ended = signed_in(server, paused, SECRET)
    notebook.call("machine_remove", ref=paused)
    shown = [None, "", "Token", "Bearer ", "token wrong", f"Basic {TOKEN}", f"Digest {machine}", TOKEN, machine,
             f"Token {TOKEN} {TOKEN}", f"Bearer {ended}", *(f"Bearer {bad}" for bad in tampered(machine))]  # fmt: skip

    for header in shown:
        headers = {} if header is None else {"Authorization": header}
        answer = server.request(method, API + path.format(id=credential), body, headers=headers)
        assert (answer.status, answer.headers["content-type"]) == (401, "application/json"), header
        assert answer.json()["message"]
        assert "set-cookie" not in answer.headers
    assert (notebook.call("list"), notebook.call("uses", ref=credential)["associations"]) == before


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "bearer", "TOKEN", "bEARER"])
def test_either_token_comes_under_either_name(server, machine, credential, scheme):
    for token, names in ((TOKEN, ["warehouse"]), (machine, [])):
        headers = {"Authorization": f"{scheme} {token}", "X-DataRobot-Api-Consumer-Trace": "x"}
        answer = server.request("GET", API + "credentials/", headers=headers)
        assert (answer.status, [row["name"] for row in answer.json()["data"]]) == (200, names)


def test_jupyter_never_sees_what_looks_like_a_machines_token(server, workdir, machine):
    """Its provider, under a Hub, would send it there; with Jupyter's own token (the control) it is asked."""
    (workdir / "seen").write_text("")

    for token in (machine, machine[:-1], "eyJhbGciOiJub25lIn0.e30.", "eyJgarbage"):
        for scheme in ("Token", "bearer"):
            server.request("GET", API + "credentials/", headers={"Authorization": f"{scheme} {token}"})
    server.request("GET", API + "credentials/")

    assert set((workdir / "seen").read_text().split("\n")) == {f"token {TOKEN}", ""}


@pytest.mark.parametrize("path", ["credmagic/", "credmagic/api/nowhere", "credmagic/api/actions/BadName"])
def test_where_nothing_is_a_machine_hears_404_and_jupyter_nothing_of_it(server, workdir, machine, path):
    (workdir / "seen").write_text("")
    tokens = {machine: 404, TOKEN: 404, machine[:-1]: 401, "wrong": 401}

    found = {
        (token, method): server.request(method, path, headers={"Authorization": f"Bearer {token}"})
        for token in tokens
        for method in ("GET", "POST", "DELETE")
    }

    assert {asked: answer.status for asked, answer in found.items()} == {asked: tokens[asked[0]] for asked in found}
    assert all(answer.json()["message"] for answer in found.values())
    assert machine[:-1] not in (workdir / "seen").read_text()


def test_a_machine_that_is_paused_while_its_body_trickles_in_changes_nothing(server, notebook):
    notebook.call("machine_add", id="slow", password=SECRET)
    token = signed_in(server, "slow", SECRET)
    body = json.dumps({"name": "trickled", "user": "u", "password": SECRET}).encode()
    head = (
        f"POST /{API}credentials/ HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Token {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(head.encode() + body[:5])
        time.sleep(0.3)  # its head is read
        notebook.call("machine_pause", ref="slow")
        time.sleep(0.5)
        connection.sendall(body[5:])
        status = int(connection.recv(100).split()[1])

    assert status == 401
    notebook.call("machine_remove", ref="slow")  # refused, had it one of its own


def test_a_machine_gets_no_cookie_and_needs_no_xsrf(server, machine):
    headers = {"Authorization": f"Bearer {machine}", "Cookie": "_xsrf=other; a=b"}

    body = {"name": "by-machine", "user": "u", "password": SECRET}
    made = server.request("POST", API + "credentials/", body, headers=headers)

    assert (made.status, "set-cookie" in made.headers) == (201, False)
    gone = server.request("DELETE", f"{API}credentials/{made.json()['credentialId']}/", headers=headers)
    assert gone.status == 204


def test_what_a_machine_did_is_told_of_the_machine(server, workdir, machine):
    headers = {"Authorization": f"Token {machine}"}
    body = {"name": "logged", "user": "u", "password": SECRET}
    made = server.request("POST", API + "credentials/", body, headers=headers).json()["credentialId"]

    with vault_of(workdir) as vault:
        with vault.store.read() as reader:
            (row,) = reader.find(AuditRow, {"object_id": bytes.fromhex(made)})
        principal = who(vault, machine).principal

    told = json.loads(row.body)
    assert (row.action, told["plane"], told["principal"]) == ("credential.create", "machine", principal.hex())
    server.request("DELETE", f"{API}credentials/{made}/", headers=headers)


def test_a_machine_may_what_its_role_says(server, notebook, machine):
    fields = {"user": "jo", "password": SECRET}
    shared = notebook.call("create", name="shared", kind="basic", fields=fields, team=True, verify=False)["id"]
    notebook.call("machine_add", id="boss", role="Admin", password=SECRET)
    boss, path = signed_in(server, "boss", SECRET), f"{API}credentials/{shared}/"

    def change(token):
        headers = {"Authorization": f"Bearer {token}"}
        return server.request("PATCH", path, {"description": "changed"}, headers=headers)

    assert server.request("GET", path, headers={"Authorization": f"Bearer {machine}"}).status == 200
    assert (change(machine).status, change(machine).json()["code"]) == (403, "denied")
    assert change(boss).status == 200
    notebook.call("delete", ref=shared)


def test_a_token_given_for_a_jupyter_login_acts_as_the_user(server, notebook, credential):
    token = signed_in(server, "jo", TOKEN)

    answer = server.request("GET", f"{API}credentials/{credential}/", headers={"Authorization": f"Bearer {token}"})

    assert (answer.status, answer.json()["name"]) == (200, "warehouse")


def test_another_body_than_json_and_another_host_are_refused_with_a_machines_token_too(server, machine):
    headers = {"Authorization": f"Bearer {machine}"}

    text = server.request("POST", API + "credentials/", b"{}", headers={**headers, "Content-Type": "text/plain"})
    foreign = server.request("GET", API + "credentials/", headers={**headers, "Host": "evil.example.org"})
    query = server.request("GET", f"{API}credentials/?token={TOKEN}", headers=headers)

    assert (text.status, foreign.status, query.status) == (415, 403, 401)


def test_wrong_tokens_wait_and_right_ones_do_not(tmp_path):
    """Never 429: this client would repeat it for minutes."""
    with jupyter_server(tmp_path) as server:

        def seconds(token):
            started = time.monotonic()
            answer = server.request("GET", API + "version/", headers={"Authorization": f"Bearer {token}"})
            return answer.status, time.monotonic() - started

        wrong = [seconds("wrong" if number % 2 else "eyJwrong") for number in range(14)]
        right = seconds(TOKEN)

    assert {status for status, _ in wrong} == {401}
    assert right[0] == 200
    assert wrong[-1][1] >= 0.8 > right[1]
