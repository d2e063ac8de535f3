"""A client of another machine's server: addresses, calls, kept connections. No credmagic behind."""

import os
import socket
import threading
import time

import pytest

from credmagic.client.base import Client
from credmagic.client.remote import Address, RemoteClient
from credmagic.errors import CredentialNotFound, InvalidCredential, NotSignedIn, Unreachable, VaultLocked
from credmagic.testing.tls import self_signed
from loopback_server import context_of, running, token

KEY = "cmk_abcdefghijklmnopqrst"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"), "127.0.0.1")


@pytest.fixture(params=["http", "https"])
def server(request, certificate):
    with running(context_of(certificate) if request.param == "https" else None) as made:
        made.ca = str(certificate.cert)
        yield made


@pytest.fixture
def client(server):
    made = RemoteClient(server.url, token, server.ca)
    yield made
    made.close()


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://h.example", "https://h.example:443/credmagic"),
        ("https://h.example/", "https://h.example:443/credmagic"),
        ("https://h.example:8888/user/jo/", "https://h.example:8888/user/jo/credmagic"),
        ("https://h.example/user/jo/credmagic", "https://h.example:443/user/jo/credmagic"),
        ("https://h.example/user/jo/credmagic/", "https://h.example:443/user/jo/credmagic"),
        ("https://h.example/user/jo/credmagic/api", "https://h.example:443/user/jo/credmagic"),
        ("https://h.example/api/", "https://h.example:443/api/credmagic"),
        ("HTTPS://H.Example/x%20y", "https://h.example:443/x%20y/credmagic"),
        ("https://[2001:db8::1]:8/", "https://[2001:db8::1]:8/credmagic"),
        ("http://127.0.0.1:8888/", "http://127.0.0.1:8888/credmagic"),
        ("http://127.8.9.1/", "http://127.8.9.1:80/credmagic"),
        ("http://[::1]:8888", "http://[::1]:8888/credmagic"),
        ("http://localhost:8888", "http://localhost:8888/credmagic"),
    ],
)
def test_an_address_is_taken_with_and_without_what_follows_the_base_url(given, kept):
    assert str(Address.of(given)) == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        "h.example",
        "ftp://h.example",
        "https://",
        "https:///x",
        "https://jo:Kanari-1@h.example",
        "https://Kanari-1@h.example",
        "https://h.example?token=Kanari-1",
        "https://h.example#Kanari-1",
        "https://h.example:99999",
        "https://h.example:Kanari-1",
        "https://[::1",
        "https://h.example/a b",
        "https://h.example/\r\nX: Kanari-1",
        "https://h\u00e4.example/",
        "http://h.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://127.0.0.1.h.example",
        "http://localhost.h.example",
        "http://[::ffff:10.0.0.1]",
    ],
)
def test_an_address_that_is_none_or_not_safe_is_refused_without_a_word_of_it(given):
    with pytest.raises(InvalidCredential) as error:
        RemoteClient(given, token)

    assert error.value.errors.keys() == {"url"}
    assert "Kanari" not in str(error.value) + repr(error.value.to_json())
    assert error.value.__context__ is None


# ── one call ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_it_is_a_client(client):
    assert isinstance(client, Client)
    assert client.plane == "machine"


def test_a_call_is_one_post_with_the_token_and_without_nones(server, client):
    assert client.call("show", ref="größe", environment=None) == {"ok": True}

    path, headers, body = server.seen[0]
    assert path == "/credmagic/api/actions/show"
    assert headers["Authorization"] == f"Bearer {token()}"
    assert set(headers) == {"Host", "Content-Type", "Authorization", "Content-Length"}
    assert headers["Host"] == f"127.0.0.1:{server.server_port}"
    assert body == b'{"ref": "gr\\u00f6\\u00dfe"}'


def test_values_are_asked_for_at_an_address_of_their_own(server, client, monkeypatch):
    monkeypatch.setenv("CREDMAGIC_ENVIRONMENT", "live")
    client.resolve("a", version=2)
    client.begin_entry("basic")
    client.submit_entry("id", "save", "sealed")

    assert [(path, body) for path, _, body in server.seen] == [
        ("/credmagic/api/resolve", b'{"ref": "a", "environment": "live", "version": 2}'),
        ("/credmagic/api/actions/begin_entry", b'{"kind": "basic"}'),
        (
            "/credmagic/api/actions/submit_entry",
            b'{"entry_id": "id", "purpose": "save", "sealed": "sealed"}',
        ),
    ]


def test_an_action_cannot_smuggle_an_address_or_a_header(server, client):
    client.call("../resolve HTTP/1.1\r\nCookie: a=b\r\n\r\n")

    assert len(server.seen) == 1
    assert server.seen[0][0].startswith("/credmagic/api/actions/..%2Fresolve%20HTTP")
    assert "Cookie" not in server.seen[0][1]


@pytest.mark.parametrize("shown", ["", "a b", "a\r\nCookie: x", "ä"])
def test_a_token_that_is_none_is_not_sent(server, shown):
    with pytest.raises(NotSignedIn):
        RemoteClient(server.url, lambda: shown, server.ca).call("names")

    assert server.seen == []


def test_errors_are_rebuilt_as_what_they_were(server, client):
    server.answer = lambda *_: (404, {"message": "none", "code": "not_found", "details": {"closest": ["a"]}})

    with pytest.raises(CredentialNotFound) as error:
        client.resolve("x")

    assert error.value.details == {"closest": ["a"]}
    assert error.value.__context__ is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b""),
        (200, b"[]"),
        (200, b"\xff"),
        (200, b"[" * 100_000),
        (404, b'{"message": "Jupyter has nothing there"}'),
        (403, b'{"message": "Forbidden", "reason": null}'),
        (302, b"{}"),
    ],
)
def test_something_else_that_answers_is_told_from_credmagic(server, client, status, body):
    server.answer = lambda *_: (status, body)

    with pytest.raises(Unreachable, match="not credmagic"):
        client.call("names")


def test_a_redirect_is_not_followed_and_sees_no_token(server, client):
    server.answer = lambda *_: (307, {})
    with running() as other:
        server.headers = {"Location": other.url + "/credmagic/api/actions/names"}

        with pytest.raises(Unreachable):
            client.call("names")

    assert other.seen == []


def test_a_proxy_is_never_asked(server, client, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert client.call("names") == {"ok": True}


def test_nobody_there_is_a_typed_error_with_the_next_step():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(Unreachable) as error:
        RemoteClient(f"http://127.0.0.1:{port}", token).call("names")

    assert f"127.0.0.1:{port}" in error.value.message
    assert "Check the address" in error.value.next_step
    assert error.value.__context__ is None
    assert token() not in str(error.value)


def test_a_server_that_does_not_answer_in_time_is_a_typed_error(monkeypatch):
    monkeypatch.setattr("credmagic.client.over_http.TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(Unreachable) as error:
        RemoteClient(f"http://127.0.0.1:{deaf.getsockname()[1]}", token).call("names")

    assert error.value.code == "timeout"


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────
def test_connections_are_kept_and_shared(server, client):
    for _ in range(5):
        client.call("names")

    assert server.connections == 1


def test_a_connection_the_server_closed_is_replaced_unseen(server, client):
    server.drop = True

    for _ in range(3):
        assert client.call("names") == {"ok": True}
        time.sleep(0.05)

    assert server.connections == 3


def test_a_connection_that_dies_under_the_question_is_replaced_unseen(server, client, monkeypatch):
    server.drop = True
    client.call("names")
    time.sleep(0.05)
    monkeypatch.setattr("credmagic.client.over_http.Connection.is_stale", lambda connection: False)

    assert client.call("names") == {"ok": True}
    assert server.connections == 2


def test_threads_do_not_wait_for_each_other(server, client):
    meeting = threading.Barrier(6, timeout=20)

    def together(*_):
        meeting.wait()  # all six questions are there at once, or this breaks
        return 200, {"ok": True}

    server.answer = together
    found = []
    threads = [threading.Thread(target=lambda: found.append(client.call("names"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [{"ok": True}] * 6


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


def test_an_answer_is_heard_of_a_server_that_did_not_want_the_rest():
    """Refused by the headers alone, and closed at once, while a large body was still being sent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse():
            connection = listening.accept()[0]
            connection.recv(100)
            body = b'{"message": "no", "code": "locked"}'
            connection.sendall(
                b"HTTP/1.1 423 Locked\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(VaultLocked):
            RemoteClient(f"http://127.0.0.1:{listening.getsockname()[1]}", token).call("create", x="x" * 16_000_000)
        thread.join()
