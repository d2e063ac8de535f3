"""Who may ask with an identity of credmagic's own, and what is refused before anything is read?

The machine token (a JWT) decides; Jupyter's own identity and its cookies count for nothing here, are not looked at
and never set, so that XSRF has nothing to ride on. Under a Hub, Jupyter would send a token in `Authorization` to the
Hub: therefore its identity provider is not asked at all. Every method says whether it wants an identity
(`@signed_in`) or serves anyone (`@anyone`: a sign-in); one that says nothing is not served.
"""

from __future__ import annotations

import asyncio
import functools
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from credmagic.client.socket import TOKEN_HEADER
from credmagic.errors import AccessDenied, CredmagicError, NotSignedIn
from credmagic.server import answers, requests
from credmagic.server.gate import store_exists
from credmagic.server.rates import TooMany

if TYPE_CHECKING:
    from pydantic import BaseModel

    from credmagic.server.extension import Credmagic
    from credmagic.vault.sign_in import Identity

Method = TypeVar("Method", bound=Callable[..., Any])
_AUTHORIZATION = re.compile(r"(?:bearer|token) +(\S+)\s*\Z", re.IGNORECASE)
BELIEVED = 0.5
"""Seconds for which an identity is believed; a body may trickle in for much longer."""


def signed_in(method: Method) -> Method:
    """Only for who has shown a valid token (`self.identity`)."""
    return _served(method, "signed_in")


def anyone(method: Method) -> Method:
    """For who has no token yet: this method gives one, for a proof of its own."""
    return _served(method, "anyone")


def _served(method: Method, whom: str) -> Method:
    @functools.wraps(method)
    async def served(self: MachineHandler, *args: str) -> None:
        if whom == "signed_in":
            await self.identify_again()
        result = method(self, *args)
        if asyncio.iscoroutine(result):
            await result

    marked = allow_unauthenticated(served)  # by Jupyter: its identities are none here
    marked.credmagic_serves = whom  # type: ignore[attr-defined]
    return cast("Method", marked)


@web.stream_request_body
class MachineHandler(answers.Answering, JupyterHandler):
    """Base of every handler that takes a machine token."""

    error_keys: ClassVar[tuple[str, ...]] = ("message", "code", "next_step", "errors")
    browsers_refused: ClassVar[bool] = False
    """True where values leave: no request with a browser's header comes in."""

    def initialize(self) -> None:
        super().initialize()
        self._identity: Identity | None = None
        self._identified_at = 0.0

    @property
    def credmagic(self) -> Credmagic:
        """The extension this handler belongs to."""
        extension: Credmagic = self.settings["credmagic"]
        return extension

    @property
    def identity(self) -> Identity:
        """Who is asking. Raises `NotSignedIn` where nobody has said."""
        if self._identity is None:
            raise self._unidentified()
        return self._identity

    how_to_sign_in: ClassVar[str] = "Sign in for a token first."

    def shown_token(self) -> str:
        """The token as this face's clients show it, "" when there is none. Here: `Authorization: Bearer …`."""
        shown = _AUTHORIZATION.match(self.request.headers.get("Authorization", ""))
        return shown[1] if shown else ""

    async def admit(self) -> None:
        """Everything that can be told from the headers; no body is read before."""
        try:
            self.credmagic.machine_requests.count(str(self.request.remote_ip))
            self._refuse_by_headers()
            method = getattr(self, str(self.request.method).lower(), None)
            whom = getattr(method, "credmagic_serves", None)
            if whom is None:
                raise web.HTTPError(405)
            if whom == "signed_in":
                await self.identify()
            requests.check_content_type(self.request.headers)
        except CredmagicError as error:
            await self._record_refusal(error)
            raise

    def _refuse_by_headers(self) -> None:
        if not self.check_host():
            raise AccessDenied(
                "this server does not answer to that host name",
                next_step="Use its own name, or allow others: ServerApp.allow_remote_access",
            )
        if "token" in self.request.query_arguments:
            raise NotSignedIn(
                "a token in the address is not accepted: addresses are logged",
                code="token_invalid",
                next_step="Send it as a header.",
            )
        if TOKEN_HEADER in self.request.headers:
            raise AccessDenied("a kernel token has no meaning here", next_step="Kernels use the socket: %cred use NAME")
        if self.browsers_refused and requests.shown_browser_headers(self.request.headers):
            raise AccessDenied(
                "values are not given to browsers",
                next_step="Ask from a program without a browser's headers (Cookie, Origin, Referer, Sec-Fetch-…).",
            )

    async def identify(self) -> None:
        """Find out who is asking. Raises `NotSignedIn`, `RateLimited`, and `AccessDenied` for who may not come here."""
        first = self._identity is None
        self._identity, self._identified_at = await self._identified(), time.monotonic()
        self.check_identity(self._identity)
        if first and self._identity.principal is not None:  # whatever address its requests come from
            self.credmagic.machine_requests.count(self._identity.principal.hex())

    async def identify_again(self) -> None:
        """The same once more when the body took its time: what was paused meanwhile asks for nothing."""
        if time.monotonic() - self._identified_at > BELIEVED:
            await self.identify()

    def check_identity(self, found: Identity) -> None:
        """Whether this identity may come here at all. Raises `AccessDenied`."""

    async def _identified(self) -> Identity:
        token = self.shown_token()
        if not token or not store_exists():  # nobody's token is good for a store that is yet to be made
            raise self._unidentified()
        found: Identity = await self.credmagic.gate.run(self._who, token)
        return found

    def _unidentified(self) -> NotSignedIn:
        return NotSignedIn(
            "this request carries no token that is known here", code="token_invalid", next_step=self.how_to_sign_in
        )

    def _who(self, token: str) -> Identity:
        from credmagic.vault import sign_in  # cryptography: not while the server starts

        return sign_in.who(self.credmagic.gate.vault(), token)

    def caller(self) -> dict[str, Any]:
        """The fields of `vault.audit.Caller` for this request."""
        who = self._identity
        return {
            "plane": "browser" if who is not None and who.plane == "B" else "machine",
            "principal": who.principal if who is not None else None,
            "peer": str(self.request.remote_ip),
            "request_id": secrets.token_hex(8),
        }

    async def ask(self, action: str, **params: Any) -> dict[str, Any]:
        """Run one action of the table as the identity of this request."""
        return await self.credmagic.gate.call(action, params, **self.caller())

    async def run(self, function: Callable[..., Any], *args: Any, **how: Any) -> Any:
        """Run `function(vault, caller, …)`, such as those of `vault.sign_in`, beside the event loop."""
        return await self.credmagic.gate.run(functools.partial(self._run, function, *args, **how))

    def _run(self, function: Callable[..., Any], *args: Any, **how: Any) -> Any:
        from credmagic.vault.audit import Caller

        return function(self.credmagic.gate.vault(), Caller(**self.caller()), *args, **how)

    def body(self) -> dict[str, Any]:
        """The JSON object that was sent. Raises `InvalidCredential` (400 or 422)."""
        return requests.parse_object(self.received)

    def answer(self, model: BaseModel | Mapping[str, Any] | list[Any], status: int = 200) -> None:
        """Send a model, a mapping of a model's shape, or a list of either."""
        self.set_status(status)
        self.finish(answers.as_json(_plain(model)))

    def check_xsrf_cookie(self) -> None:
        """Nothing a browser adds by itself identifies anybody here."""

    def set_cors_headers(self) -> None:
        """None, ever."""

    async def _record_refusal(self, error: CredmagicError) -> None:
        event = self._refusal(error)
        if event:
            self.log.warning("credmagic: %s on the machine plane (%s)", event, self.request.remote_ip)
            await self.credmagic.gate.record(event, **self.caller())

    def _refusal(self, error: CredmagicError) -> str:
        """What the audit log says of a refusal at the door; "" when it has said so already, or need not."""
        if isinstance(error, TooMany):
            return "rate_limited" if error.first else ""
        if not isinstance(error, AccessDenied):
            return ""
        from_browser = self.browsers_refused and requests.shown_browser_headers(self.request.headers)
        return "browser_headers_refused" if from_browser else "request_refused"


def _plain(value: Any) -> Any:
    """What `json` can write."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, Mapping) else value.model_dump(mode="json", exclude_unset=True)
