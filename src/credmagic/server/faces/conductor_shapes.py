"""How do Conductor's JSON objects and the vault's map to each other?

Names, and times: the vault's are ISO 8601, Conductor's integer milliseconds. What is right is for the vault to say;
here only what would break a client that reads it back is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from credmagic.errors import InvalidCredential
from credmagic.server.faces import conductor_models as wire
from credmagic.vault.applications import ROLES


class NotTaken(InvalidCredential):
    """What cannot be kept is 400 to Conductor."""

    status = 400


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES = get_args(wire.ConductorTag.model_fields["type"].annotation)
_ERRORS = {"token_expired": "EXPIRED_TOKEN", "token_invalid": "INVALID_TOKEN", "bad_credentials": "INVALID_CREDENTIALS"}
_BY_STATUS = {401: "INVALID_TOKEN", 403: "FORBIDDEN"}


def token(signed_in: Any) -> wire.ConductorToken:
    """What a `vault.sign_in.SignedIn` is answered with."""
    left = signed_in.expires_at - int(datetime.now(UTC).timestamp())
    return wire.ConductorToken(
        token=str.__str__(signed_in.token), expiresIn=max(0, left), userId=signed_in.identity.ident
    )


def user_info(identity: Any, roles: Sequence[str]) -> wire.ConductorUserInfo:
    """A `vault.sign_in.Identity` as Conductor tells it; without roles given there, an Admin, the user too, is ADMIN."""
    names = roles or ["USER" if identity.role == "Contributor" else "ADMIN"]
    return wire.ConductorUserInfo(
        id=identity.ident,
        name=identity.name,
        applicationUser=identity.principal is not None,
        roles=[wire.ConductorRole(name=name) for name in names],
    )


def application(found: Mapping[str, Any]) -> wire.ConductorApplication:
    """The vault's application as Conductor shows one."""
    return wire.ConductorApplication(
        id=found["id"],
        name=found["name"],
        createdBy=found["created_by"],
        createTime=milliseconds(found["created_at"]),
        updatedBy=found["updated_by"],
        updateTime=milliseconds(found["updated_at"]),
        roles=found["roles"],
    )


def key(found: Mapping[str, Any]) -> wire.ConductorAccessKey:
    """The vault's access key as Conductor shows one."""
    return wire.ConductorAccessKey(
        id=found["id"],
        status="ACTIVE" if found["status"] == "active" else "INACTIVE",
        createdAt=milliseconds(found["created_at"]),
    )


def new_key(made: Mapping[str, Any]) -> wire.ConductorNewAccessKey:
    """A key that was just made, the only time with its secret."""
    return wire.ConductorNewAccessKey(id=made["id"], secret=str.__str__(made["secret"]))


def without_role(held: Sequence[str], role: str) -> list[str]:
    """`held` without `role`. Raises `NotTaken` for a role that Conductor does not know."""
    if role not in ROLES:
        raise NotTaken("there is no such role", errors={"role": f"one of {', '.join(ROLES)}"})
    return [name for name in held if name != role]


def tags(found: Mapping[str, Any]) -> list[wire.ConductorTag]:
    """What is said about an application; a type that would break a client's list is left out."""
    rows = [{name: row[name] for name in row if name != "type" or row[name] in _TYPES} for row in found["tags"]]
    return [wire.ConductorTag.model_validate(row) for row in rows]


def with_tags(held: Sequence[Mapping[str, Any]], given: Sequence[Any]) -> list[dict[str, Any]]:
    """`held` and `given`; a given tag takes the place of one with its key. Raises `NotTaken`."""
    kept = {row["key"]: dict(row) for row in held}
    return list((kept | {row["key"]: row for row in _checked(given)}).values())


def without_tags(held: Sequence[Mapping[str, Any]], given: Sequence[Any]) -> list[dict[str, Any]]:
    """`held` without those whose key and value are given. Raises `NotTaken`."""
    gone = {(row["key"], row["value"]) for row in _checked(given)}
    return [dict(row) for row in held if (row["key"], row["value"]) not in gone]


def _checked(given: Sequence[Any]) -> list[dict[str, Any]]:
    for row in given:
        named = row if isinstance(row, dict) else {}
        texts = [named.get("key"), named.get("value"), named.get("type", _TYPES[0])]
        if not all(isinstance(text, str) for text in texts) or texts[2] not in _TYPES:
            raise NotTaken(
                "not a list of tags",
                errors={"tags": f"[{{key, type?, value}}, …], all texts, type {' or '.join(_TYPES)}"},
            )
    return [{name: row[name] for name in ("key", "type", "value") if name in row} for row in given]


def error_name(status: int, code: str) -> str:
    """The word a client acts on: only EXPIRED_TOKEN and INVALID_TOKEN make it fetch another token."""
    return _ERRORS.get(code) or _BY_STATUS.get(status) or code.upper()


def milliseconds(iso: str) -> int:
    """A time of the vault in milliseconds since 1970."""
    return (datetime.fromisoformat(iso) - _EPOCH) // timedelta(milliseconds=1)
