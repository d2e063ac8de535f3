"""How does an unmodified Element Unify client work against this server?

`unify cluster add --remote http://HOST:PORT{base}credmagic --username ID --password PASSWORD --name cm`, then every
command with `--org 1 --remote cm`. Its machine users are machine identities, its organization 1 is the team of this
store. Each handler translates names and shapes; rules live in the vault. The client takes 200 alone for success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from credmagic.errors import NotSignedIn
from credmagic.server.face import Face, Op, Route, nothing_below
from credmagic.server.machine import MachineHandler, NotServed, anyone, signed_in

if TYPE_CHECKING:
    from credmagic.vault.sign_in import Identity


class UnifyHandler(MachineHandler):
    """What the handlers of this face share. Shapes and models need pydantic, which a starting server does without."""

    how_to_sign_in = "Log in again: unify cluster login --remote NAME"

    @property
    def shapes(self) -> Any:
        """The module that translates."""
        from credmagic.server.faces import unify_shapes

        return unify_shapes

    def shown_token(self) -> str:
        """The token as it is, without a scheme."""
        return self.request.headers.get("x-auth-token", "").strip()

    async def _identified(self) -> Identity:
        """Whose token it is. Raises `NotSignedIn`, in the client's own words: the message is all that people see."""
        try:
            return await super()._identified()
        except NotSignedIn as error:
            code = error.code
        ended = "this login has ended" if code == "token_expired" else "the token is not valid, or was ended"
        raise NotSignedIn(f"{ended}: unify cluster login --remote NAME", code=code, next_step=self.how_to_sign_in)


class SessionsHandler(UnifyHandler):
    """`api/sessions`: a token for a machine's id and password, or for this Jupyter server's own token."""

    @anyone
    async def post(self) -> None:
        sent = self.body()
        secret = sent.get("password")
        self.answer(self.shapes.session(await self.sign_in(sent.get("email"), secret, own=secret)))


class UsersHandler(UnifyHandler):
    """`api/v1/orgs/{org}/users`: who can sign in."""

    @signed_in
    async def get(self, org: str) -> None:
        self.shapes.check_org(org)
        self.answer([self.shapes.user(view) for view in (await self.ask("machines"))["machines"]])


class MachineUsersHandler(UnifyHandler):
    """`api/v1/orgs/{org}/machine_users`: make one."""

    @signed_in
    async def post(self, org: str) -> None:
        self.shapes.check_org(org)
        with self.shapes.creating():
            made = await self.ask("machine_add", **self.shapes.creation(self.body()))
        self.answer(self.shapes.user(made))


class MachineUserHandler(UnifyHandler):
    """`api/v1/orgs/{org}/machine_users/{id}`: another password, by account id or by a full name only one has."""

    @signed_in
    async def put(self, org: str, ref: str) -> None:
        self.shapes.check_org(org)
        with self.shapes.changing():
            changed = await self.ask("machine_set_password", ref=ref, **self.shapes.new_password(self.body()))
        self.answer(self.shapes.user(changed))


class NotServedHandler(NotServed, UnifyHandler):
    """What else this client may ask for: organizations, groups, invitations, and all that is not about identities."""


_MODELS = "credmagic.server.faces.unify_models:Unify"
_PROBLEM = "credmagic.server.views:Problem"
_NOT_SERVED = ("v1/orgs", "v1/users", "whoami", "authz", "management")

FACE = Face(
    name="unify",
    title="Element Unify: machine users",
    prefix="api/",
    identity=("x-auth-token",),
    routes=(
        Route(
            "sessions",
            SessionsHandler,
            {"post": Op("Sign in", {200: _MODELS + "Session"}, body=_MODELS + "Login", public=True)},
        ),
        Route("v1/orgs/{org}/users", UsersHandler, {"get": Op("Who can sign in", {200: _MODELS + "User[]"})}),
        Route(
            "v1/orgs/{org}/machine_users",
            MachineUsersHandler,
            {"post": Op("Make a machine user", {200: _MODELS + "User", 409: _PROBLEM}, body=_MODELS + "Creation")},
        ),
        Route(
            "v1/orgs/{org}/machine_users/{machineUserId}",
            MachineUserHandler,
            {
                "put": Op(
                    "Give a machine user another password",
                    {200: _MODELS + "User", 409: _PROBLEM},
                    body=_MODELS + "NewPassword",
                )
            },
        ),
        *nothing_below(_NOT_SERVED, NotServedHandler),
    ),
)
