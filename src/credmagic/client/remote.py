"""How does a process ask the credmagic of another machine?

Over https, certificates verified, with a machine token in `Authorization`; plain http only on loopback. Nothing between
is asked or followed: no proxy, no redirect. The standard library only, as for the socket.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, urlsplit

from credmagic import settings
from credmagic.client import over_http
from credmagic.errors import CredmagicError, InvalidCredential, NotSignedIn, Unreachable, from_json
from credmagic.values import SecretStr

if TYPE_CHECKING:
    from credmagic.client.access_key import AccessKey

CONNECT_TIMEOUT = 15.0
"""Seconds to wait for a connection and its TLS; answers have `over_http.TIMEOUT`."""
RENEWED_AT = 0.8
"""The part of its life after which a token is replaced."""
_SHORT_LIFE = 60.0
"""Seconds for which a token is kept that does not say how long it lives."""

_RENEWABLE = ("token_expired", "token_invalid")
_TOKEN = re.compile(r"[\w.~+/=-]+\Z", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+\Z")
_CHECK = "Check the address, and that the server runs: its page opens at that address."


@dataclass(frozen=True)
class Address:
    """Where a credmagic server answers: `path` ends in `/credmagic`, whatever base URL it has."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Address:
        """The address in a URL, which may end in `/credmagic` or `/credmagic/api`. Raises `InvalidCredential`."""
        parts, host, port = _split(url)
        if parts.scheme not in ("https", "http") or not host:
            raise _refused("must begin with https:// and a host")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise _refused("must be an address alone, without a user, a query or a fragment")
        if parts.scheme == "http" and not _is_loopback(host):
            raise _refused("must be https: values do not travel in clear to another machine")
        base = parts.path.rstrip("/")
        if base.endswith("/credmagic/api"):  # as Conductor's clients are told
            base = base.removesuffix("/api")
        path = base.removesuffix("/credmagic") + "/credmagic"
        return cls(parts.scheme, host, port or {"https": 443, "http": 80}[parts.scheme], path)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def netloc(self) -> str:
        """Host and port, as in the header `Host`."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def head(self, path: str, *headers: str) -> bytes:
        """The head of a request to `path` below this address, without its last lines."""
        lines = (f"POST {self.path}/api/{path} HTTP/1.1", f"Host: {self.netloc}", "Content-Type: application/json")
        return "\r\n".join((*lines, *headers)).encode("ascii")

    def pool(self, ca: str | None = None) -> over_http.Pool:
        """Connections to it; `ca` is a file of certificates (PEM) to trust in place of the system's."""
        trusting = _Trust(ca)

        def connect() -> socket.socket:
            connected = trusting.wrapped(self) if self.scheme == "https" else _opened(self)
            connected.settimeout(over_http.TIMEOUT)
            return connected

        return over_http.Pool(connect, server=f"the credmagic server {self.netloc}", next_step=_CHECK)


class _Trust:
    """TLS as it is spoken here: at least 1.2, certificate and host name verified; set up when first needed."""

    def __init__(self, ca: str | None) -> None:
        self._ca = ca or settings.ca_file()
        self._context: ssl.SSLContext | None = None

    def wrapped(self, address: Address) -> socket.socket:
        """A connection to `address`. Raises `Unreachable` when it is not trusted, `OSError` when there is none."""
        context = self._context = self._context or self._made()
        opened = _opened(address)
        try:
            return context.wrap_socket(opened, server_hostname=address.host)
        except ssl.SSLCertVerificationError as error:
            problem = f"the certificate of {address.netloc} is not trusted ({error.verify_message})"
        except ssl.SSLError as error:
            problem = f"{address.netloc} speaks no TLS that is accepted here ({error.reason})"
        finally:
            opened.close()  # `wrap_socket` has taken what was in it, or has failed
        raise Unreachable(
            problem, next_step="If it is the right server, name the file of its certificate: CREDMAGIC_CA_FILE=…"
        )

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies; and unlike the default one, never logs its keys
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        readable = True
        try:
            context.load_verify_locations(self._ca) if self._ca else context.load_default_certs()
        except (OSError, ValueError):
            readable = False
        if not readable:
            raise InvalidCredential(
                "the file of trusted certificates cannot be read",
                errors={"CREDMAGIC_CA_FILE": "must be a file of certificates (PEM)"},
                next_step="Correct CREDMAGIC_CA_FILE.",
            )
        return context


def _opened(address: Address) -> socket.socket:
    opened = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def _split(url: str) -> tuple[SplitResult, str, int | None]:
    with suppress(ValueError):  # whose text may quote what was given
        parts = urlsplit(url if _PRINTABLE.match(url) else "")
        return parts, parts.hostname or "", parts.port
    raise _refused("is not an address")


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _refused(why: str) -> InvalidCredential:
    return InvalidCredential(
        f"the URL of the credmagic server {why}",
        errors={"url": why},
        next_step="It looks like this: https://HOST:PORT/ (where that Jupyter server's pages are)",
    )


class RemoteClient(over_http.HttpClient):
    """The vault of another server. See `client.base.Client` for the methods' meaning."""

    plane = "machine"

    def __init__(self, url: str, token: Callable[[], str], ca: str | None = None) -> None:
        """`token` gives the token to send; asked again after a refusal, it may give another one."""
        self._address = Address.of(url)
        self._token = token
        self.url = str(self._address)
        self.pool = self._address.pool(ca)

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Run one action on the server. Raises what its vault raised, `NotSignedIn` or `Unreachable`."""
        path = "resolve" if action == "resolve" else f"actions/{quote(action, safe='')}"
        body, token = over_http.encoded(params), self._token()
        try:
            return self._asked(path, body, token)
        except NotSignedIn as error:
            refused = error
        another = self._another(token) if refused.code in _RENEWABLE else token
        if another == token:
            raise refused
        return self._asked(path, body, another)

    def _another(self, refused: str) -> str:
        forget = getattr(self._token, "forget", None)
        if forget is not None:
            forget(refused)
        return self._token()

    def _asked(self, path: str, body: bytes, token: str) -> dict[str, Any]:
        if not _TOKEN.match(token):
            raise NotSignedIn("there is no token to show", code="token_invalid", next_step="Sign in again.")
        head = self._address.head(path, f"Authorization: Bearer {token}")
        return _accepted(self._address, *self.pool.post(head, body))


class AccessKeyToken:
    """The tokens an access key is worth: one is kept in memory until it is near its end, or was refused."""

    def __init__(self, url: str, key_id: str, secret: str, ca: str | None = None) -> None:
        self._address = Address.of(url)
        self._pool = self._address.pool(ca)
        self._key = key_id
        self._secret = SecretStr(secret, "[access-key.secret]")
        self._held: tuple[str, float] | None = None

    def __call__(self) -> str:
        """A token that is good for a while. Raises `NotSignedIn` when the key is refused, `RateLimited`."""
        held = self._held  # one tuple, set in one step: threads may each fetch one, and none sees half of it
        if held is None or time.monotonic() >= held[1]:
            held = self._held = self._fetched()
        return held[0]

    def forget(self, token: str) -> None:
        """Do not give out `token` again: a server has refused it."""
        if self._held is not None and self._held[0] == token:
            self._held = None

    def _fetched(self) -> tuple[str, float]:
        asked = time.monotonic()
        body = over_http.encoded({"keyId": self._key, "keySecret": self._secret})
        status, answer = self._pool.post(self._address.head("token"), body)
        if status == 401:
            raise NotSignedIn(
                f"{self._address.netloc} refuses the access key {self._key}: id or secret are wrong, or it is paused",
                code="bad_credentials",
                next_step="There: credmagic key list. Here: CREDMAGIC_AUTH_KEY and CREDMAGIC_AUTH_SECRET.",
            )
        token = _accepted(self._address, status, answer).get("token")
        if not isinstance(token, str) or not _TOKEN.match(token):
            raise _not_credmagic(self._address)
        return token, asked + RENEWED_AT * _life(token)


def _accepted(address: Address, status: int, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer if it is one. Raises the error in it, `Unreachable` when it is not one of credmagic's."""
    if 200 <= status < 300:
        return answer
    raise from_json(answer) if isinstance(answer.get("code"), str) else _not_credmagic(address)


def _not_credmagic(address: Address) -> CredmagicError:
    return Unreachable(f"what answers at {address} is not credmagic", next_step=_CHECK)


def _life(token: str) -> float:
    """How many seconds a token lives, as it says itself: this machine's clock may be wrong."""
    with suppress(ValueError, KeyError, TypeError, IndexError):
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"]) - float(claims["iat"])
    return _SHORT_LIFE


def by_access_key(given: AccessKey) -> RemoteClient:
    """The client of a process that was given an access key (entry point `credmagic.clients: remote`)."""
    return RemoteClient(given.url, AccessKeyToken(given.url, given.id, given.secret))
