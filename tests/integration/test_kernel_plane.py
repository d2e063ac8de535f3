"""A real Jupyter server, real kernels, and what their socket gives to whom."""

import base64
import http.client
import json
import os
import signal
import socket
import stat
import tempfile
import time
from pathlib import Path

import pytest

from credmagic.client.socket import SocketClient
from credmagic.crypto.entry import entry_info, seal_entry
from credmagic.errors import (
    AccessDenied,
    CredentialNotFound,
    CredmagicError,
    InvalidCredential,
    NameTaken,
    NotSignedIn,
    Unreachable,
)
from credmagic.server.answers import HEADERS
from credmagic.testing.jupyter import jupyter_server

SECRET = "canary-K-5f2c1d7e9a"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("k"), base_url="/user/jo/") as running:
        yield running


@pytest.fixture(scope="module")
def kernel(server):
    return server.start_kernel("work.ipynb")


def token_and_client(server, kernel_id):
    env = server.kernel_environment(kernel_id)
    token = env["CREDMAGIC_KERNEL_TOKEN"]
    return token, SocketClient(env["CREDMAGIC_SOCKET"], token)


@pytest.fixture(scope="module")
def client(server, kernel):
    made = token_and_client(server, kernel)[1]
    made.call("create", name="warehouse", kind="basic", fields={"user": "jo", "password": SECRET}, verify=False)
    yield made
    made.close()


def raw(client, method="POST", path="/v1/names", body=b"{}", **headers):
    """One request with headers of our own choice, sent in one piece; (status, headers, parsed body)."""
    sent = {"Host": "localhost", "Content-Type": "application/json", "X-Credmagic-Kernel-Token": client._token}
    sent |= {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value is not None)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(client._path)
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        with http.client.HTTPResponse(connection, method=method) as answer:
            answer.begin()
            return answer.status, answer.headers, json.loads(answer.read())


def test_a_kernel_reads_what_it_stored(client):
    found = client.resolve("warehouse")

    assert found["fields"] == {"user": "jo", "password": SECRET}
    assert found["environ"]["WAREHOUSE_PASSWORD"] == SECRET


def test_errors_arrive_as_the_classes_the_vault_raised(client):
    with pytest.raises(NameTaken) as taken:
        client.call("create", name="warehouse", kind="basic", fields={"user": "a", "password": "b"}, verify=False)
    with pytest.raises(CredentialNotFound) as missing:
        client.resolve("warehose")

    assert taken.value.errors == {"name": "taken"}
    assert "%cred" in missing.value.next_step


def test_operator_actions_are_refused_on_the_socket(client):
    with pytest.raises(AccessDenied):
        client.call("recovery_key")
    with pytest.raises(AccessDenied):
        client.call("protect", provider="key_file")


def test_an_unknown_action_is_a_typed_error(client):
    with pytest.raises(CredmagicError) as error:
        client.call("no_such_action")

    assert error.value.code == "not_found"


@pytest.mark.parametrize(
    "header", ["Cookie", "Origin", "Referer", "Sec_Fetch_Site", "Sec_Fetch_Mode", "sec_fetch_dest", "Authorization"]
)
def test_a_request_with_a_browsers_header_is_refused_and_recorded(client, header):
    status, _, body = raw(client, path="/v1/resolve", body=b'{"ref": "warehouse"}', **{header: "x"})

    assert (status, body["code"]) == (403, "denied")
    assert SECRET not in json.dumps(body)
    recorded = "request_refused" if header == "Authorization" else "browser_headers_refused"
    assert client.call("audit", limit=1)["events"][0]["action"] == recorded


def test_a_browsers_request_is_refused_before_its_body_is_read(client):
    """The body never comes; the answer does."""
    status, _, body = raw(client, path="/v1/resolve", body=b"", Content_Length="1000", Cookie="a=b")

    assert (status, body["code"]) == (403, "denied")


def test_every_answer_carries_the_security_headers_and_no_cookie(client):
    answers = [
        raw(client),
        raw(client, path="/v1/no_such_action"),
        raw(client, path="/nothing"),
        raw(client, method="GET", body=b""),
        raw(client, X_Credmagic_Kernel_Token="wrong"),
        raw(client, Cookie="a=b"),
        raw(client, body=b"{"),
        raw(client, method="BREW"),
    ]

    assert [status for status, _, _ in answers] == [200, 404, 404, 405, 401, 403, 400, 405]
    for _, headers, body in answers:
        assert {name: headers[name] for name in HEADERS} == HEADERS
        assert not {"Set-Cookie", "Access-Control-Allow-Origin", "Server", "Location"} & set(headers)
        assert isinstance(body, dict)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"\xff{}", {}, 400),
        (b'{"ref": "a", "ref": "b"}', {}, 400),
        (b'{"ref": NaN}', {}, 400),
        (b'{"ref": "\\ud800"}', {}, 400),
        (b"[" * 100_000, {}, 422),
        (b'"text"', {}, 422),
        (b'{"ref": ' + b"[" * 25 + b"]" * 25 + b"}", {}, 422),
        (b'{"ref": "' + b"a" * (1 << 20) + b'"}', {}, 422),
        (b'{"no_such": 1}', {}, 422),
        (b'{"ref": 3}', {}, 422),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"{}", {"Content_Type": None}, 415),
    ],
)
def test_a_body_that_is_not_right_is_refused_in_words(client, body, headers, status):
    got, _, problem = raw(client, path="/v1/resolve", body=body, **headers)

    assert got == status
    assert problem["code"] == "bad_field"
    assert problem["message"]


def test_a_body_without_an_end_is_cut_off_at_the_limit(client):
    """Chunked, without a length: 1 MiB is where reading ends."""

    chunk = b"%x\r\n%b\r\n" % (65536, b"a" * 65536)
    status, _, body = raw(client, body=chunk * 40 + b"0\r\n\r\n", Content_Length=None, Transfer_Encoding="chunked")

    assert (status, body["code"]) == (422, "bad_field")


def test_the_socket_and_its_directory_are_the_owners_alone(client):
    path = Path(client._path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(os.fsencode(path)) <= 100


def test_the_server_knows_the_notebook_also_after_a_rename(server, client, kernel):
    assert client.call("status")["notebook"] == str(server.root / "work.ipynb")

    sessions = server.request("GET", "api/sessions").json()
    session = next(found for found in sessions if found["kernel"]["id"] == kernel)
    server.request("PATCH", f"api/sessions/{session['id']}", {"path": "deep/renamed.ipynb"})

    assert client.call("status")["notebook"] == str(server.root / "deep" / "renamed.ipynb")
    assert client.call("status")["kernel"] == kernel


def test_what_a_kernel_says_about_its_notebook_is_not_believed(client):
    with pytest.raises(CredmagicError) as error:
        client.call("status", notebook="/elsewhere.ipynb")

    assert error.value.code == "bad_field"


def test_the_token_is_gone_from_the_environment_of_children(server):
    kernel_id = server.start_kernel()
    code = "import os, subprocess, sys\nimport credmagic.client.token as t\nt.take()\n"
    code += "print(subprocess.run([sys.executable, '-c', 'import os; print(sorted(os.environ))'], "
    code += "capture_output=True, text=True).stdout)"

    shown = server.run(kernel_id, code)

    assert "CREDMAGIC_SOCKET" in shown
    assert "CREDMAGIC_KERNEL_TOKEN" not in shown


def test_a_restart_gives_a_fresh_token_and_voids_the_old_one(server):
    kernel_id = server.start_kernel()
    first, old = token_and_client(server, kernel_id)

    assert server.request("POST", f"api/kernels/{kernel_id}/restart", {}).status == 200
    second, new = token_and_client(server, kernel_id)

    assert second != first
    assert new.call("status")["kernel"] == kernel_id
    with pytest.raises(NotSignedIn) as error:
        old.call("names")
    assert error.value.code == "kernel_unknown"
    assert "Restart the kernel" in error.value.next_step


def test_an_automatic_restart_gives_a_fresh_token_too(server):
    kernel_id = server.start_kernel()
    first, old = token_and_client(server, kernel_id)
    pid = int(server.run(kernel_id, "import os; print(os.getpid())"))

    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and _works(old):
        time.sleep(0.1)
    second, new = token_and_client(server, kernel_id)

    assert second != first
    assert new.call("status")["kernel"] == kernel_id
    assert not _works(old)


def test_a_shut_down_kernels_token_is_void_within_a_second(server):
    for _ in range(3):
        kernel_id = server.start_kernel()
        _, client = token_and_client(server, kernel_id)
        assert _works(client)

        assert server.request("DELETE", f"api/kernels/{kernel_id}").status == 204
        asked = time.monotonic()

        assert not _works(client)
        assert time.monotonic() - asked < 1.0


def sealed_form(begun, name):
    """What the browser would send for a form that was filled in."""
    public = base64.urlsafe_b64decode(begun["public_key"] + "==")
    form = {"name": name, "fields": {"user": "jo", "password": SECRET}, "verify": False}
    sealed = seal_entry(public, entry_info(begun["entry_id"], "basic"), form)
    return {"entry_id": begun["entry_id"], "sealed": base64.urlsafe_b64encode(sealed).decode().rstrip("=")}


def test_an_open_form_ends_with_its_kernel(server):
    """Also when the kernel comes back under the same id. Control: the same form is taken before."""
    kernel_id = server.start_kernel()
    _, client = token_and_client(server, kernel_id)
    begun, left = client.begin_entry("basic"), client.begin_entry("basic")
    assert client.submit_entry(purpose="save", **sealed_form(begun, "by-form"))["name"] == "by-form"

    server.request("POST", f"api/kernels/{kernel_id}/restart", {})
    _, again = token_and_client(server, kernel_id)

    with pytest.raises(InvalidCredential, match="did not open"):
        again.submit_entry(purpose="save", **sealed_form(left, "too-late"))


def test_a_culled_kernels_token_is_void(tmp_path):
    options = ["--MappingKernelManager.cull_idle_timeout=1", "--MappingKernelManager.cull_interval=1"]
    with jupyter_server(tmp_path, *options) as server:
        kernel_id = server.start_kernel()
        _, client = token_and_client(server, kernel_id)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and server.request("GET", "api/kernels").json():
            time.sleep(0.1)

        assert server.request("GET", "api/kernels").json() == []
        assert not _works(client)


def test_a_stopped_server_leaves_no_socket_and_a_typed_error(tmp_path):
    with jupyter_server(tmp_path) as server:
        kernel_id = server.start_kernel()
        _, client = token_and_client(server, kernel_id)
        client.call("names")
        server.stop()

        with pytest.raises(Unreachable) as error:
            client.call("names")

    assert "Restart the kernel" in error.value.next_step
    assert list((tmp_path / "home" / "run").iterdir()) == []


def test_two_servers_over_one_home_serve_their_own_kernels(server, client, tmp_path):
    home = {"CREDMAGIC_HOME": str(server.workdir / "home")}
    with jupyter_server(tmp_path, environment=home) as other:
        _, theirs = token_and_client(other, other.start_kernel())

        assert theirs._path != client._path
        assert theirs.resolve("warehouse")["fields"]["password"] == SECRET
        with pytest.raises(NotSignedIn):
            SocketClient(theirs._path, client._token).call("names")
    assert client.resolve("warehouse")["fields"]["password"] == SECRET


def test_a_long_home_puts_the_socket_where_its_path_is_short(tmp_path):
    home = tmp_path / ("long" * 30)
    with jupyter_server(tmp_path, environment={"CREDMAGIC_HOME": str(home)}) as server:
        _, client = token_and_client(server, server.start_kernel())
        made = Path(client._path).parent

        assert client.call("names") == {"names": []}
        assert (home / "run" / "socket").read_text().split() == [str(made)]
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert not made.exists()
    assert not (home / "run" / "socket").exists()


def as_nobody(question):
    """The exit status of `question` asked by another user of this machine, which only root can become."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setuid(65534)
            os._exit(question())
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_another_user_cannot_connect(client):
    def question():
        try:
            raw(client)
        except PermissionError:
            return 7
        return 0

    assert as_nobody(question) == 7


def test_another_user_who_gets_as_far_as_the_socket_is_refused(tmp_path):
    """Even with the right token, and with the modes of directory and socket opened by somebody."""
    with (
        tempfile.TemporaryDirectory(prefix="u-") as directory,
        jupyter_server(tmp_path, f"--Credmagic.socket_dir={directory}") as server,
    ):
        client = token_and_client(server, server.start_kernel())[1]
        os.chmod(directory, 0o755)
        os.chmod(client._path, 0o666)

        assert raw(client)[0] == 200
        assert as_nobody(lambda: raw(client)[0] - 400) == 3


def test_a_forked_child_opens_a_connection_of_its_own(client):
    client.call("names")
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if client.call("names")["names"] else 1)
        except BaseException:
            os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert client.call("names")["names"]


def test_the_debug_log_knows_no_value_and_no_token(server, client):
    client.resolve("warehouse")
    raw(client, body=b'{"password": "' + SECRET.encode() + b'",,}')

    assert "credmagic POST /v1/resolve 200" in server.log
    assert SECRET not in server.log
    assert client._token not in server.log


def _works(client):
    try:
        client.call("names")
    except NotSignedIn:
        return False
    return True


def test_the_control_http_client_sees_what_we_see(client):
    """If the socket answered anybody, the refusals above would mean nothing: a right request is answered."""
    status, _, body = raw(client, path="/v1/resolve", body=b'{"ref": "warehouse"}')

    assert status == http.client.OK
    assert body["fields"]["password"] == SECRET
