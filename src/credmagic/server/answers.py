"""What does every answer of credmagic look like, also when something went wrong?

The same security headers on all of them, `application/json` exactly, ASCII-escaped, never cached. An error
becomes its status and its JSON; everything unforeseen becomes a 500 without a word of the cause, which is
logged as class and code lines only: texts of drivers may hold values.
"""

from __future__ import annotations

import functools
import json
import traceback
from typing import Any, ClassVar, NoReturn

from tornado import web
from tornado.log import app_log

from credmagic.errors import CredmagicError, NotSignedIn
from credmagic.server import requests
from credmagic.server.requests import MAX_BODY

HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_HTTP_ERRORS = {
    400: ("bad_request", "the request cannot be read"),
    401: ("unauthenticated", "who is asking could not be told"),
    403: ("denied", "this is not allowed"),
    404: ("not_found", "there is nothing at this address"),
    405: ("method_not_allowed", "this address does not take that method"),
}


def as_json(value: Any) -> bytes:
    """The bytes of an answer: compact and ASCII, because some clients decode errors as ASCII."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def error_answer(error: BaseException | None, status: int = 500) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, JSON body and further headers for an error of any class."""
    if isinstance(error, CredmagicError):
        wait = error.details.get("retry_after")
        return error.http_status, error.to_json(), {} if wait is None else {"Retry-After": str(wait)}
    if isinstance(error, web.HTTPError):
        status = error.status_code
    code, message = _HTTP_ERRORS.get(status, ("error", "something went wrong inside credmagic"))
    body = {"message": message, "code": code}
    if status >= 500:
        body["next_step"] = "The server's log says where. Try again, then: credmagic status"
    return status, body, {}


class Answering(web.RequestHandler):
    """How every handler of credmagic takes a body (streamed, bounded) and answers, whatever happens."""

    error_keys: ClassVar[tuple[str, ...]] = ("message", "code", "next_step", "errors", "details")
    """What of an error is told here."""

    def initialize(self) -> None:
        self.received = bytearray()

    async def prepare(self, **_: Any) -> None:
        """Ask `admit`, before a byte of the body is read; who is not known is told so when his body has gone by unread.

        Told at once it would cost the connection, and a client that is sent for another token asks for it on the very
        same one: it would find it closed, and give up. More than a body may hold is not waited for.
        """
        try:
            await self.admit()
        except NotSignedIn as error:
            if not requests.is_short(self.request.headers):
                raise
            setattr(self, str(self.request.method).lower(), functools.partial(_refuse, error))

    async def admit(self) -> None:
        """Raises what there is against this request, by its headers."""

    def set_default_headers(self) -> None:
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.clear_header("Server")

    def data_received(self, chunk: bytes) -> None:
        if len(self.received) <= MAX_BODY:  # one chunk too many is enough to know
            self.received += chunk

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        status, body, headers = error_answer(error, status_code)
        self.set_status(status)
        for name, value in headers.items():
            self.set_header(name, value)
        if status == 405:
            self.set_header("Allow", ", ".join(taken_methods(type(self))))
        self.finish(as_json(self.problem(status, body)))

    def problem(self, status: int, body: dict[str, Any]) -> dict[str, Any]:
        """The body of an error; `body` is all that is known of it."""
        return {key: body[key] for key in self.error_keys if key in body}

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        if value is not None and not is_foreseen(value):
            app_log.error("credmagic: %s %s", self.request.method, describe_unforeseen(value))

    def compute_etag(self) -> None:
        return None


def taken_methods(handler: type[web.RequestHandler]) -> list[str]:
    """The methods a handler has."""
    names = ("GET", "POST", "PUT", "PATCH", "DELETE")
    return [name for name in names if getattr(handler, name.lower()) is not getattr(web.RequestHandler, name.lower())]


def _refuse(error: NotSignedIn, *args: str) -> NoReturn:
    raise error


def describe_unforeseen(error: BaseException) -> str:
    """Class and code lines of an exception, without its text."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"


def is_foreseen(error: BaseException | None) -> bool:
    """True for errors that are answers rather than faults."""
    return isinstance(error, CredmagicError | web.HTTPError)
