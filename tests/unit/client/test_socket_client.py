"""The kernel's end of the socket: kept connections, dead servers, odd answers. Real sockets, no credmagic behind."""

import os
import socketserver
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from credmagic.client.base import Client
from credmagic.client.socket import SocketClient
from credmagic.errors import CredmagicError, NameTaken, NotSignedIn, Unreachable

TOKEN = "token-of-a-test"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.seen.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        status, body, close = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        if self.server.drop:  # close without a word, as a server does that has waited long enough
            self.close_connection = True

    def address_string(self):
        return "peer"

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    answer = (200, b'{"ok": true}', False)
    drop = False

    def __init__(self, path):
        self.seen, self.connections = [], 0
        super().__init__(path, Handler)

    def get_request(self):
        self.connections += 1
        return super().get_request()


@pytest.fixture
def server():
    with tempfile.TemporaryDirectory(prefix="s-") as directory, Server(f"{directory}/k.sock") as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def client(server):
    made = SocketClient(server.server_address, TOKEN)
    yield made
    made.close()


def test_it_is_a_client():
    assert isinstance(SocketClient("/nowhere", TOKEN), Client)


def test_a_call_is_one_post_with_the_token_and_without_nones(server, client):
    assert client.call("show", ref="größe", environment=None) == {"ok": True}

    path, headers, body = server.seen[0]
    assert path == "/v1/show"
    assert headers["X-Credmagic-Kernel-Token"] == TOKEN
    assert set(headers) == {"Host", "Content-Type", "X-Credmagic-Kernel-Token", "Content-Length"}
    assert body == b'{"ref": "gr\\u00f6\\u00dfe"}'


def test_connections_are_kept_and_shared(server, client):
    for _ in range(5):
        client.call("names")

    assert server.connections == 1


def test_threads_do_not_wait_for_each_other(server, client):
    threads = [threading.Thread(target=client.call, args=("names",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(server.seen) == 8
    assert server.connections <= 8


def test_a_connection_the_server_closed_is_replaced_unseen(server, client):
    server.drop = True

    for _ in range(3):
        assert client.call("names") == {"ok": True}

    assert server.connections == 3


def test_a_connection_that_ends_with_its_answer_is_not_kept(server, client):
    server.answer = (200, b"{}", True)

    client.call("names")

    assert client.pool.idle == []


def test_a_forked_child_does_not_use_its_parents_connection(server, client):
    client.call("names")
    pid = os.fork()
    if pid == 0:
        try:
            client.call("names")
            os._exit(0)
        except BaseException:
            os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    client.call("names")
    assert server.connections == 2


def test_errors_are_rebuilt_as_what_they_were(server, client):
    server.answer = (409, b'{"message": "taken", "code": "name_taken", "errors": {"name": "taken"}}', False)

    with pytest.raises(NameTaken) as error:
        client.call("create")

    assert error.value.errors == {"name": "taken"}
    assert error.value.__context__ is None


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"\xff", b"null"])
def test_something_else_that_answers_is_told_from_credmagic(server, client, body):
    server.answer = (200, body, False)

    with pytest.raises(Unreachable, match="not credmagic"):
        client.call("names")


@pytest.mark.parametrize("path", ["", "/nowhere/k.sock", "/", "x" * 300])
def test_a_dead_server_is_a_typed_error_with_the_next_step(path, monkeypatch):
    monkeypatch.delenv("CREDMAGIC_SOCKET", raising=False)

    with pytest.raises(Unreachable) as error:
        SocketClient(path, TOKEN).call("names")

    assert "Restart the kernel" in error.value.next_step
    assert error.value.__context__ is None
    assert TOKEN not in str(error.value)


def test_a_server_that_does_not_answer_in_time_is_a_typed_error(server, client, monkeypatch):
    monkeypatch.setattr("credmagic.client.over_http.TIMEOUT", 0.2)
    with tempfile.TemporaryDirectory(prefix="s-") as directory:
        import socket

        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(f"{directory}/k.sock")
            deaf.listen()
            with pytest.raises(Unreachable) as error:
                SocketClient(f"{directory}/k.sock", TOKEN).call("names")

    assert error.value.code == "timeout"


def test_no_token_is_said_before_anything_is_sent(server, monkeypatch):
    monkeypatch.delenv("CREDMAGIC_KERNEL_TOKEN", raising=False)
    monkeypatch.setattr("credmagic.client.token._token", None)

    with pytest.raises(NotSignedIn) as error:
        SocketClient(server.server_address).call("names")

    assert error.value.code == "kernel_unknown"
    assert server.seen == []


def test_the_token_is_taken_out_of_the_environment(server, monkeypatch):
    monkeypatch.setattr("credmagic.client.token._token", None)
    monkeypatch.setenv("CREDMAGIC_KERNEL_TOKEN", TOKEN)
    monkeypatch.setenv("CREDMAGIC_SOCKET", server.server_address)

    made = SocketClient()

    assert "CREDMAGIC_KERNEL_TOKEN" not in os.environ
    assert made.call("names") == {"ok": True}
    made.close()


def test_a_proxy_never_sees_the_token(server, client, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert client.call("names") == {"ok": True}


def test_an_action_cannot_smuggle_a_header(server, client):
    client.call("names HTTP/1.1\r\nCookie: a=b\r\n\r\n")

    assert len(server.seen) == 1
    assert "Cookie" not in server.seen[0][1]


def test_an_interrupted_call_does_not_answer_the_next_one(server, client, monkeypatch):
    client.call("names")
    connection = client.pool.idle[0]
    monkeypatch.setattr(type(connection), "ask", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        client.call("names")

    assert client.pool.idle == []
    assert Path(server.server_address).exists()


def test_every_call_of_the_protocol_is_an_action(server, client):
    client.resolve("a", version=2)
    client.begin_entry("basic")
    client.submit_entry("id", "save", "sealed")

    assert [(path, body) for path, _, body in server.seen] == [
        ("/v1/resolve", b'{"ref": "a", "environment": "draft", "version": 2}'),
        ("/v1/begin_entry", b'{"kind": "basic"}'),
        ("/v1/submit_entry", b'{"entry_id": "id", "purpose": "save", "sealed": "sealed"}'),
    ]


def test_an_error_without_words_is_still_an_error(server, client):
    server.answer = (500, b"{}", False)

    with pytest.raises(CredmagicError):
        client.call("names")


def test_a_kernel_with_thousands_of_open_files_keeps_its_connection(server):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1300:
        pytest.skip("this machine allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1300), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        client = SocketClient(server.server_address, TOKEN)
        client.call("status")
        client.call("status")
        assert server.connections == 1
        client.close()
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_server_whose_queue_is_full_is_waited_for():
    """Forty threads at once, and a server that takes its time: none of them hears that it does not answer."""
    with tempfile.TemporaryDirectory(prefix="s-") as directory, Server(f"{directory}/k.sock") as slow:
        client, failed = SocketClient(slow.server_address, TOKEN), []

        def ask():
            try:
                client.call("status")
            except CredmagicError as error:
                failed.append(error)

        threads = [threading.Thread(target=ask) for _ in range(40)]
        for thread in threads:
            thread.start()
        serving = threading.Timer(0.3, slow.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        for thread in threads:
            thread.join()
        slow.shutdown()
        client.close()
    assert failed == []
