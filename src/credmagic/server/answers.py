"""What does every answer of credmagic look like, also when something went wrong?

The same security headers on all of them, `application/json` exactly, ASCII-escaped, never cached. An error
becomes its status and its JSON; everything unforeseen becomes a 500 without a word of the cause, which is
logged as class and code lines only: texts of drivers may hold values.
"""

from __future__ import annotations

import json
import traceback
from typing import Any

from tornado import web

from credmagic.errors import CredmagicError

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


def describe_unforeseen(error: BaseException) -> str:
    """Class and code lines of an exception, without its text."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"


def is_foreseen(error: BaseException | None) -> bool:
    """True for errors that are answers rather than faults."""
    return isinstance(error, CredmagicError | web.HTTPError)
