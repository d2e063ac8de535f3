"""Does a web service accept a login, token or key?

One request to the one address the kind names. No redirect is followed, no proxy or .netrc of the environment is used,
TLS is verified, and plain http is spoken with this machine only: the secret goes to its own host and nowhere else.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Protocol, cast
from urllib.parse import urlsplit

from credmagic.errors import VerificationFailed
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.http import HttpCheck
from credmagic.tokens.web import say_nothing
from credmagic.verify.base import Probe, Result, no_answer, unreachable

MAX_BODY = 64 * 1024
"""Bytes of an answer that are looked at."""

_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?\Z")
_REFUSED = {401: "unauthorized", 403: "forbidden", 407: "proxy login required"}


class _Asks(Protocol):
    def http_check(self) -> HttpCheck | None: ...


class HttpProbe(Probe):
    """2xx and 3xx pass; 401 and 403 are a no; anything else is named by its number."""

    def check(self, credential: CredentialKind, *, timeout: float) -> Result:
        """Send the kind's request and judge the status."""
        check = cast(_Asks, credential).http_check()
        if check is None:
            return Result("unverifiable", "not verifiable without a url to try it at")
        if not all(_HEADER_VALUE.match(value) for value in check.headers.values()):
            raise _refused("it holds a line break, a blank at an end, or a character that no header can carry")
        if urlsplit(check.url).scheme != "https" and not _is_loopback(check.url):
            return Result("unverifiable", "not tried: plain http would send it readable; use an https url")
        status, body = _ask(check, timeout)
        return _judge(check, status, body)


def _ask(check: HttpCheck, timeout: float) -> tuple[int, bytes]:
    import httpx2  # only when something is verified: it takes long to import

    say_nothing()
    failure = unreachable("the connection broke")
    try:
        with (
            httpx2.Client(trust_env=False, follow_redirects=False, timeout=timeout) as client,
            client.stream(check.method, check.url, headers=dict(check.headers), content=check.body) as answer,
        ):
            return answer.status_code, _some(answer) if check.refused_by else b""
    except httpx2.TimeoutException:
        failure = no_answer(timeout)
    except httpx2.ConnectError as error:
        failure = unreachable(_why(error))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
        pass
    raise failure


def _some(answer: object) -> bytes:
    body = b""
    for chunk in answer.iter_bytes():  # type: ignore[attr-defined]
        body += chunk
        if len(body) >= MAX_BODY:
            break
    return body


def _judge(check: HttpCheck, status: int, body: bytes) -> Result:
    if status in _REFUSED:
        raise _refused(f"{status} ({_REFUSED[status]})")
    if check.refused_by and check.refused_by in re.sub(rb"\s", b"", body):
        raise _refused("it does not know whom the key belongs to")
    if 200 <= status < 400:
        return Result("ok", f"the service accepted it ({status})")
    kind = "an error of its own" if status >= 500 else "no answer that tells; is the url right?"
    raise VerificationFailed(
        f"the service answered {status}: {kind}",
        next_step="Correct the url and verify again; or save unverified (--no-verify).",
    )


def _refused(what: str) -> VerificationFailed:
    return VerificationFailed(
        f"the service did not accept it: {what}",
        next_step="Correct it and verify again; or save unverified (--no-verify).",
    )


def _is_loopback(url: str) -> bool:
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
    text = str(error).casefold()
    if "certificate" in text or "ssl" in text:
        return "its TLS certificate is not trusted, or it does not speak TLS"
    return "no connection to that host and port"
