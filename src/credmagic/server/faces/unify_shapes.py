"""How do Unify's JSON objects and the vault's map to each other?

Names only: which values are right is for the vault to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from credmagic.errors import InvalidCredential, NotFound
from credmagic.server.faces.spelling import spelled
from credmagic.server.faces.unify_models import UnifySession, UnifyUser

if TYPE_CHECKING:
    from credmagic.vault.sign_in import SignedIn

TEAM = "1"
"""The number of the one team of a store, as an organization."""
_USER = tuple(UnifyUser.model_fields)


def check_org(org: str) -> None:
    """Raises `NotFound` for any organization but the team of this store."""
    if org != TEAM:
        raise NotFound("there is no organization of that number", next_step=f"This server has one: --org {TEAM}")


def session(done: SignedIn) -> UnifySession:
    """What a login is answered with."""
    return UnifySession(authToken=str.__str__(done.token))


def user(view: Mapping[str, Any]) -> UnifyUser:
    """A machine identity as Unify shows a user."""
    return UnifyUser(**{name: view[name] for name in _USER})


def creation(body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `machine_add` in the body of a POST. Raises `InvalidCredential`."""
    roles, ident = body.get("roleNames", ["Contributor"]), body.get("identifier")
    if not isinstance(roles, list) or len(roles) != 1:
        raise InvalidCredential("not a role", errors={"roleNames": "[one of Admin, Contributor]"})
    if isinstance(ident, int) and not isinstance(ident, bool):
        ident = str(ident)  # the manuals say a number, the client makes a text
    return {
        "id": _given(ident, "identifier"),
        "name": body.get("fullName"),
        "role": _given(roles[0], "roleNames"),
        "password": _given(body.get("password"), "password"),
    }


def new_password(body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `machine_set_password` in the body of a PUT. Raises `InvalidCredential`."""
    return {"password": _given(body.get("newPassword"), "newPassword")}


def _given(value: Any, name: str) -> Any:
    """What was sent: the vault makes up what is left out, which nobody would ever see here."""
    if value is None:
        raise InvalidCredential("something is missing", errors={name: "missing"})
    return value


def creating() -> AbstractContextManager[None]:
    """Inside, parameters of `creation` are called in errors as Unify calls them."""
    return spelled(lambda ours: {"id": "identifier", "name": "fullName", "role": "roleNames"}.get(ours, ours))


def changing() -> AbstractContextManager[None]:
    """The same for `new_password`."""
    return spelled(lambda ours: {"password": "newPassword"}.get(ours, ours))
