"""How do DataRobot's JSON objects and the vault's map to each other?

Names only: which values are right is for the vault to say. Times stay as they are (ISO 8601, microseconds,
`Z`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from credmagic.errors import CredentialNotFound, CredmagicError, InvalidCredential, UnknownKind
from credmagic.kinds.names import check_name
from credmagic.kinds.registry import find_kind
from credmagic.server.faces.datarobot_models import (
    DEFAULT_TYPE,
    FACE,
    OBJECT_TYPES,
    DataRobotAssociatedCredential,
    DataRobotAssociation,
    DataRobotCredential,
)
from credmagic.server.faces.spelling import field_name, spelled
from credmagic.server.notebooks import Notebooks

_DESCRIBING = {"name", "credentialType", "description", "environment", "expiresAt", "tags"}
_ADD, _REMOVE = "[{objectId, objectType}, …]", "[objectId, …]"
_ID = re.compile(r"[0-9a-f]{32}\Z")


def check_id(text: str) -> str:
    """A credential's id. Raises `CredentialNotFound` for anything else, a credential's *name* too."""
    if not _ID.match(text):
        raise no_credential()
    return text


def no_credential() -> CredentialNotFound:
    """The one answer for an id that is not there, or that whoever asks may not know of."""
    return CredentialNotFound("there is no credential of that id", next_step="GET credentials/ lists them.")


def credential(view: Mapping[str, Any]) -> DataRobotCredential:
    """A stored credential as DataRobot shows one."""
    return DataRobotCredential(**_credential(view))


def _credential(view: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "credentialId": view["id"],
        "name": view["name"],
        "credentialType": _type(view["kind"]),
        "creationDate": view["created_at"],
        "description": view["description"] or "",
        "environment": view["environment"],
        "status": view["status"],
        "version": view["version"],
        "expiresAt": view["expires_at"],
        "verifiedAt": (view["verified"] or {}).get("at"),
    }


def _type(kind: str) -> str:
    """DataRobot's name of a kind; its own one when its class is not here any more: a row must not break a list."""
    try:
        return find_kind(kind).wire_kind(FACE)
    except CredmagicError:
        return kind


def creation(body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `create` in the body of a POST. Raises `InvalidCredential`: here a name must be given."""
    return {
        "name": check_name(body.get("name")),
        "kind": body.get("credentialType", DEFAULT_TYPE),
        "fields": _fields(body),
        "description": body.get("description"),
        "environment": body.get("environment"),
        "expires_at": body.get("expiresAt"),
        "tags": body.get("tags"),
        "verify": False,
    }


def changes(body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `update` in the body of a PATCH. Raises `InvalidCredential` when it changes nothing."""
    for fixed in ("credentialType", "environment"):
        if fixed in body:
            raise InvalidCredential(
                "a credential keeps its type and environment",
                errors={fixed: "cannot be changed"},
                next_step="Make another credential: POST credentials/",
            )
    if not body:
        raise InvalidCredential("nothing to change", next_step="Send name, description or a field of the credential.")
    changed = {"fields": _fields(body) or None, "new_name": body.get("name"), "tags": body.get("tags")}
    if "description" in body or "name" in body:  # DataRobot's rule: a new name clears a description not sent along
        changed["description"] = body.get("description") or ""
    if "expiresAt" in body:
        changed["expires_at"] = body["expiresAt"] or ""
    return {**changed, "verify": False}


def _fields(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in _DESCRIBING}


@contextmanager
def spelled_for(kind: Any) -> Iterator[None]:
    """Inside, an unknown type is a bad field (422), and fields are called in errors as DataRobot calls them."""
    problem = ""
    try:
        with spelled(lambda ours: _OWN.get(ours) or (field_name(FACE, kind, ours) if isinstance(kind, str) else ours)):
            yield
    except UnknownKind as error:
        problem = error.message
    if problem:
        raise InvalidCredential(
            problem, errors={"credentialType": "unknown type"}, next_step="GET api/kinds lists them."
        )


_OWN = {"new_name": "name", "kind": "credentialType", "expires_at": "expiresAt"}


class Objects:
    """What credentials are attached to: DataRobot's spelling on one side, the vault's on the other."""

    def __init__(self, notebooks: Notebooks) -> None:
        self._notebooks = notebooks

    def known(self, object_type: str, object_id: str) -> dict[str, str]:
        """The vault's parameters for an object, its type in either spelling. Raises `InvalidCredential`."""
        kept = snake(object_type)
        return {
            "object_type": kept,
            "object_id": self._notebooks.name_of(object_id) if kept == "notebook" else object_id,
        }

    def shown(self, association: Mapping[str, Any]) -> dict[str, Any]:
        """`objectId`, `objectType`, `isDefault` of an association."""
        kept, name = association["object_type"], association["object_id"]
        return {
            "objectId": self._notebooks.path_of(name) if kept == "notebook" else name,
            "objectType": OBJECT_TYPES.get(kept, kept),
            "isDefault": bool(association["is_default"]),
        }

    def association(self, association: Mapping[str, Any]) -> DataRobotAssociation:
        """One row of a credential's associations."""
        return DataRobotAssociation(**self.shown(association), link=None)

    def associated(self, view: Mapping[str, Any]) -> DataRobotAssociatedCredential:
        """One row of an object's credentials."""
        return DataRobotAssociatedCredential(**_credential(view), **self.shown(view))


def snake(object_type: object) -> str:
    """The vault's name of an object type. Raises `InvalidCredential` for an unknown one."""
    for kept, wire in OBJECT_TYPES.items():
        if object_type in (kept, wire):
            return kept
    raise InvalidCredential(
        "not a type of object that credentials are attached to",
        errors={"objectType": f"one of {', '.join(OBJECT_TYPES.values())}"},
    )


def objects_to_change(body: Mapping[str, Any]) -> tuple[list[tuple[str, str]], list[str]]:
    """(objects to add as type and id, ids to remove) of a PATCH; exactly one of them has something in it.

    Raises `InvalidCredential`.
    """
    add, remove = body.get("credentialsToAdd"), body.get("credentialsToRemove")
    if (add is None) == (remove is None) or not set(body) <= {"credentialsToAdd", "credentialsToRemove"}:
        raise InvalidCredential(
            "send either credentialsToAdd or credentialsToRemove",
            errors={"credentialsToAdd": _ADD, "credentialsToRemove": _REMOVE},
        )
    if add is not None:
        return _objects(add), []
    if not (remove and isinstance(remove, list) and all(isinstance(text, str) and text for text in remove)):
        raise InvalidCredential("not a list of ids", errors={"credentialsToRemove": _REMOVE})
    return [], remove


def _objects(rows: Any) -> list[tuple[str, str]]:
    if not (rows and isinstance(rows, list) and all(map(_is_object, rows))):
        raise InvalidCredential("not a list of objects", errors={"credentialsToAdd": _ADD})
    return [(snake(row.get("objectType")), row["objectId"]) for row in rows]


def _is_object(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("objectId"), str) and bool(row["objectId"])
