"""How does an unmodified watsonx Orchestrate client work against this server?

`orchestrate env add -n cm -u https://HOST:PORT{base}credmagic --type cpd --verify ca.pem`, then `orchestrate env
activate cm --username ID --api-key SECRET`. Each handler translates names and shapes; rules live in the vault. Writes
do not probe the service: a face stores what it is sent, verification tells.
"""

from __future__ import annotations

from typing import Any, ClassVar

from credmagic.server.face import TEXT, Face, Op, Param, Route
from credmagic.server.machine import MachineHandler, anyone, signed_in


class OrchestrateHandler(MachineHandler):
    """What the handlers of this face share. Shapes and models need pydantic, which a starting server does without."""

    how_to_sign_in = "Sign in again: orchestrate env activate NAME"

    @property
    def shapes(self) -> Any:
        """The module that translates."""
        from credmagic.server.faces import orchestrate_shapes

        return orchestrate_shapes

    def problem(self, status: int, body: dict[str, Any]) -> dict[str, Any]:
        """With `detail`, which is what the client prints: everything a person needs."""
        errors = [f"{name}: {text}" for name, text in body.get("errors", {}).items()]
        words = [body["message"], *errors, body.get("next_step", "")]
        return {"detail": "; ".join(word for word in words if word), **super().problem(status, body)}

    async def found(self, app_id: str) -> dict[str, Any]:
        """The connection of exactly this name. Raises `NotFound`, `InvalidCredential`."""
        view = await self.ask("connection", app_id=self.shapes.check_app_id(app_id))
        if view["app_id"] != app_id:
            raise self.shapes.no_connection()
        return view

    async def configured(self, app_id: str, environment: str) -> dict[str, Any]:
        """Its configuration in one environment. Raises `NotFound`, also where there is none."""
        environment = self.shapes.check_environment(environment)
        for one in (await self.found(app_id))["configurations"]:
            if one["environment"] == environment:
                return dict(one)
        raise self.shapes.not_configured(app_id, environment)


class AuthorizeHandler(OrchestrateHandler):
    """`icp4d-api/v1/authorize`: a token for who proves an identity of this server, or this server's own token."""

    @anyone
    async def post(self) -> None:
        sent = self.body()
        key = sent.get("api_key")
        done = await self.sign_in(sent.get("username"), key or sent.get("password"), own=key)
        self.answer({"token": str.__str__(done.token)})


class KnowledgeBasesHandler(OrchestrateHandler):
    """`knowledge-bases`: none; the client asks only to see whether its token is taken."""

    @signed_in
    def get(self) -> None:
        self.answer([])


class ConnectionsHandler(OrchestrateHandler):
    """`connections/applications`: list, look one up, make one."""

    @signed_in
    async def get(self) -> None:
        app_id, connection_id = (self.get_query_argument(name, "") for name in ("app_id", "connection_id"))
        if app_id or connection_id:
            self.answer(self.shapes.connection(await self._one(app_id, connection_id)))
            return
        wanted = self.get_query_argument("connectionIds", "")
        listed = (await self.ask("connections"))["connections"]
        ids = set(wanted.split(",")) if wanted else {view["connection_id"] for view in listed}
        self.answer(self.shapes.rows(view for view in listed if view["connection_id"] in ids))

    async def _one(self, app_id: str, connection_id: str) -> dict[str, Any]:
        if app_id:
            return await self.found(app_id)
        view = await self.ask("connection", app_id=connection_id)
        if view["connection_id"] != connection_id:  # a connection whose name was given where an id belongs
            raise self.shapes.no_connection()
        return view

    @signed_in
    async def post(self) -> None:
        made = await self.ask("connection_add", **self.shapes.creation(self.body()))
        self.answer(self.shapes.connection(made), status=201)


class ConnectionHandler(OrchestrateHandler):
    """`connections/applications/{app}`: remove it with all that belongs to it."""

    @signed_in
    async def delete(self, app_id: str) -> None:
        await self.found(app_id)
        await self.ask("connection_remove", app_id=app_id)
        self.set_status(204)


class ConfigurationsHandler(OrchestrateHandler):
    """`…/{app}/configurations`: say what a connection is in one environment."""

    @signed_in
    async def post(self, app_id: str) -> None:
        params = self.shapes.new_configuration(self.body(), await self.found(app_id))
        made = await self.ask("connection_configure", app_id=app_id, **params)
        self.answer(self.shapes.configuration(app_id, made), status=201)


class ConfigurationHandler(OrchestrateHandler):
    """`…/{app}/configurations/{env}`: read it, change it."""

    @signed_in
    async def get(self, app_id: str, environment: str) -> None:
        self.answer(self.shapes.configuration(app_id, await self.configured(app_id, environment)))

    @signed_in
    async def patch(self, app_id: str, environment: str) -> None:
        params = self.shapes.changed_configuration(self.body(), await self.configured(app_id, environment))
        changed = await self.ask("connection_configure", app_id=app_id, **params)
        self.answer(self.shapes.configuration(app_id, changed))


class CredentialsHandler(OrchestrateHandler):
    """`…/{app}/configs/{env}/credentials`: the application's part, or the identity provider."""

    part: ClassVar[str] = "app"

    @signed_in
    async def post(self, app_id: str, environment: str) -> None:
        self.answer(await self.written(app_id, environment), status=201)

    @signed_in
    async def patch(self, app_id: str, environment: str) -> None:
        self.answer(await self.written(app_id, environment))

    @signed_in
    async def delete(self, app_id: str, environment: str) -> None:
        await self.configured(app_id, environment)
        await self.ask("connection_drop_credentials", app_id=app_id, environment=environment, part=self.part)
        self.set_status(204)

    async def written(self, app_id: str, environment: str) -> Any:
        """What was sent, merged into what is there: clients guess wrongly whether that is something."""
        done: dict[str, Any] = {}
        kind = (await self.configured(app_id, environment))["kind"]
        with self.shapes.spelled_for(kind):
            for action, params in self.shapes.parts(self.part, kind, self.body()):
                done |= await self.ask(action, app_id=app_id, environment=environment, **params)
        return self.shapes.entered(done)


class RuntimeCredentialsHandler(CredentialsHandler):
    """`…/{app}/configs/{env}/runtime_credentials`: the part of whoever works through the connection."""

    part = "runtime"


class EnteredHandler(OrchestrateHandler):
    """`…/{app}/credentials/{env}`: what is there of the application's part? Names of fields, never a value."""

    @signed_in
    async def get(self, app_id: str, environment: str) -> None:
        await self.entered(app_id, environment, "app")

    async def entered(self, app_id: str, environment: str, part: str) -> None:
        """Answer with the fields of a part."""
        await self.configured(app_id, environment)
        found = await self.ask("connection_credentials", app_id=app_id, environment=environment, part=part)
        self.answer(self.shapes.masked(found))


class RuntimeEnteredHandler(EnteredHandler):
    """`connections/applications/runtime_credentials`: the same for the other part."""

    @signed_in
    async def get(self) -> None:  # type: ignore[override]
        await self.entered(self.get_query_argument("app_id", ""), self.get_query_argument("env", ""), "runtime")


_MODELS = "credmagic.server.faces.orchestrate_models:"
_APPS = "v1/orchestrate/connections/applications"
_PLACE = (Param("app_id", required=True), Param("env", {"enum": ["draft", "live"]}, required=True))
_TAKEN = {409: _MODELS + "Problem"}


def _op(summary: str, answer: str | None, status: int = 200, body: str | None = None, **more: Any) -> Op:
    """An operation by the short names of its models; what writes may find something in the way."""
    answers = {status: answer and _MODELS + answer, **(_TAKEN if body or status == 204 else {})}
    return Op(summary, answers, body=body and _MODELS + body, **more)


FACE = Face(
    name="orchestrate",
    title="watsonx Orchestrate connections API",
    prefix="",
    identity=("machine",),
    problem=_MODELS + "Problem",
    routes=(  # in this order: `runtime_credentials` is not a connection
        Route(
            "icp4d-api/v1/authorize",
            AuthorizeHandler,
            {"post": Op("Sign in", {200: _MODELS + "Token"}, body=_MODELS + "Login", public=True)},
        ),
        Route(
            "v1/orchestrate/knowledge-bases",
            KnowledgeBasesHandler,
            {"get": _op("None; a client tries its token here", "KnowledgeBase[]")},
        ),
        Route(
            _APPS,
            ConnectionsHandler,
            {
                "get": _op(
                    "Every connection, or the one of a name or id",
                    "Found",
                    query=(
                        Param("include_details"),
                        Param("app_id"),
                        Param("connection_id"),
                        Param("connectionIds", TEXT, "Only these; separated by commas"),
                    ),
                ),
                "post": _op("Make a connection", "Connection", 201, "NewConnection"),
            },
        ),
        Route(
            _APPS + "/runtime_credentials",
            RuntimeEnteredHandler,
            {"get": _op("Which fields the asking one has entered", "Masked", query=_PLACE)},
        ),
        Route(
            _APPS + "/{app_id}/configurations",
            ConfigurationsHandler,
            {"post": _op("Configure a connection", "Configuration", 201, "NewConfiguration")},
        ),
        Route(
            _APPS + "/{app_id}/configurations/{environment}",
            ConfigurationHandler,
            {
                "get": _op("A configuration", "Configuration"),
                "patch": _op("Change a configuration", "Configuration", body="Changes"),
            },
        ),
        *(
            Route(
                _APPS + "/{app_id}/configs/{environment}/" + part,
                handler,
                {
                    "post": _op(f"Enter {whose} part", "Entered", 201, body),
                    "patch": _op(f"Change {whose} part", "Entered", 200, body),
                    "delete": _op(f"Remove {whose} part", None, 204),
                },
            )
            for part, handler, body, whose in (
                ("credentials", CredentialsHandler, "AppCredentials", "the application's"),
                ("runtime_credentials", RuntimeCredentialsHandler, "RuntimeCredentials", "one's own"),
            )
        ),
        Route(
            _APPS + "/{app_id}/credentials/{environment}",
            EnteredHandler,
            {"get": _op("Which fields of the application's part are set", "Masked")},
        ),
        Route(_APPS + "/{app_id}", ConnectionHandler, {"delete": _op("Remove a connection", None, 204)}),
    ),
)
