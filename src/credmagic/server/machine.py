"""Who may ask with an identity of credmagic's own, and what is refused before anything is read?

The machine token (a JWT) decides; Jupyter's own identity and its cookies count for nothing here, are not looked at
and never set, so that XSRF has nothing to ride on. Under a Hub, Jupyter would send a token in `Authorization` to the
Hub: therefore its identity provider is not asked at all. Every method says whether it wants an identity
(`@signed_in`) or serves anyone (`@anyone`: a sign-in); one that says nothing is not served.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from credmagic.client.socket import TOKEN_HEADER
from credmagic.errors import AccessDenied, CredmagicError, NotSignedIn
from credmagic.server import answers, requests
from credmagic.server.gate import store_exists
from credmagic.server.identifying import Identifying
from credmagic.server.own_token import is_own_token
from credmagic.server.rates import TooMany

if TYPE_CHECKING:
    from pydantic import BaseModel

    from credmagic.server.extension import Credmagic
    from credmagic.vault.sign_in import SignedIn

MINUTES = 60
"""How long a token lives that other systems' clients get."""
Method = TypeVar("Method", bound=Callable[..., Any])


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
class MachineHandler(Identifying, answers.Answering, JupyterHandler):
    """Base of every handler that takes a machine token."""

    error_keys: ClassVar[tuple[str, ...]] = ("message", "code", "next_step", "errors")
    browsers_refused: ClassVar[bool] = False
    """True where values leave: no request with a browser's header comes in."""

    @property
    def credmagic(self) -> Credmagic:  # type: ignore[override]
        """The extension this handler belongs to."""
        extension: Credmagic = self.settings["credmagic"]
        return extension

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

    async def sign_in(self, ident: Any, secret: Any, *, own: Any = None) -> SignedIn:
        """A token for who proves to be a machine; if `own` is the token of this Jupyter server, one for its user.

        For clients that renew late or never. Nobody is known to a store that is yet to be made, and a stranger makes
        none. Raises `NotSignedIn`, `RateLimited`.
        """
        from credmagic.vault import sign_in  # cryptography: not while the server starts

        if is_own_token(self.identity_provider, own):
            return cast("SignedIn", await self.run(sign_in.issue_for_user, minutes=MINUTES))
        if not store_exists():
            raise sign_in.bad_credentials()
        return cast("SignedIn", await self.run(sign_in.sign_in, ident, secret, minutes=MINUTES))

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


class NotServed(MachineHandler):
    """Mixed in, for what a client may ask for that has no meaning here: 404, and 401 for who has not signed in."""

    @signed_in
    async def get(self, *rest: str) -> None:
        raise web.HTTPError(404)

    @signed_in
    async def post(self, *rest: str) -> None:
        raise web.HTTPError(404)

    put = delete = post


def _plain(value: Any) -> Any:
    """What `json` can write."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, Mapping) else value.model_dump(mode="json", exclude_unset=True)
