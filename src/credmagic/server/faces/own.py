"""What does credmagic itself answer on the Jupyter port, beside the faces of other systems?"""

from __future__ import annotations

from tornado import web

from credmagic.server.face import Face, Op, Route
from credmagic.server.handlers import BrowserHandler, authorized

_VIEWS = "credmagic.server.views:"


class KindsHandler(BrowserHandler):
    """`api/kinds`: every kind with its fields."""

    @web.authenticated
    @authorized("read", resource="credmagic")
    async def get(self) -> None:
        from credmagic.server import views  # pydantic: not while the server starts

        self.answer(views.Kinds.model_validate(await self.ask("kinds")))


class HealthHandler(BrowserHandler):
    """`api/health`: is this extension alive, and can it reach its vault?"""

    @web.authenticated
    @authorized("read", resource="credmagic")
    def get(self) -> None:
        from credmagic.server import views

        self.answer(views.Health.model_validate(self.credmagic.health()))


class OpenApiHandler(BrowserHandler):
    """`api/openapi.json`: what is served here, for programs to read."""

    @web.authenticated
    @authorized("read", resource="credmagic")
    async def get(self) -> None:
        self.finish(await self.credmagic.gate.run(_document, self.settings["base_url"] + "credmagic/"))


def _document(base: str) -> bytes:
    from credmagic.server.openapi import encoded

    return encoded(base)


FACE = Face(
    name="own",
    title="credmagic",
    prefix="api/",
    routes=(
        Route("kinds", KindsHandler, {"get": Op("Every kind with its fields", {200: _VIEWS + "Kinds"})}),
        Route("openapi.json", OpenApiHandler, {"get": Op("This document", {200: _VIEWS + "OpenApiDocument"})}),
        Route("health", HealthHandler, {"get": Op("Is this extension alive?", {200: _VIEWS + "Health"})}),
    ),
)
