"""How does a kernel ask the Jupyter server that started it?

Plain HTTP over that server's Unix socket, whose file only this user can open. The server knows the peer by who opened
the connection, which is why a forked child opens its own.
"""

from __future__ import annotations

import socket
import time
from typing import Any
from urllib.parse import quote

from credmagic import settings
from credmagic.client import over_http
from credmagic.client import token as kernel_token
from credmagic.errors import NotSignedIn

TOKEN_HEADER = "X-Credmagic-Kernel-Token"  # noqa: S105 - the name of a header

_RESTART = "Restart the kernel; if that does not help, restart the Jupyter server."


class SocketClient(over_http.HttpClient):
    """The vault behind a Jupyter server's socket. See `client.base.Client` for the methods' meaning."""

    plane = "kernel"

    def __init__(self, path: str | None = None, token: str | None = None) -> None:
        self._path = path or settings.socket_path() or ""
        self._token = token or kernel_token.take() or ""
        self.pool = over_http.Pool(self._connected, server="the Jupyter server of this kernel", next_step=_RESTART)

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Run one action on the server. Raises what the vault raised, `NotSignedIn` or `Unreachable`."""
        if not self._token:
            raise NotSignedIn("this kernel has no token", code="kernel_unknown", next_step=_RESTART)
        head = f"POST /v1/{quote(action)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        answer = self.pool.post(f"{head}{TOKEN_HEADER}: {self._token}".encode("ascii"), over_http.encoded(params))
        return over_http.accepted(*answer)

    def _connected(self) -> socket.socket:
        """A new connection. Waits while the queue of a busy server is full: it refuses then, at once."""
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.settimeout(over_http.TIMEOUT)
        deadline = time.monotonic() + over_http.TIMEOUT
        try:
            while True:
                try:
                    opened.connect(self._path)
                    return opened
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise TimeoutError from None
                time.sleep(0.005)
        except BaseException:
            opened.close()
            raise
