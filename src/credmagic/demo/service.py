"""What do the quickstart's credentials log in to?

A loopback HTTP service that really checks: `/orders` wants user and password (Basic), `/keys/orders` wants
the same secret as an API key (`api_key` or `X-API-Key` header, or a Bearer token). Everything else is 401 or
404, so a green "verified" in the demo is an honest one.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

USER = "ada"
ORDERS = [
    {"order": 1001, "item": "telescope", "price": 420.0},
    {"order": 1002, "item": "star map", "price": 18.5},
    {"order": 1003, "item": "tripod", "price": 95.0},
]
_ENCODINGS = ("utf-8", "latin-1")
"""HTTP clients do not agree on how a password outside ASCII is sent; both ways name the same password."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secret = secret


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        checks = {"/orders": self._basic, "/keys/orders": self._api_key}
        check = checks.get(self.path.partition("?")[0])
        if check is None:
            self._answer(404, {"error": "there is nothing here; try /orders"})
        elif check():
            self._answer(200, {"orders": ORDERS})
        else:
            self._answer(401, {"error": "who are you?"})

    def _basic(self) -> bool:
        scheme, _, sent = self.headers.get("Authorization", "").partition(" ")
        try:
            login = base64.b64decode(sent, validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.casefold() == "basic" and _same(login, f"{USER}:{self.server.secret}")

    def _api_key(self) -> bool:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        sent = self.headers.get("api_key") or self.headers.get("X-API-Key")
        if sent is None and scheme.casefold() == "bearer":
            sent = token
        return sent is not None and _same(sent.encode("latin-1", "replace"), self.server.secret)

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        if status == 401 and self.path.startswith("/orders"):
            self.send_header("WWW-Authenticate", 'Basic realm="credmagic demo"')
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: what is sent here is nobody's business, and the terminal belongs to Jupyter."""


def _same(sent: bytes, expected: str) -> bool:
    matches = False
    for encoding in _ENCODINGS:
        matches |= hmac.compare_digest(sent, expected.encode(encoding, "xmlcharrefreplace"))
    return matches


@contextmanager
def running(secret: str) -> Iterator[str]:
    """Run the service that accepts exactly `secret`; gives its URL (`http://127.0.0.1:PORT`)."""
    server = _Server(secret)
    thread = Thread(target=server.serve_forever, name="credmagic-demo-service", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
