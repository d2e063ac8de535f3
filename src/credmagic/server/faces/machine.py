"""How does a program on another machine get values, with a machine's token and nothing of a browser's?

Plane M. Values leave through `api/resolve` alone; `api/actions/{action}` is the rest of the table, for notebooks that
work with another server. Page script could have a token, but not a request without a browser's headers, and a token
that was given for a Jupyter login opens nothing here: both are refused before a body is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from credmagic.errors import AccessDenied
from credmagic.server.face import Face, Op, Route
from credmagic.server.machine import MachineHandler, signed_in

if TYPE_CHECKING:
    from credmagic.vault.audit import Caller
    from credmagic.vault.sign_in import Identity
    from credmagic.vault.vault import Vault

SEALED = frozenset({"reveal"})
"""What it hands out only the browser can open whose key was sent along."""
_MODELS = "credmagic.server.faces.machine_models:"


class PlaneHandler(MachineHandler):
    """What both addresses refuse."""

    browsers_refused = True
    error_keys = ("message", "code", "next_step", "errors", "details")
    how_to_sign_in: ClassVar[str] = "Sign in with an access key: POST api/token (credmagic key create makes one)"

    def check_identity(self, found: Identity) -> None:
        """Machines only. Raises `AccessDenied` for a person's token."""
        if found.plane != "M" or found.principal is None:
            raise AccessDenied(
                "a token given for a Jupyter login opens no values",
                next_step="Sign in with an access key: credmagic app create, credmagic key create",
            )


class ResolveHandler(PlaneHandler):
    """`api/resolve`: the values of one credential, the use recorded first."""

    @signed_in
    async def post(self) -> None:
        self.answer(await self.credmagic.gate.call("resolve", self.body(), **self.caller()))


class ActionsHandler(PlaneHandler):
    """`api/actions/{action}`: every other action, as on the kernel's socket."""

    @signed_in
    async def post(self, action: str) -> None:
        await self.run(refuse_values, action)
        self.answer(await self.credmagic.gate.call(action, self.body(), **self.caller()))


def refuse_values(vault: Vault, caller: Caller, action: str) -> None:
    """Values have a door of their own. Raises `AccessDenied` for an action that hands them out in clear."""
    from credmagic.vault.actions import ACTIONS  # needs pydantic, which a starting server does without

    found = ACTIONS.get(action)
    if found is not None and found.permission == "use" and action not in SEALED:
        raise AccessDenied("values leave through api/resolve alone", next_step="POST api/resolve")


FACE = Face(
    name="machine",
    title="The machine plane: for programs with a machine's token",
    prefix="api/",
    identity=("machine",),
    routes=(
        Route(
            "resolve",
            ResolveHandler,
            {
                "post": Op(
                    "The values of one credential",
                    {200: _MODELS + "Resolved", 409: _MODELS + "Problem"},
                    body=_MODELS + "Question",
                )
            },
        ),
        Route(
            "actions/{action}",
            ActionsHandler,
            {
                "post": Op(
                    "One action of the table in docs/architecture.md",
                    {200: _MODELS + "Result", 409: _MODELS + "Problem"},
                    body=_MODELS + "Parameters",
                )
            },
            {"action": "[a-z_]{1,64}"},
        ),
    ),
    problem=_MODELS + "Problem",
)
