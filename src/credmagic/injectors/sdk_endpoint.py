"""What answers a cloud SDK on this machine, and nobody else?

One listening port of this process on 127.0.0.1 (decision 0021). A question is answered if its path is one of the
routes', `Host` is the port itself, nothing in it comes from a browser and the value it shows is the route's, compared
in constant time. Everything else is the same 403, before anything is looked up. No question is logged or echoed.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl
from weakref import WeakSet

from credmagic.errors import CredmagicError

HOST = "127.0.0.1"
PATIENCE = 5.0
"""Seconds for which a connection may say nothing."""
MOST_BODY = 16 * 1024
"""Bytes of a question's body."""
MOST_AT_ONCE = 256
"""Connections; more are closed at once, so that nobody fills this process with threads."""

_BROWSER = ("cookie", "origin", "referer")
_HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Asked:
    """A question: its headers, and what stood in its query and its form."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]

    def bearer(self) -> str:
        """What `Authorization: Bearer …` shows."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True)
class Route:
    """One address: where a question shows `secret`, what it is answered, and how a library is told of an error."""

    method: str
    path: str
    secret: str
    shown: Callable[[Asked], str]
    answer: Callable[[Asked], dict[str, Any]]
    problem: Callable[[str], dict[str, Any]]


class Endpoint:
    """The port, open from the moment it is made until `close`. Thread-safe; a forked child does not hold it open."""

    def __init__(self, routes: Callable[[str], Sequence[Route]]) -> None:
        """`routes` is called once, with the address (without a slash at its end)."""
        self._server = _Server(self)
        self._port = int(self._server.server_address[1])
        self._host = f"{HOST}:{self._port}"
        self.url = f"http://{self._host}"
        self._routes = {(route.method, route.path): route for route in routes(self.url)}
        self._open = True
        _all.add(self)
        self._thread = threading.Thread(target=self._serve, name="credmagic-sdk", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nothing any more. Calling it twice is harmless."""
        if not self._open:
            return
        self._open = False
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, self._port), 1.0).close()  # the thread wakes up and sees
        self._thread.join(1.0)
        self._server.server_close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the socket was closed under it
            while self._open:
                self._server.handle_request()

    def reply(self, method: str, target: str, headers: Any, body: Callable[[], bytes]) -> tuple[int, dict[str, Any]]:
        """Status and JSON. `body` reads what was sent and is called for questions of this very address only."""
        path, _, query = target.partition("?")
        route = self._routes.get((method, path))
        if route is None or headers.get_all("Host") != [self._host] or _from_a_browser(headers):
            return _NOTHING
        asked = Asked(headers, _pairs(query), _pairs(body().decode("utf-8", "replace")))
        if not hmac.compare_digest(route.shown(asked).encode("utf-8", "replace"), route.secret.encode()):
            return _NOTHING
        status, answer = _answer(route, asked)
        return (status, answer) if self._open else _NOTHING  # taken back meanwhile


_NOTHING: tuple[int, dict[str, Any]] = (403, {})
_all: WeakSet[Endpoint] = WeakSet()


def _answer(route: Route, asked: Asked) -> tuple[int, dict[str, Any]]:
    try:
        return 200, route.answer(asked)
    except CredmagicError as error:
        message = f"{error.message}. {error.next_step}".strip()
    except Exception:  # a library's own words could quote a value
        message = "the credential could not be fetched. Try it out: %cred verify NAME"
    return 400, route.problem(message)


def _from_a_browser(headers: Any) -> bool:
    return any(name.lower() in _BROWSER or name.lower().startswith("sec-") for name in headers)


def _pairs(text: str) -> dict[str, str]:
    """Of a query or a form; empty where a name stands twice, so that nobody has to choose."""
    with contextlib.suppress(ValueError):
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=50)
        return dict(pairs) if len(dict(pairs)) == len(pairs) else {}
    return {}


class _Handler(BaseHTTPRequestHandler):
    """One question, one connection (HTTP/1.0): nothing is left over that a next one could be mixed with."""

    server: _Server
    timeout = PATIENCE

    def do_GET(self) -> None:
        self._tell(*self.server.endpoint.reply(self.command, self.path, self.headers, self._body))

    do_POST = do_GET

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > MOST_BODY:
            return b""
        return self.rfile.read(int(length))

    def send_error(self, *what: Any) -> None:
        """What the base class finds wrong is refused like the rest; its own page would repeat the question."""
        self._tell(*_NOTHING)

    def _tell(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response_only(status)
        for name, value in {**_HEADERS, "Content-Length": str(len(body)), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *what: Any) -> None:
        """Nothing: what is asked holds secrets."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False
    request_queue_size = 128

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._free = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((HOST, 0), _Handler)

    def server_bind(self) -> None:
        """Without the base class's look at a name server."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: who hung up, hung up."""


def _let_go_after_fork() -> None:
    # The port is the parent's: a child that kept it open would keep it from ending.
    for endpoint in list(_all):
        endpoint._server.socket.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_after_fork)
