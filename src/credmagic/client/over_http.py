"""How does a client ask a vault over HTTP, whatever carries it: a socket file, or TLS to another machine?

With the standard library only: `http.client` is loaded in every kernel, and knows nothing of proxies, which must not
see a token. Idle connections are kept and shared by all threads; a forked child forgets the ones it inherited.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from credmagic import settings
from credmagic.errors import CredmagicError, Unreachable, from_json

TIMEOUT = 120.0
"""Seconds to wait for an answer: a verification may itself wait for a slow service."""

_GONE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""How a kept connection turns out to have been closed at the other end."""


class Connection:
    """One kept connection over a connected socket.

    A request leaves in one piece, since a server that refuses it by its headers closes at once; what that server said
    is read even when it did not want the rest.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def ask(self, head: bytes, body: bytes) -> tuple[int, bytes, bool]:
        """Status and body of the answer, and whether the connection may be used again."""
        with suppress(BrokenPipeError, ConnectionResetError):  # refused by the headers, or gone: reading tells which
            self._socket.sendall(b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        with http.client.HTTPResponse(self._socket, method="POST") as response:
            response.begin()
            return response.status, response.read(), not response.will_close

    def is_stale(self) -> bool:
        """True when the server closed (or wrote to) this idle connection."""
        if not hasattr(select, "poll"):  # Windows
            return bool(select.select([self._socket], [], [], 0)[0])
        poll = select.poll()  # `select.select` refuses descriptors from 1024 on
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self._socket.close()


class Pool:
    """The connections to one server. `connect` opens a socket; `server` and `next_step` are for people."""

    def __init__(self, connect: Callable[[], socket.socket], *, server: str, next_step: str) -> None:
        self.idle: list[Connection] = []
        self._connect = connect
        self._server = server
        self._next_step = next_step
        self._pid = os.getpid()

    def post(self, head: bytes, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of the answer to one request, `head` without its last line.

        Raises `Unreachable`, also for an answer that is no JSON object.
        """
        problem: CredmagicError | None = None
        try:
            status, payload = self._exchange(head, body)
        except TimeoutError:
            problem = self._unreachable(f"{self._server} did not answer within {TIMEOUT:.0f} s", code="timeout")
        except (OSError, http.client.HTTPException):
            problem = self._unreachable(f"{self._server} does not answer")
        if problem is not None:
            raise problem
        return status, self._object(payload)

    def close(self) -> None:
        """Drop the idle connections."""
        while self.idle:
            self.idle.pop().close()

    def __del__(self) -> None:
        self.close()

    def _exchange(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """One request; on a kept connection that turns out to be dead, once more on a new one."""
        connection = self._kept()
        if connection is not None:
            try:
                return self._ask(connection, head, body)
            except _GONE:
                pass
        return self._ask(Connection(self._connect()), head, body)

    def _ask(self, connection: Connection, head: bytes, body: bytes) -> tuple[int, bytes]:
        try:
            status, payload, keep = connection.ask(head, body)
        except BaseException:  # also KeyboardInterrupt: half an answer must not meet the next question
            connection.close()
            raise
        if keep:
            self.idle.append(connection)
        else:
            connection.close()
        return status, payload

    def _kept(self) -> Connection | None:
        """An idle connection that still lives."""
        if self._pid != os.getpid():
            self.close()
            self._pid = os.getpid()
        while self.idle:
            try:
                connection = self.idle.pop()
            except IndexError:  # another thread was quicker
                return None
            if not connection.is_stale():
                return connection
            connection.close()
        return None

    def _object(self, payload: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(payload)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self._unreachable(f"what answers in place of {self._server} is not credmagic")
        return answer

    def _unreachable(self, message: str, **more: Any) -> Unreachable:
        return Unreachable(message, next_step=self._next_step, **more)


class HttpClient(ABC):
    """What both clients over HTTP share: see `client.base.Client` for the methods' meaning."""

    pool: Pool

    @abstractmethod
    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Run one action on the server."""

    def resolve(
        self,
        ref: str | None,
        *,
        environment: str | None = None,
        version: int | None = None,
        kind: str | None = None,
        scope: str | None = None,
    ) -> dict[str, Any]:
        """The values of one credential: *resolved* in `docs/architecture.md`.

        The server does not know this process's active environment: it is said with each question.
        """
        environment = settings.active_environment() if environment is None else environment
        return self.call("resolve", ref=ref, environment=environment, version=version, kind=kind, scope=scope)

    def begin_entry(self, kind: str, ref: str | None = None, environment: str | None = None) -> dict[str, Any]:
        """A single-use public key to which a form may seal its fields."""
        return self.call("begin_entry", kind=kind, ref=ref, environment=environment)

    def submit_entry(self, entry_id: str, purpose: str, sealed: str) -> dict[str, Any]:
        """Hand over what the browser sealed; `purpose` is `verify` or `save`."""
        return self.call("submit_entry", entry_id=entry_id, purpose=purpose, sealed=sealed)

    def close(self) -> None:
        """Drop the idle connections."""
        self.pool.close()


def encoded(params: dict[str, Any]) -> bytes:
    """The body of a call: parameters that are None are left to their defaults."""
    return json.dumps({name: value for name, value in params.items() if value is not None}).encode()


def accepted(status: int, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of a call that went well. Raises the error the server sent."""
    if status != 200:
        raise from_json(answer)
    return answer
