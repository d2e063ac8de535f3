"""How does a kernel ask the Jupyter server that started it?

Plain HTTP over that server's Unix socket with the standard library only: `http.client` ignores proxy
variables (the token must not travel to one) and is already loaded in every kernel. Idle connections are
kept and shared by all threads; a forked child forgets the ones it inherited, because the server knows the
peer by who opened them.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
from typing import Any

from credmagic import settings
from credmagic.errors import CredmagicError, NotSignedIn, Unreachable, from_json

TOKEN_VARIABLE = "CREDMAGIC_KERNEL_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_HEADER = "X-Credmagic-Kernel-Token"  # noqa: S105 - the name of a header
TIMEOUT = 120.0
"""Seconds to wait for an answer: a verification may itself wait for a slow service."""

_RESTART = "Restart the kernel; if that does not help, restart the Jupyter server."
_taken: dict[str, str] = {}


def take_token() -> str | None:
    """The kernel token, taken out of `os.environ` at the first call: child processes must not inherit it."""
    if token := os.environ.pop(TOKEN_VARIABLE, None):
        _taken["token"] = token
    return _taken.get("token")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(TIMEOUT)
            sock.connect(self._path)
        except BaseException:
            sock.close()
            raise
        self.sock = sock

    def is_stale(self) -> bool:
        """True when the server closed (or wrote to) this idle connection."""
        return self.sock is None or bool(select.select([self.sock], [], [], 0)[0])


class SocketClient:
    """The vault behind a Jupyter server's socket. See `client.base.Client` for the methods' meaning."""

    plane = "kernel"

    def __init__(self, path: str | None = None, token: str | None = None) -> None:
        self._path = path or settings.socket_path() or ""
        self._token = token or take_token() or ""
        self._idle: list[_UnixConnection] = []
        self._pid = os.getpid()

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Run one action on the server. Raises what the vault raised, `NotSignedIn` or `Unreachable`."""
        if not self._token:
            raise NotSignedIn("this kernel has no token", code="kernel_unknown", next_step=_RESTART)
        body = json.dumps({name: value for name, value in params.items() if value is not None}).encode()
        problem: CredmagicError | None = None
        try:
            status, payload = self._exchange(f"/v1/{action}", body)
        except TimeoutError:
            problem = Unreachable(
                f"the Jupyter server did not answer within {TIMEOUT:.0f} s",
                code="timeout",
                next_step=_RESTART,
            )
        except (OSError, http.client.HTTPException):
            problem = Unreachable("the Jupyter server of this kernel does not answer", next_step=_RESTART)
        if problem is not None:
            raise problem
        return _decoded(status, payload)

    def resolve(
        self,
        ref: str | None,
        *,
        environment: str | None = None,
        version: int | None = None,
        kind: str | None = None,
    ) -> dict[str, Any]:
        """The values of one credential: *resolved* in `docs/architecture.md`."""
        return self.call("resolve", ref=ref, environment=environment, version=version, kind=kind)

    def begin_entry(self, kind: str, ref: str | None = None, environment: str | None = None) -> dict[str, Any]:
        """A single-use public key to which a form may seal its fields."""
        return self.call("begin_entry", kind=kind, ref=ref, environment=environment)

    def submit_entry(self, entry_id: str, purpose: str, sealed: str) -> dict[str, Any]:
        """Hand over what the browser sealed; `purpose` is `verify` or `save`."""
        return self.call("submit_entry", entry_id=entry_id, purpose=purpose, sealed=sealed)

    def close(self) -> None:
        """Drop the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, target: str, body: bytes) -> tuple[int, bytes]:
        """One request; on a kept connection that turns out to be dead, once more on a new one."""
        connection, kept = self._borrow()
        try:
            return self._send(connection, target, body)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not kept:
                raise
        return self._send(_UnixConnection(self._path), target, body)

    def _send(self, connection: _UnixConnection, target: str, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", TOKEN_HEADER: self._token}
        try:
            connection.request("POST", target, body, headers)
            response = connection.getresponse()
            answer = response.status, response.read()
        except BaseException:  # also KeyboardInterrupt: half an answer must not meet the next question
            connection.close()
            raise
        if connection.sock is not None:
            self._idle.append(connection)
        return answer

    def _borrow(self) -> tuple[_UnixConnection, bool]:
        """An idle connection that still lives (True), else a new one (False)."""
        if self._pid != os.getpid():
            self.close()
            self._pid = os.getpid()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return _UnixConnection(self._path), False
            if not connection.is_stale():
                return connection, True
            connection.close()


def _decoded(status: int, payload: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(payload)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Unreachable("what answers on the kernel socket is not credmagic", next_step=_RESTART)
    if status != 200:
        raise from_json(answer)
    return answer
