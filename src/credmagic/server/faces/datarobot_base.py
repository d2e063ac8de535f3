"""Who may ask on the DataRobot face, and what does a page of it look like?

Users of this Jupyter server and machines, each with a token. Bad tokens are answered with 401 after a wait that grows:
this client repeats a 429 for minutes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from credmagic.errors import CredentialNotFound, InvalidCredential, NotSignedIn
from credmagic.server.handlers import EitherHandler
from credmagic.server.origin import public_origin

if TYPE_CHECKING:
    from credmagic.server.faces.datarobot_shapes import Objects

PAGE = 20
MAX_PAGE = 1000


class DataRobotHandler(EitherHandler):
    """What the handlers of this face share. Shapes and views need pydantic, which a starting server does without."""

    async def admit(self) -> None:
        try:
            await super().admit()
        except NotSignedIn:
            await asyncio.sleep(self.credmagic.bad_tokens.wait(str(self.request.remote_ip)))
            raise

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
