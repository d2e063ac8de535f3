"""Whom does the port of an SDK answer?"""

import contextlib
import http.client
import json
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from credmagic.errors import NotUsable
from credmagic.injectors import sdk_endpoint
from credmagic.injectors.sdk_endpoint import Asked, Endpoint, Route

BEARER = "Kanari-of-the-port"
VALUE = "Kanari-that-is-answered"


@pytest.fixture
def asked():
    """Every question that got as far as an answer."""
    return []


@pytest.fixture
def endpoint(asked):
    def answer(question):
        asked.append(question)
        return {"value": VALUE}

    def shown(question):
        return question.form.get("proof", "")

    def problem(text):
        return {"message": text}

    def refuses(question):
        raise NotUsable("it is paused", code="paused", next_step="%cred resume lake")

    def breaks(question):
        raise ValueError(VALUE)

    made = Endpoint(
        lambda url: [
            Route("GET", "/here", BEARER, Asked.bearer, answer, problem),
            Route("POST", "/form", BEARER, shown, answer, problem),
            Route("GET", "/paused", BEARER, Asked.bearer, refuses, problem),
            Route("GET", "/broken", BEARER, Asked.bearer, breaks, problem),
        ]
    )
    yield made
    made.close()


def ask(endpoint, method="GET", path="/here", headers=(), body=None, bearer=BEARER):
    """Status, JSON and everything that came back."""
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=10)
    connection.putrequest(method, path, skip_host=any(name == "Host" for name, _ in headers))
    for name, value in [*([("Authorization", f"Bearer {bearer}")] if bearer else []), *headers]:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, json.loads(text), f"{answer.headers}{text}"


def test_who_shows_what_the_kernel_handed_out_is_answered(endpoint):
    assert ask(endpoint)[:2] == (200, {"value": VALUE})


@pytest.mark.parametrize(
    "how",
    [
        {"bearer": None},
        {"bearer": BEARER[:-1]},
        {"bearer": BEARER + "x"},
        {"bearer": "Bearer " + BEARER},
        {"bearer": "\xfc"},
        {"path": "/there"},
        {"path": "/here/"},
        {"path": "/"},
        {"path": "http://127.0.0.1/here"},
        {"method": "POST", "body": b""},
        {"method": "PUT", "body": b""},
        {"method": "OPTIONS"},
        {"method": "HEAD-LIKE"},
        {"headers": [("Host", "localhost")]},
        {"headers": [("Host", "rebound.example")]},
        {"headers": [("Host", "127.0.0.1")]},
        {"headers": [("Host", "127.0.0.1:1")]},
        {"headers": [("Origin", "http://127.0.0.1")]},
        {"headers": [("Cookie", "a=b")]},
        {"headers": [("Referer", "http://127.0.0.1/")]},
        {"headers": [("Sec-Fetch-Site", "none")]},
        {"headers": [("sec-ch-ua", "x")]},
    ],
)
def test_everybody_else_gets_the_same_nothing(endpoint, asked, how):
    status, answer, everything = ask(endpoint, **how)
    assert (status, answer, asked) == (403, {}, [])
    assert "Kanari" not in everything
    assert "Python" not in everything


def test_two_hosts_are_none(endpoint):
    host = endpoint.url.removeprefix("http://")
    assert ask(endpoint, headers=[("Host", host), ("Host", host)])[0] == 403


@pytest.mark.parametrize("body", [b"proof=" + BEARER.encode(), b"a=b&proof=" + BEARER.encode()])
def test_a_form_may_show_it(endpoint, body):
    assert ask(endpoint, "POST", "/form", body=body, bearer=None)[0] == 200


@pytest.mark.parametrize(
    "body", [b"", b"proof=", b"proof=x&proof=" + BEARER.encode(), b"\xff\xfe", b"a=" + b"b" * sdk_endpoint.MOST_BODY]
)
def test_a_form_that_says_two_things_or_too_much_shows_nothing(endpoint, body):
    assert ask(endpoint, "POST", "/form", body=body, bearer=None)[0] == 403


def test_answers_are_kept_nowhere(endpoint):
    everything = ask(endpoint)[2]
    assert "Cache-Control: no-store" in everything
    assert "Access-Control" not in everything


def test_a_refusal_says_why_and_what_helps(endpoint):
    assert ask(endpoint, path="/paused")[:2] == (400, {"message": "it is paused. %cred resume lake"})


def test_an_error_of_a_library_is_not_repeated(endpoint):
    status, answer, everything = ask(endpoint, path="/broken")
    assert status == 400
    assert "Kanari" not in everything
    assert "%cred verify" in answer["message"]


def test_nothing_is_written_while_it_answers_and_refuses(endpoint, capfd):
    ask(endpoint)
    ask(endpoint, bearer="wrong")
    with socket.create_connection(endpoint.url.removeprefix("http://").split(":")) as raw:
        raw.sendall(b"GARBAGE\x00 " + BEARER.encode() + b"\r\n\r\n")
        assert BEARER.encode() not in raw.recv(4096)
    assert capfd.readouterr() == ("", "")


def test_fifty_at_once_are_all_answered(endpoint, asked):
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: ask(endpoint)[0], range(200)))
    assert answers == [200] * 200
    assert len(asked) == 200


def test_who_only_connects_does_not_keep_others_out(endpoint):
    where = endpoint.url.removeprefix("http://").split(":")
    idle = [socket.create_connection(where) for _ in range(60)]
    assert ask(endpoint)[0] == 200
    for one in idle:
        one.close()


def test_after_closing_nothing_listens(endpoint):
    endpoint.close()
    endpoint.close()
    with pytest.raises(ConnectionRefusedError):
        ask(endpoint)


def test_an_answer_under_way_is_not_given_any_more_once_it_is_closed():
    waits, goes_on = threading.Event(), threading.Event()

    def answer(question):
        waits.set()
        goes_on.wait(10)
        return {"value": VALUE}

    made = Endpoint(lambda url: [Route("GET", "/here", BEARER, Asked.bearer, answer, lambda text: {})])
    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(ask, made)
        assert waits.wait(10)
        made.close()
        goes_on.set()
        assert late.result()[:2] == (403, {})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_asks_its_parent_and_does_not_keep_the_port(endpoint):
    child = os.fork()
    if child == 0:
        time.sleep(20)
        os._exit(0)
    try:
        assert ask(endpoint)[0] == 200
        endpoint.close()
        with pytest.raises((ConnectionRefusedError, ConnectionResetError)):  # or it stood in the queue at that moment
            ask(endpoint)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_that_closes_it_ends_neither_itself_nor_its_parent_s(endpoint):
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            status = 0 if ask(endpoint)[0] == 200 else 2
            endpoint.close()
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert ask(endpoint)[0] == 200
