"""How does an unmodified Conductor client work against this server?

`CONDUCTOR_SERVER_URL=http://HOST:PORT{base}credmagic/api`, `CONDUCTOR_AUTH_KEY`, `CONDUCTOR_AUTH_SECRET`. An access key
is exchanged for a machine token, which comes back raw in `X-Authorization`. The word in `error` steers the client:
`INVALID_TOKEN` and `EXPIRED_TOKEN` send it for another token, so the exchange itself never says either.
"""

from __future__ import annotations

from typing import Any, ClassVar

from credmagic.errors import AccessDenied, CredentialNotFound, InvalidCredential
from credmagic.server import requests
from credmagic.server.face import Face, Op, Route, nothing_below
from credmagic.server.machine import MachineHandler, NotServed, anyone, signed_in


class ConductorHandler(MachineHandler):
    """What the handlers of this face share."""

    how_to_sign_in: ClassVar[str] = "POST api/token with an access key: credmagic app create, credmagic key create"

    @property
    def shapes(self) -> Any:
        """The module that translates; it needs pydantic, which a starting server does without."""
        from credmagic.server.faces import conductor_shapes

        return conductor_shapes

    def shown_token(self) -> str:
        """The token as it is, without a scheme. Raises `AccessDenied` when another one is shown beside it."""
        token, other = self.request.headers.get("X-Authorization", ""), super().shown_token()
        if token and other:
            raise AccessDenied("the request shows two identities", next_step="Send X-Authorization alone.")
        return token

    async def ask(self, action: str, **params: Any) -> dict[str, Any]:
        """Run one action of the table as the identity of this request. What the vault does not take is 400 here."""
        try:
            return await super().ask(action, **params)
        except InvalidCredential as error:
            problem = self.shapes.NotTaken(error.message, next_step=error.next_step, errors=error.errors)
        raise problem

    async def found(self, application_id: str) -> dict[str, Any]:
        """The application of exactly this id; to the vault a name would do too. Raises `CredentialNotFound`."""
        for view in (await self.ask("apps"))["apps"]:
            if view["id"] == application_id:
                return dict(view)
        raise CredentialNotFound("there is no application of that id", next_step="GET api/applications lists them.")

    def problem(self, status: int, body: dict[str, Any]) -> dict[str, Any]:
        """An error's body, with the status in it and the word that steers the client."""
        return {
            "status": status,
            "error": self.shapes.error_name(status, body["code"]),
            **super().problem(status, body),
        }


class TokenHandler(ConductorHandler):
    """`api/token`: an access key for a machine token. Never 404: a client would go on as nobody for good."""

    @anyone
    async def post(self) -> None:
        sent = self.body()
        self.answer(self.shapes.token(await self.sign_in(sent.get("keyId"), sent.get("keySecret"))))

    def problem(self, status: int, body: dict[str, Any]) -> dict[str, Any]:
        """401 has one meaning here: the key is not accepted."""
        return super().problem(status, {**body, "code": "bad_credentials"} if status == 401 else body)


class UserInfoHandler(ConductorHandler):
    """`api/token/userInfo`: whose token is this?"""

    @signed_in
    async def get(self) -> None:
        key_id = self.identity.key_id
        roles = (await self.ask("key_owner", key_id=key_id))["roles"] if key_id else []
        self.answer(self.shapes.user_info(self.identity, roles))


class ApplicationsHandler(ConductorHandler):
    """`api/applications`: list and create."""

    @signed_in
    async def get(self) -> None:
        self.answer([self.shapes.application(row) for row in (await self.ask("apps"))["apps"]])

    @signed_in
    async def post(self) -> None:
        self.answer(self.shapes.application(await self.ask("app_add", name=self.body().get("name"))))


class ApplicationHandler(ConductorHandler):
    """`api/applications/{id}`: read, rename, delete."""

    @signed_in
    async def get(self, application_id: str) -> None:
        self.answer(self.shapes.application(await self.found(application_id)))

    @signed_in
    async def put(self, application_id: str) -> None:
        await self.found(application_id)
        name = self.body().get("name")
        self.answer(self.shapes.application(await self.ask("app_update", ref=application_id, name=name or "")))

    @signed_in
    async def delete(self, application_id: str) -> None:
        await self.found(application_id)
        await self.ask("app_remove", ref=application_id)
        self.set_status(204)


class KeyOwnerHandler(ConductorHandler):
    """`api/applications/key/{keyId}`: whose key is this?"""

    @signed_in
    async def get(self, key_id: str) -> None:
        self.answer(self.shapes.application(await self.ask("key_owner", key_id=key_id)))


class KeysHandler(ConductorHandler):
    """`api/applications/{id}/accessKeys`: list, and make one."""

    @signed_in
    async def get(self, application_id: str) -> None:
        await self.found(application_id)
        self.answer([self.shapes.key(row) for row in (await self.ask("keys", ref=application_id))["keys"]])

    @signed_in
    async def post(self, application_id: str) -> None:
        await self.found(application_id)
        self.answer(self.shapes.new_key(await self.ask("key_create", ref=application_id)))


class KeyHandler(ConductorHandler):
    """`api/applications/{id}/accessKeys/{keyId}`: delete it."""

    @signed_in
    async def delete(self, application_id: str, key_id: str) -> None:
        await self.found(application_id)
        await self.ask("key_remove", key_id=key_id, ref=application_id)
        self.set_status(204)


class KeyStatusHandler(ConductorHandler):
    """`api/applications/{id}/accessKeys/{keyId}/status`: pause an active key, let a paused one in again."""

    @signed_in
    async def post(self, application_id: str, key_id: str) -> None:
        await self.found(application_id)
        keys = (await self.ask("keys", ref=application_id))["keys"]
        is_active = any(row["id"] == key_id and row["status"] == "active" for row in keys)
        action = "key_pause" if is_active else "key_resume"
        self.answer(self.shapes.key(await self.ask(action, key_id=key_id, ref=application_id)))


class RoleHandler(ConductorHandler):
    """`api/applications/{id}/roles/{role}`: give and take a role."""

    @signed_in
    async def post(self, application_id: str, role: str) -> None:
        held = (await self.found(application_id))["roles"]
        await self.ask("app_update", ref=application_id, roles=[*held, role])
        self.set_status(204)

    @signed_in
    async def delete(self, application_id: str, role: str) -> None:
        held = (await self.found(application_id))["roles"]
        await self.ask("app_update", ref=application_id, roles=self.shapes.without_role(held, role))
        self.set_status(204)


class TagsHandler(ConductorHandler):
    """`api/applications/{id}/tags`: read, add (a key stands once), delete."""

    @signed_in
    async def get(self, application_id: str) -> None:
        self.answer(self.shapes.tags(await self.found(application_id)))

    @signed_in
    async def put(self, application_id: str) -> None:
        held = (await self.found(application_id))["tags"]
        given = requests.parse_array(self.received)
        await self.ask("app_update", ref=application_id, tags=self.shapes.with_tags(held, given))
        self.set_status(204)

    @signed_in
    async def delete(self, application_id: str) -> None:
        held = (await self.found(application_id))["tags"]
        given = requests.parse_array(self.received)
        await self.ask("app_update", ref=application_id, tags=self.shapes.without_tags(held, given))
        self.set_status(204)


class NotServedHandler(NotServed, ConductorHandler):
    """What else an authorization client may ask for: users, groups, permissions, custom roles, gateways, secrets."""


_MODELS = "credmagic.server.faces.conductor_models:Conductor"
_KEY = {
    "post": Op("Pause an active key, let a paused one in again", {200: _MODELS + "AccessKey", 409: _MODELS + "Problem"})
}
_APPLICATION = {
    "get": Op("One application", {200: _MODELS + "Application"}),
    "put": Op("Rename an application", {200: _MODELS + "Application"}, body=_MODELS + "ApplicationRequest"),
    "delete": Op("Delete an application and its keys", {204: None, 409: _MODELS + "Problem"}),
}
_TAGS = {
    "get": Op("What is said about an application", {200: _MODELS + "Tag[]"}),
    "put": Op("Add tags; one takes the place of another with its key", {204: None}, body=_MODELS + "Tag[]"),
    "delete": Op("Delete tags by key and value", {204: None}, body=_MODELS + "Tag[]"),
}
_KEYS = {
    "get": Op("The access keys of an application", {200: _MODELS + "AccessKey[]"}),
    "post": Op("Make an access key", {200: _MODELS + "NewAccessKey", 409: _MODELS + "Problem"}),
}
_TOKEN = Op("Exchange an access key for a token", {200: _MODELS + "Token"}, body=_MODELS + "KeyPair", public=True)
_NOT_SERVED = ("users", "groups", "roles", "auth/authorization", "gateway/config/auth", "secrets")

FACE = Face(
    name="conductor",
    title="Orkes Conductor: applications and access keys",
    prefix="api/",
    identity=("x-authorization",),
    problem=_MODELS + "Problem",
    doubled_slash=True,
    routes=(  # in this order: `key` is not an id
        Route("token", TokenHandler, {"post": _TOKEN}),
        Route("token/userInfo", UserInfoHandler, {"get": Op("Whose token is this?", {200: _MODELS + "UserInfo"})}),
        Route(
            "applications",
            ApplicationsHandler,
            {
                "get": Op("Every application", {200: _MODELS + "Application[]"}),
                "post": Op("Make one", {200: _MODELS + "Application"}, body=_MODELS + "ApplicationRequest"),
            },
        ),
        Route(
            "applications/key/{keyId}",
            KeyOwnerHandler,
            {"get": Op("Whose key is this?", {200: _MODELS + "Application"})},
        ),
        Route("applications/{applicationId}", ApplicationHandler, _APPLICATION),
        Route("applications/{applicationId}/accessKeys", KeysHandler, _KEYS),
        Route(
            "applications/{applicationId}/accessKeys/{keyId}",
            KeyHandler,
            {"delete": Op("Delete an access key", {204: None})},
        ),
        Route("applications/{applicationId}/accessKeys/{keyId}/status", KeyStatusHandler, _KEY),
        Route(
            "applications/{applicationId}/roles/{role}",
            RoleHandler,
            {"post": Op("Give a role", {204: None}), "delete": Op("Take a role away", {204: None})},
        ),
        Route("applications/{applicationId}/tags", TagsHandler, _TAGS),
        *nothing_below(_NOT_SERVED, NotServedHandler),
    ),
)
