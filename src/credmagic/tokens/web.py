"""How is a token service spoken to, so that secrets go there and nowhere else?

One request to the one address. No redirect is followed, no proxy or .netrc of the environment is used, TLS is verified,
and plain http is spoken with this machine only. An answer is read up to a limit, within a time, and never quoted.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from credmagic import settings
from credmagic.errors import CredmagicError
from credmagic.tokens.base import code_of, no_answer, refused, unreachable

MAX_ANSWER = 256 * 1024
"""Bytes; tokens with many claims are long, but not as long as this."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\Z")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*\Z")
_OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})


@dataclass(frozen=True)
class Answer:
    """What came back: the status and the JSON object of the body, `{}` when it is none."""

    status: int
    body: Mapping[str, Any] = field(repr=False)

    def or_refuse(self) -> Mapping[str, Any]:
        """The body of a 2xx answer that is no error.

        Raises `TokenRefused` with the provider's code, or `Unreachable` when it is the provider that has a problem.
        """
        error = self.body.get("error")
        if isinstance(error, Mapping):  # Tableau and Google's own services nest it
            error = error.get("code") or error.get("status")
        if self.status >= 500 or self.status == 429:
            raise unreachable(f"it has a problem of its own ({self.status})")
        if 300 <= self.status < 400:
            raise refused("redirect")
        if not 200 <= self.status < 300 or error:
            raise refused(code_of(str(error) if error else None, f"http_{self.status}"))
        if not self.body:
            raise refused("not_json")
        return self.body


def post_form(
    url: str, form: Mapping[str, str], headers: Mapping[str, str], query: Mapping[str, str], timeout: float
) -> Answer:
    """POST `form` (application/x-www-form-urlencoded). Raises `Unreachable`, `TokenRefused`."""
    sent = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    return _post(_with_query(url, query), urlencode(dict(form)).encode(), sent, timeout)


def post_json(url: str, body: Mapping[str, Any], timeout: float) -> Answer:
    """POST `body` as JSON. Raises `Unreachable`, `TokenRefused`."""
    return _post(url, json.dumps(dict(body)).encode(), {"Content-Type": "application/json"}, timeout)


def _with_query(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(dict(query))}"


def check_place(url: str) -> None:
    """Raises `TokenRefused` for an address to which no secret may be sent."""
    if urlsplit(url).scheme != "https" and not is_loopback(url):
        raise refused("plain_http")


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises `TokenRefused` for headers that HTTP cannot carry, or that are not a credential's to set."""
    for name, value in headers.items():
        if not _HEADER_NAME.match(name) or name.casefold() in _OURS or not _HEADER_VALUE.match(value):
            raise refused("bad_header")


def _post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    import httpx2  # only when a token is fetched: it takes long to import

    check_place(url)
    say_nothing()
    limit = timeout * 0.95  # the thread that waits for us gives up at `timeout`
    ends = time.monotonic() + limit
    failure: CredmagicError = unreachable("the connection broke")
    try:
        with (
            httpx2.Client(verify=_trusted(), trust_env=False, follow_redirects=False, timeout=limit) as client,
            client.stream("POST", url, headers={"Accept": "application/json", **headers}, content=body) as answer,
        ):
            return Answer(answer.status_code, _object(_read(answer, ends, timeout)))
    except httpx2.TimeoutException:
        failure = no_answer(timeout)
    except httpx2.ConnectError as error:
        failure = unreachable(_why(error))
    except CredmagicError as error:
        failure = error
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
        pass
    raise failure


def say_nothing() -> None:
    """Keep what the HTTP library says of each request out of all logs, whatever level they have.

    An address may hold a secret (`custom_token_query`), and what a hostile service answers repeats some.
    """
    for name in ("httpx2", "httpcore2"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))


def _trusted() -> ssl.SSLContext:
    """The usual certificates, and beside them those of another credmagic server (`CREDMAGIC_CA_FILE`)."""
    import httpx2

    context = httpx2.create_ssl_context(trust_env=False)
    if (file := settings.ca_file()) is not None:
        context.load_verify_locations(file)
    return context


def _read(answer: Any, ends: float, timeout: float) -> bytes:
    body = b""
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise refused("answer_too_large")
        if time.monotonic() > ends:
            raise no_answer(timeout)
    return body


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_loopback(url: str) -> bool:
    """True for an address that is this machine without asking a name server."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _why(error: BaseException) -> str:
    """The class of a failed connection, from the chain of causes."""
    seen: BaseException | None = error
    while seen is not None:
        name = type(seen).__name__
        if isinstance(seen, socket.gaierror):
            return "no such host"
        if isinstance(seen, ConnectionRefusedError):
            return "nothing listens at that host and port"
        if "SSL" in name or "CertificateError" in name:
            return "its TLS certificate is not trusted, or it does not speak TLS"
        seen = seen.__cause__ or seen.__context__
    return "no connection to that host and port"
