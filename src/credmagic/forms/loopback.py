"""Where does a provider send the browser back to when no server of ours runs? To a port of this process (RFC 8252).

One redirect, on 127.0.0.1, at a port that the system chooses. Only the request that brings the `state` of this very
login counts: another page in the same browser can ask for any address. Its query goes to the vault and nowhere else;
the page that answers holds nothing of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PATH = "/callback"
UNBOUND = f"http://127.0.0.1{PATH}"
"""Where nothing listens: for an address that a person pastes."""
_PAGE = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Back to the notebook</title><meta name="color-scheme" content="light dark"></head>
<body><main><h1>You can close this tab</h1>
<p>Your notebook or terminal shows whether you are signed in.</p></main></body>
</html>
"""


class Loopback:
    """Listens from the beginning until `close`. `address` is the redirect URI."""

    def __init__(self) -> None:
        self._came_back: Callable[[str], object] | None = None
        self._state = ""
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.came_back = self._take
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="credmagic-loopback", daemon=True).start()

    @property
    def address(self) -> str:
        """The redirect URI."""
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def wait_for(self, authorization_url: str, came_back: Callable[[str], object], seconds: float) -> None:
        """Hand the query (with its `?`) of the browser that comes back from there to `came_back`, once, until then."""
        with self._lock:
            self._state = _state_of(authorization_url)
            self._came_back = came_back
        timer = threading.Timer(seconds, self.close)
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """Stop listening; harmless a second time."""
        threading.Thread(target=self._stop, name="credmagic-loopback-stop", daemon=True).start()

    def _stop(self) -> None:  # from a thread of its own: the one that answers a request would wait for itself
        self._server.shutdown()
        self._server.server_close()

    def _take(self, query: str) -> None:
        with self._lock:
            ours = bool(self._state) and _state_of(f"?{query}") == self._state
            take, self._came_back = (self._came_back, None) if ours else (None, self._came_back)
        if take is not None:
            take(f"?{query}")


class _Server(ThreadingHTTPServer):
    """Knows nothing of what it serves; its threads end with the process."""

    daemon_threads = True
    came_back: Callable[[str], None]

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no news; a traceback could show the request."""


class _Handler(BaseHTTPRequestHandler):
    """GET of the one address; everything else is not here."""

    timeout = 10
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        found = parts.path == PATH
        if found:
            self.server.came_back(parts.query)
        self.send_response(200 if found else 404)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(_PAGE) if found else 0)),
            ("Content-Security-Policy", "default-src 'none'"),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if found:
            self.wfile.write(_PAGE)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the address holds the code."""


def _state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query).get("state", [""])[0]
