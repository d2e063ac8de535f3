"""Who may ask on the Jupyter port, and what is refused there before anything is read?

Jupyter's own identity and authorizer decide, on every method. On top: no token in an address, nothing from
another site, XSRF for cookie identities even where the server switched it off, 401 (not a redirect, not 403)
for the unknown, and no CORS header whatever is configured. No answer of this plane carries a secret value.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jupyter_server.auth import User, decorator
from jupyter_server.base.handlers import APIHandler
from tornado import web

from credmagic.client.socket import TOKEN_HEADER
from credmagic.errors import AccessDenied, NotSignedIn
from credmagic.server import answers, requests
from credmagic.server.face import faces
from credmagic.server.identifying import Identifying

if TYPE_CHECKING:
    from pydantic import BaseModel

    from credmagic.server.extension import Credmagic

READING = ("GET", "HEAD", "OPTIONS")
_JWT = re.compile(r"(?:token|bearer)\s+(eyJ.*?)\s*\Z", re.IGNORECASE)

Method = TypeVar("Method", bound=Callable[..., Any])


def authorized(action: str, *, resource: str) -> Callable[[Method], Method]:
    """Jupyter's decorator, with action and resource always said: without, it keeps those of its first call."""
    return cast("Callable[[Method], Method]", decorator.authorized(action, resource))


@web.stream_request_body
class BrowserHandler(answers.Answering, APIHandler):
    """Base of every handler below `credmagic/` on the Jupyter port."""

    auth_resource = "credmagic"
    error_keys = ("message", "code", "next_step", "errors")

    @property
    def credmagic(self) -> Credmagic:
        """The extension this handler belongs to."""
        extension: Credmagic = self.settings["credmagic"]
        return extension

    async def admit(self) -> None:
        self._refuse_by_headers()
        await APIHandler.prepare(self)
        if self.current_user is None:
            raise unknown_user()
        if self.request.method not in READING:
            self.credmagic.browser_writes.count(str(self.request.remote_ip))
        requests.check_content_type(self.request.headers)

    def _refuse_by_headers(self) -> None:
        if "token" in self.request.query_arguments:
            raise NotSignedIn(
                "a token in the address is not accepted: addresses are logged",
                next_step="Send it as a header: Authorization: token …",
            )
        if self.request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise AccessDenied("requests from other sites are not accepted", next_step="Ask from this server's pages.")
        if TOKEN_HEADER in self.request.headers:
            raise AccessDenied("a kernel token has no meaning here", next_step="Kernels use the socket: %cred use NAME")

    def check_xsrf_cookie(self) -> None:
        """Always asked of identities that a browser adds by itself, also under `disable_check_xsrf`."""
        if not hasattr(self, "_jupyter_current_user"):
            return  # Tornado asks before anybody knows who it is; `prepare` asks again
        if self.current_user is None:
            raise unknown_user()
        if not self.token_authenticated:
            if not self.check_origin():
                raise web.HTTPError(404)
            web.RequestHandler.check_xsrf_cookie(self)

    def set_cors_headers(self) -> None:
        """None, ever: no other site has business here."""

    def get_login_url(self) -> str:
        """Instead of a redirect to a login page."""
        raise unknown_user()

    @web.authenticated
    @authorized("read", resource="credmagic")
    def options(self, *args: str) -> None:  # type: ignore[override]
        raise web.HTTPError(405)

    def caller(self) -> dict[str, Any]:
        """The fields of `vault.audit.Caller` for this request."""
        return {
            "plane": "browser",
            "principal": None,
            "peer": str(self.request.remote_ip),
            "request_id": secrets.token_hex(8),
        }

    async def ask(self, action: str, **params: Any) -> dict[str, Any]:
        """Run one action of the table as who makes this request."""
        return await self.credmagic.gate.call(action, params, **self.caller())

    def body(self) -> dict[str, Any]:
        """The JSON object that was sent. Raises `InvalidCredential` (400 or 422)."""
        return requests.parse_object(self.received)

    def answer(self, model: BaseModel | Mapping[str, Any], status: int = 200) -> None:
        """Send a model as the body."""
        self.set_status(status)
        shown = model if isinstance(model, Mapping) else model.model_dump(mode="json")
        self.finish(answers.as_json(shown))


class _VaultDecides:
    """In the place of Jupyter's authorizer, which knows no machines: the vault's own table says what they may."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        return True


class EitherHandler(Identifying, BrowserHandler):
    """Base of handlers for a user of this Jupyter server with its token, or a machine with one of credmagic's own.

    Both come in `Authorization` as `Token` or `Bearer`. What looks like a JWT is ours: Jupyter's identity provider
    never sees it (that of a Hub would send it there).
    """

    @property
    def is_machine(self) -> bool:
        """True for an identity of credmagic's own; a token given out for a Jupyter login stands for that login."""
        return self._identity is not None and self._identity.plane != "B"

    @property
    def authorizer(self) -> Any:
        return _VaultDecides() if self.is_machine else super().authorizer

    def shown_token(self) -> str:
        """What looks like one of ours, whatever is wrong with it."""
        shown = _JWT.match(self.request.headers.get("Authorization", ""))
        return shown[1] if shown else ""

    async def admit(self) -> None:
        if not self.shown_token():
            await super().admit()
            return
        self._refuse_by_headers()
        if not self.check_host():
            raise web.HTTPError(403)
        await self.identify()
        self.current_user = User(username=self.identity.ident)
        self.credmagic.machine_requests.count(str(self.request.remote_ip))
        requests.check_content_type(self.request.headers)

    async def ask(self, action: str, **params: Any) -> dict[str, Any]:
        if self._identity is not None:
            await self.identify_again()
        return await super().ask(action, **params)

    def caller(self) -> dict[str, Any]:
        if not self.is_machine:
            return super().caller()
        return {**super().caller(), "plane": "machine", "principal": self.identity.principal}


class NothingHandler(EitherHandler):
    """Every other address: 404 as JSON, whatever the method, for everybody who is known."""

    @web.authenticated
    @authorized("read", resource="credmagic")
    def get(self, *args: str) -> None:
        raise web.HTTPError(404)

    @web.authenticated
    @authorized("read", resource="credmagic")
    def post(self, *args: str) -> None:
        raise web.HTTPError(404)

    head = put = patch = delete = post


def unknown_user() -> NotSignedIn:
    """401 for every identity that is missing or wrong."""
    return NotSignedIn(
        "the Jupyter server does not know who is asking",
        next_step="Send its token: Authorization: token … (jupyter server list shows it)",
    )


def routes(base: str) -> list[tuple[str, type[web.RequestHandler]]]:
    """Addresses and handlers below `base` (which ends in `/`), with and without a last slash: nothing redirects."""
    return [
        *(route for face in faces() for route in face.handlers(base)),
        (re.escape(base.rstrip("/")) + "(|/.*)", NothingHandler),
    ]
