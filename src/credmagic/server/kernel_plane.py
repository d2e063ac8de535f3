"""How do kernels get values, and nobody else?

A web application of our own on a Unix socket that only this user can open: no Jupyter identity, no cookies,
nothing inherited from the server's port. The peer's user id, the kernel's token and the kernel manager are
asked at every request, before its body is read. A request with a browser's headers is refused and recorded,
whoever sends it.
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from credmagic.client.socket import TOKEN_HEADER
from credmagic.errors import AccessDenied, CredmagicError
from credmagic.server import answers, requests
from credmagic.server.gate import VaultGate
from credmagic.server.notebooks import Notebooks
from credmagic.server.rates import Allowance
from credmagic.server.socket_files import SocketFile
from credmagic.server.tokens import KernelTokens, unknown_kernel

DRAINED = 8 << 20
"""Bytes of a body that is too large which are read and thrown away; beyond, the connection is cut."""


class KernelPlane:
    """The socket and what stands behind it."""

    def __init__(
        self,
        *,
        gate: VaultGate,
        tokens: KernelTokens,
        kernels: Any,
        notebooks: Notebooks,
        per_minute: int,
        log: Any,
    ) -> None:
        self.gate = gate
        self.tokens = tokens
        self.notebooks = notebooks
        self.allowance = Allowance(per_minute)
        self.log = log
        self._kernels = kernels
        self._file: SocketFile | None = None
        self._server: HTTPServer | None = None

    @property
    def path(self) -> str | None:
        """The socket kernels are told of; None while it does not listen."""
        return str(self._file.path) if self._server is not None and self._file is not None else None

    def start(self, directory: Path | None = None) -> None:
        """Listen. Raises `StoreUnusable` or `OSError` when there is no place for a socket."""
        self._file = SocketFile(directory)
        application = web.Application(
            [
                (r"/v1/([a-z_]{1,64})", ActionHandler, {"plane": self}),
                (r".*", NothingHandler, {"plane": self}),
            ],
            log_function=self._log_request,
        )
        server = HTTPServer(application, max_body_size=DRAINED)
        server.add_socket(bind_unix_socket(str(self._file.path), mode=0o600))
        self._server = server

    async def stop(self) -> None:
        """Void all tokens, close all connections, leave no file."""
        self.tokens.revoke_all()
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self._server = None
        if self._file is not None:
            self._file.remove()

    def kernel_of(self, token: str) -> str:
        """The live kernel this token belongs to. Raises `NotSignedIn` (`kernel_unknown`)."""
        kernel_id = self.tokens.kernel_of(token)
        if kernel_id not in self._kernels:
            self.tokens.revoke(kernel_id)
            raise unknown_kernel()
        return kernel_id

    def kernelspec_of(self, kernel_id: str) -> str | None:
        """The name of the kernelspec the server started this kernel from."""
        name = getattr(self._kernels.get_kernel(kernel_id), "kernel_name", None)
        return str(name) if name else None

    def _log_request(self, handler: web.RequestHandler) -> None:
        """Allow-listed: no query, no header, no body."""
        self.log.debug(
            "credmagic %s %s %d %.1f ms",
            handler.request.method,
            handler.request.path[:80],
            handler.get_status(),
            1000.0 * handler.request.request_time(),
        )


@web.stream_request_body
class _PlaneHandler(answers.Answering):
    """What all handlers of this plane check before they read a body, and how they answer."""

    plane: KernelPlane

    def initialize(self, plane: KernelPlane) -> None:  # type: ignore[override]
        super().initialize()
        self.plane = plane
        self.kernel_id: str | None = None
        self.peer = ""

    async def admit(self) -> None:
        try:
            self.peer = check_peer(self.request.connection)
            requests.refuse_browsers(self.request.headers)
            self.kernel_id = self.plane.kernel_of(self.request.headers.get(TOKEN_HEADER, ""))
            self.plane.allowance.count(self.kernel_id)
            requests.check_content_type(self.request.headers)
        except CredmagicError as error:
            await self._record_refusal(error)
            raise

    async def who(self) -> dict[str, Any]:
        """Who is asking, with the notebook as the server's sessions know it now."""
        assert self.kernel_id is not None
        return {
            "plane": "kernel",
            "kernel_id": self.kernel_id,
            "notebook": await self.plane.notebooks.of_kernel(self.kernel_id),
            "kernelspec": self.plane.kernelspec_of(self.kernel_id),
            "server": self.plane.notebooks.root or None,
            "peer": self.peer,
            "request_id": secrets.token_hex(8),
        }

    async def _record_refusal(self, error: CredmagicError) -> None:
        from_browser = requests.shown_browser_headers(self.request.headers)
        events = {
            "denied": "browser_headers_refused" if from_browser else "request_refused",
            "kernel_unknown": "unknown_token",
            "rate_limited": "rate_limited",
        }
        if event := events.get(error.code):
            self.plane.log.warning("credmagic: %s on the kernel socket (%s)", event, self.peer)
            await self.plane.gate.record(event, plane="kernel", kernel_id=self.kernel_id, peer=self.peer)


class ActionHandler(_PlaneHandler):
    """`POST /v1/{action}`: parameters in, result out, as in `docs/architecture.md`."""

    async def post(self, action: str) -> None:
        params = requests.parse_object(self.received)
        result = await self.plane.gate.call(action, params, **await self.who())
        self.finish(answers.as_json(result))


class NothingHandler(_PlaneHandler):
    """Every other address."""

    async def admit(self) -> None:
        await super().admit()
        raise web.HTTPError(404)


def check_peer(connection: Any) -> str:
    """`uid:… pid:…` of the process that opened this connection. Raises `AccessDenied` for another user's."""
    uid, pid = _credentials(connection.stream.socket)
    if uid != os.getuid():
        raise AccessDenied(
            "the socket belongs to another user", next_step="Start a Jupyter server of your own: jupyter lab"
        )
    return f"uid:{uid} pid:{pid}"


def _linux_credentials(sock: socket.socket) -> tuple[int, int]:
    pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid, pid


def _bsd_credentials(sock: socket.socket) -> tuple[int, int]:
    """macOS and the BSDs: `struct xucred` by LOCAL_PEERCRED; they do not tell the process there."""
    data = sock.getsockopt(0, 1, 76)
    return struct.unpack_from("=Ii", data)[1], 0


_credentials: Callable[[socket.socket], tuple[int, int]] = (
    _linux_credentials if sys.platform == "linux" else _bsd_credentials
)
