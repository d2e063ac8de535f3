"""How does an unmodified DataRobot client work against this server?

`dr.Client(endpoint="http://HOST:PORT{base}credmagic/api/v2", token=TOKEN)`, with Jupyter's token or with one that a
machine signed in for. Each handler translates names and shapes; rules live in the vault. Writes do not probe the
service: a face stores what it is sent, verification tells.
"""

from __future__ import annotations

from typing import Any

from tornado import web

from credmagic.errors import Conflict, InvalidCredential
from credmagic.server.face import COUNT, TEXT, Face, Op, Param, Route
from credmagic.server.faces.datarobot_base import MAX_PAGE, DataRobotHandler
from credmagic.server.handlers import authorized

ALL = 10_000
"""More associations than any credential has."""


class VersionHandler(DataRobotHandler):
    """`version/`: the first thing a client asks."""

    @web.authenticated
    @authorized("read", resource="credmagic")
    def get(self) -> None:
        from credmagic.server.faces.datarobot_models import ApiVersion

        self.answer(ApiVersion(major=2, minor=49, versionString="2.49.0", releasedVersion="2.49.0"))


class CredentialsHandler(DataRobotHandler):
    """`credentials/`: list and create."""

    @web.authenticated
    @authorized("read", resource="credmagic")
    async def get(self) -> None:
        kinds, environment = self.get_query_arguments("types"), self.get_query_argument("environment", None)
        with self.shapes.spelled_for(None):
            found = await self.ask("list", kind=kinds or None, environment=environment, count=True, **self.page_asked())
        rows = [self.shapes.credential(view) for view in found["credentials"]]
        self.answer_page("DataRobotCredentials", rows, found["total"])

    @web.authenticated
    @authorized("write", resource="credmagic")
    async def post(self) -> None:
        params = self.shapes.creation(self.body())
        with self.shapes.spelled_for(params["kind"]):
            view = await self.ask("create", **params)
        self.answer(self.shapes.credential(view), status=201)


class CredentialHandler(DataRobotHandler):
    """`credentials/{id}/`: read, change, delete."""

    @web.authenticated
    @authorized("read", resource="credmagic")
    async def get(self, credential_id: str) -> None:
        self.answer(self.shapes.credential(await self.found(credential_id)))

    @web.authenticated
    @authorized("write", resource="credmagic")
    async def patch(self, credential_id: str) -> None:
        view = await self.found(credential_id)
        params = self.shapes.changes(self.body() if self.received else {})
        with self.shapes.spelled_for(view["kind"]):
            view = await self.ask("update", ref=credential_id, **params)
        self.answer(self.shapes.credential(view))

    @web.authenticated
    @authorized("write", resource="credmagic")
    async def delete(self, credential_id: str) -> None:
        await self.found(credential_id)
        await self.ask("delete", ref=credential_id)
        self.set_status(204)


class AssociationsHandler(DataRobotHandler):
    """`credentials/{id}/associations/`: what a credential is attached to."""

    @web.authenticated
    @authorized("read", resource="credmagic")
    async def get(self, credential_id: str) -> None:
        await self.found(credential_id)
        types = [self.shapes.snake(name) for name in self.get_query_arguments("types")]
        found = await self.ask("uses", ref=credential_id, types=types or None, **self.page_asked())
        rows = [self.objects.association(row) for row in found["associations"]]
        self.answer_page("DataRobotAssociations", rows, found["total"])

    @web.authenticated
    @authorized("write", resource="credmagic")
    async def patch(self, credential_id: str) -> None:
        await self.found(credential_id)
        add, remove = self.shapes.objects_to_change(self.body() if self.received else {})
        held = (await self.ask("uses", ref=credential_id, limit=ALL))["associations"]
        adding = bool(add)
        objects = self._new(add, held) if adding else self._old(remove, held)
        for thing in objects:
            await self.ask("attach" if adding else "detach", ref=credential_id, **thing)
        self.set_status(204)

    def _new(self, add: list[tuple[str, str]], held: list[dict[str, Any]]) -> list[dict[str, str]]:
        """The objects to attach. Raises `Conflict` when one of them is attached already (or named twice)."""
        taken = {(row["object_type"], row["object_id"]) for row in held}
        objects = [self.objects.known(object_type, object_id) for object_type, object_id in add]
        wanted = {(thing["object_type"], thing["object_id"]) for thing in objects}
        if wanted & taken or len(wanted) < len(objects):
            raise Conflict(
                "one of these objects is attached already", next_step="Nothing was changed. GET this address."
            )
        return objects

    def _old(self, remove: list[str], held: list[dict[str, Any]]) -> list[dict[str, str]]:
        """The objects to detach: ids under every type. Raises `Conflict` when one of them is not attached."""
        shown = [(self.objects.shown(row)["objectId"], row) for row in held]
        if set(remove) - {object_id for object_id, _ in shown}:
            raise Conflict("one of these objects is not attached", next_step="Nothing was changed. GET this address.")
        return [
            {"object_type": row["object_type"], "object_id": row["object_id"]}
            for object_id, row in shown
            if object_id in remove
        ]


class ObjectHandler(DataRobotHandler):
    """`credentials/associations/{type}:{objectId}/`: what is attached to an object."""

    @web.authenticated
    @authorized("read", resource="credmagic")
    async def get(self, object_type: str, object_id: str) -> None:
        order = self.get_query_argument("orderBy", "")
        if order not in ("", "isDefault", "-isDefault"):
            raise InvalidCredential("no such order", errors={"orderBy": "isDefault or -isDefault"})
        thing = self.objects.known(object_type, object_id)
        found = await self.ask("associated", **thing, order=order, **self.page_asked())
        rows = [self.objects.associated(view) for view in found["associated"]]
        self.answer_page("DataRobotAssociatedCredentials", rows, found["total"])


class AssociationHandler(DataRobotHandler):
    """`credentials/{id}/associations/{type}:{objectId}/`: attach, and say whether it is the default."""

    @web.authenticated
    @authorized("write", resource="credmagic")
    async def put(self, credential_id: str, object_type: str, object_id: str) -> None:
        await self.found(credential_id)
        default, thing = self._default_asked(), self.objects.known(object_type, object_id)
        before = (await self.ask("associated", **thing, limit=ALL))["associated"]
        if default:  # in DataRobot an object has one default, whatever the types
            await self._unset([row for row in before if row["is_default"] and row["id"] != credential_id], thing)
        held = next((row for row in before if row["id"] == credential_id), None)
        inject = held["inject"] if held else ""
        row = await self.ask("attach", ref=credential_id, **thing, default=default, inject=inject)
        self.answer(self.objects.association({**thing, **row}), status=200 if held else 201)

    def _default_asked(self) -> bool:
        default = (self.body() if self.received else {}).get("isDefault", False)
        if not isinstance(default, bool):
            raise InvalidCredential("not a default", errors={"isDefault": "true or false"})
        return default

    async def _unset(self, rows: list[dict[str, Any]], thing: dict[str, str]) -> None:
        for row in rows:
            await self.ask("attach", ref=row["id"], **thing, default=False, inject=row["inject"])


_MODELS = "credmagic.server.faces.datarobot_models:"
_PAGE = (Param("offset", COUNT), Param("limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}))
_TYPES = Param("types", {"type": "array", "items": TEXT}, "Only these; repeat it for several")
_ORDER = Param("orderBy", {"enum": ["isDefault", "-isDefault"]})
_OBJECT = {"objectType": "[^/:]+", "objectId": ".+?"}
_CHANGED = {409: "credmagic.server.views:Problem"}

FACE = Face(
    name="datarobot",
    title="DataRobot credentials API",
    prefix="api/v2/",
    identity=("jupyter", "machine"),
    routes=(  # in this order: `associations` is not an id
        Route("version/", VersionHandler, {"get": Op("The version of this API", {200: _MODELS + "ApiVersion"})}),
        Route(
            "credentials/",
            CredentialsHandler,
            {
                "get": Op(
                    "A page of credentials",
                    {200: _MODELS + "DataRobotCredentials"},
                    query=(*_PAGE, _TYPES, Param("environment")),
                ),
                "post": Op(
                    "Make a credential",
                    {201: _MODELS + "DataRobotCredential", **_CHANGED},
                    body=_MODELS + "DataRobotCreation",
                ),
            },
        ),
        Route(
            "credentials/associations/{objectType}:{objectId}/",
            ObjectHandler,
            {
                "get": Op(
                    "What is attached to an object",
                    {200: _MODELS + "DataRobotAssociatedCredentials"},
                    query=(*_PAGE, _ORDER),
                )
            },
            _OBJECT,
        ),
        Route(
            "credentials/{credentialId}/associations/",
            AssociationsHandler,
            {
                "get": Op(
                    "What a credential is attached to",
                    {200: _MODELS + "DataRobotAssociations"},
                    query=(*_PAGE, _TYPES),
                ),
                "patch": Op("Attach or detach", {204: None, **_CHANGED}, body=_MODELS + "DataRobotObjects"),
            },
        ),
        Route(
            "credentials/{credentialId}/associations/{objectType}:{objectId}/",
            AssociationHandler,
            {
                "put": Op(
                    "Attach, as the default or not",
                    {200: _MODELS + "DataRobotAssociation", 201: _MODELS + "DataRobotAssociation", **_CHANGED},
                    body=_MODELS + "DataRobotDefault",
                    body_required=False,
                )
            },
            _OBJECT,
        ),
        Route(
            "credentials/{credentialId}/",
            CredentialHandler,
            {
                "get": Op("One credential", {200: _MODELS + "DataRobotCredential"}),
                "patch": Op(
                    "Change a credential",
                    {200: _MODELS + "DataRobotCredential", **_CHANGED},
                    body=_MODELS + "DataRobotChanges",
                ),
                "delete": Op("Delete a credential", {204: None, **_CHANGED}),
            },
        ),
    ),
)
