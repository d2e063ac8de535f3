"""Who may ask on the DataRobot face, and what does a page of it look like?

A user of this Jupyter server with its token, or a machine with a token of credmagic's own; both come in
`Authorization` as `Token` or `Bearer`. What looks like a JWT is ours: Jupyter's identity provider never sees it (that
of a Hub would send it there). Bad tokens are answered with 401 after a wait that grows: this client repeats a 429
for minutes.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jupyter_server.auth import User
from tornado import web

from credmagic.errors import CredentialNotFound, InvalidCredential, NotSignedIn
from credmagic.server import requests
from credmagic.server.handlers import BrowserHandler
from credmagic.server.origin import public_origin

if TYPE_CHECKING:
    from credmagic.server.faces.datarobot_shapes import Objects
    from credmagic.vault.sign_in import Identity

PAGE = 20
MAX_PAGE = 1000
_JWT = re.compile(r"(?:token|bearer)\s+(eyJ.*?)\s*\Z", re.IGNORECASE)


class _VaultDecides:
    """In the place of Jupyter's authorizer, which knows no machines: the vault's own table says what they may."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        return True


class DataRobotHandler(BrowserHandler):
    """What the handlers of this face share. Shapes and views need pydantic, which a starting server does
    without.
    """

    def initialize(self) -> None:
        super().initialize()
        self._identity: Identity | None = None

    # ── who is asking ────────────────────────────────────────────────────────────────────────────────────────
    async def admit(self) -> None:
        shown = _JWT.match(self.request.headers.get("Authorization", ""))
        try:
            await (super().admit() if shown is None else self._prepare_machine(shown[1]))
        except NotSignedIn:
            await asyncio.sleep(self.credmagic.bad_tokens.wait(str(self.request.remote_ip)))
            raise

    async def _prepare_machine(self, token: str) -> None:
        self._refuse_by_headers()
        if not self.check_host():
            raise web.HTTPError(403)
        self._identity = await self.credmagic.gate.run(self._who, token)
        self.current_user = User(username=self._identity.ident)
        self.credmagic.machine_requests.count(str(self.request.remote_ip))
        requests.check_content_type(self.request.headers)

    def _who(self, token: str) -> Identity:
        from credmagic.vault import sign_in  # cryptography: not while the server starts

        return sign_in.who(self.credmagic.gate.vault(), token)

    @property
    def is_machine(self) -> bool:
        """True for an identity of credmagic's own; a token given out for a Jupyter login stands for that login."""
        return self._identity is not None and self._identity.plane != "B"

    @property
    def authorizer(self) -> Any:
        return _VaultDecides() if self.is_machine else super().authorizer

    def caller(self) -> dict[str, Any]:
        if self._identity is None or not self.is_machine:
            return super().caller()
        return {**super().caller(), "plane": "machine", "principal": self._identity.principal}

    # ── what is asked for ────────────────────────────────────────────────────────────────────────────────────
    @property
    def shapes(self) -> Any:
        """The module that translates."""
        from credmagic.server.faces import datarobot_shapes

        return datarobot_shapes

    @property
    def objects(self) -> Objects:
        """The translator of objects, which knows where this server's notebooks lie."""
        objects: Objects = self.shapes.Objects(self.credmagic.notebooks)
        return objects

    async def found(self, credential_id: str) -> dict[str, Any]:
        """The credential of exactly this id. Raises `CredentialNotFound`, the same for every cause."""
        view: dict[str, Any] = {}
        with suppress(CredentialNotFound):
            view = await self.ask("show", ref=self.shapes.check_id(credential_id))
        if view.get("id") != credential_id:  # somebody gave a credential a name that looks like an id
            raise self.shapes.no_credential()
        return view

    def page_asked(self) -> dict[str, int]:
        """`limit` and `offset` of the query. Raises `InvalidCredential`."""
        asked = {"limit": self.get_query_argument("limit", str(PAGE)), "offset": self.get_query_argument("offset", "0")}
        errors = {name: "must be a whole number" for name, text in asked.items() if not _is_count(text)}
        if not errors and not 1 <= int(asked["limit"]) <= MAX_PAGE:
            errors["limit"] = f"must be 1 to {MAX_PAGE}"
        if errors:
            raise InvalidCredential("not a page", errors=errors)
        return {name: int(text) for name, text in asked.items()}

    def answer_page(self, model: str, rows: list[Any], total: int) -> None:
        """Send one page; `next` and `previous` are absolute, or null at the ends."""
        from credmagic.server.faces import datarobot_models

        limit, offset = self.page_asked()["limit"], self.page_asked()["offset"]
        following = self._page_at(offset + limit) if offset + limit < total else None
        before = self._page_at(max(0, offset - limit)) if offset else None
        page = getattr(datarobot_models, model)
        self.answer(page(count=len(rows), totalCount=total, data=rows, next=following, previous=before))

    def _page_at(self, offset: int) -> str:
        arguments = self.request.query_arguments.items()
        query = [(name, text) for name, texts in arguments for text in texts if name != "offset"]
        query.append(("offset", b"%d" % offset))
        origin = public_origin(self.request, trust_xheaders=self.credmagic.serverapp.trust_xheaders)
        return f"{origin}{self.request.path}?{urlencode(query)}"


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
