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
import time
from typing import Any
from urllib.parse import quote

from credmagic import settings
from credmagic.client import token as kernel_token
from credmagic.errors import CredmagicError, NotSignedIn, Unreachable, from_json

TOKEN_HEADER = "X-Credmagic-Kernel-Token"  # noqa: S105 - the name of a header
TIMEOUT = 120.0
"""Seconds to wait for an answer: a verification may itself wait for a slow service."""

_RESTART = "Restart the kernel; if that does not help, restart the Jupyter server."


class _Connection:
    """One kept connection. A request leaves in one piece: a server that refuses it by its headers closes at once."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT)
        try:
            self._connect(path)
        except BaseException:
            self.close()
            raise

    def _connect(self, path: str) -> None:
        """Wait while the queue of a busy server is full: a Unix socket with a time limit refuses then, at once."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return self._socket.connect(path)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError from None
            time.sleep(0.005)

    def ask(self, head: bytes, body: bytes) -> tuple[int, bytes, bool]:
        """Status and body of the answer, and whether the connection may be used again."""
        self._socket.sendall(b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        with http.client.HTTPResponse(self._socket, method="POST") as response:
            response.begin()
            return response.status, response.read(), not response.will_close

    def is_stale(self) -> bool:
        """True when the server closed (or wrote to) this idle connection."""
        poll = select.poll()  # `select.select` refuses descriptors from 1024 on
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self._socket.close()


class SocketClient:
    """The vault behind a Jupyter server's socket. See `client.base.Client` for the methods' meaning."""

    plane = "kernel"

    def __init__(self, path: str | None = None, token: str | None = None) -> None:
        self._path = path or settings.socket_path() or ""
        self._token = token or kernel_token.take() or ""
        self._idle: list[_Connection] = []
        self._pid = os.getpid()

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Run one action on the server. Raises what the vault raised, `NotSignedIn` or `Unreachable`."""
        if not self._token:
            raise NotSignedIn("this kernel has no token", code="kernel_unknown", next_step=_RESTART)
        body = json.dumps({name: value for name, value in params.items() if value is not None}).encode()
        problem: CredmagicError | None = None
        try:
            status, payload = self._exchange(action, body)
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
        """The values of one credential: *resolved* in `docs/architecture.md`.

        The server does not know this kernel's active environment: it is said with each question.
        """
        environment = settings.active_environment() if environment is None else environment
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

    def __del__(self) -> None:
        if hasattr(self, "_idle"):
            self.close()

    def _exchange(self, action: str, body: bytes) -> tuple[int, bytes]:
        """One request; on a kept connection that turns out to be dead, once more on a new one."""
        connection = self._kept()
        if connection is not None:
            try:
                return self._ask(connection, action, body)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                pass
        return self._ask(_Connection(self._path), action, body)

    def _ask(self, connection: _Connection, action: str, body: bytes) -> tuple[int, bytes]:
        head = f"POST /v1/{quote(action)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        try:
            status, payload, keep = connection.ask(f"{head}{TOKEN_HEADER}: {self._token}".encode("ascii"), body)
        except BaseException:  # also KeyboardInterrupt: half an answer must not meet the next question
            connection.close()
            raise
        if keep:
            self._idle.append(connection)
        else:
            connection.close()
        return status, payload

    def _kept(self) -> _Connection | None:
        """An idle connection that still lives."""
        if self._pid != os.getpid():
            self.close()
            self._pid = os.getpid()
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                return None
            if not connection.is_stale():
                return connection
            connection.close()
        return None


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
