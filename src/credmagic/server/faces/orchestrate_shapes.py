"""How do watsonx Orchestrate's JSON objects and the vault's map to each other?

Names only: which values are right is for the vault to say. A kind is spelled by `security_scheme` and, for OAuth,
`auth_type`; both are aliases of the kind, so that this file names none. What Orchestrate has no word for is shown as
pairs of key and value, and stays what it is when that comes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from pydantic import ValidationError

from credmagic.errors import Conflict, CredentialNotFound, InvalidCredential
from credmagic.kinds.base import CredentialKind, env_text
from credmagic.kinds.registry import find_kind
from credmagic.server.faces import orchestrate_models as models
from credmagic.server.faces.spelling import field_name, spelled

FACE = "orchestrate"
OAUTH, PAIRS = "oauth2", "key_value_creds"
SCHEMES = ("basic_auth", "bearer_token", "api_key_auth", PAIRS)
AUTH_TYPES = (
    "oauth2_auth_code", "oauth2_password", "oauth2_client_creds", "oauth_on_behalf_of_flow", "oauth2_token_exchange",
    "oauth2_direct_accesstoken", "oauth2_jwt_bearer",
)  # fmt: skip
ENVIRONMENTS = ("draft", "live")

_SETTINGS = {
    "server_url": "server_url",
    "name": "name",
    "custom_runtime_creds": "custom_config_entries",
    "app_config_data": "app_config",
    "idp_config_data": "idp_config",
}
"""Each setting as it is spelled here → in the vault."""

_APP_ID = re.compile(r"[A-Za-z0-9._-]+\Z")
_NESTED = ("jwt_payload", "jwt_signature")
Sent = TypeVar("Sent", bound=models.Sent)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────
def check_app_id(app_id: str) -> str:
    """The name of a connection, as the client can write one into an address. Raises `InvalidCredential`."""
    if not _APP_ID.match(app_id):
        raise InvalidCredential(
            "this cannot be the name of a connection",
            errors={"app_id": "letters (a to z), digits, '.', '_' and '-' only"},
            next_step="Choose another --app-id.",
        )
    return app_id


def check_environment(environment: str) -> str:
    """draft or live. Raises `InvalidCredential`."""
    if environment not in ENVIRONMENTS:
        raise InvalidCredential("there is no such environment here", errors={"environment": "draft or live"})
    return environment


def no_connection() -> CredentialNotFound:
    """404, as for a name that nobody has."""
    return CredentialNotFound("there is no connection of that name", next_step="See them: orchestrate connections list")


def not_configured(app_id: str, environment: str) -> CredentialNotFound:
    """404, which the client takes for "make it"."""
    return CredentialNotFound(
        f"the connection {app_id} is not configured in {environment}",
        next_step=f"orchestrate connections configure --app-id {app_id} --env {environment} --kind K --type team",
    )


def wire(kind: str) -> tuple[str, str | None]:
    """`security_scheme` and `auth_type` of a kind."""
    names = find_kind(kind).aliases
    auth_type = next((name for name in AUTH_TYPES if name in names), None)
    scheme = next((name for name in SCHEMES if name in names), PAIRS)
    return (OAUTH, auth_type) if auth_type else (scheme, None)


def kind_of(scheme: object, auth_type: object) -> str:
    """The kind that both spell; outside OAuth `auth_type` counts for nothing. Raises `InvalidCredential`."""
    if scheme == OAUTH:
        return _kind("auth_type", auth_type, AUTH_TYPES)
    return _kind("security_scheme", scheme, (*SCHEMES, OAUTH))


def _kind(key: str, name: object, known: tuple[str, ...]) -> str:
    if name not in known:
        raise InvalidCredential("there is no such kind of connection", errors={key: f"one of {', '.join(known)}"})
    return find_kind(str(name)).kind


# ── what was sent ────────────────────────────────────────────────────────────────────────────────────────────
def read(model: type[Sent], body: Mapping[str, Any]) -> Sent:
    """The body as `model` reads it. Raises `InvalidCredential`, in words that quote no value."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
    problems = {".".join(str(part) for part in fault["loc"][:2]): _lower(fault["msg"]) for fault in faults}
    raise InvalidCredential("this request cannot be meant", errors=problems)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def creation(body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `connection_add`."""
    sent = read(models.NewConnection, body)
    return {"app_id": check_app_id(sent.app_id), "resource": sent.resource.model_dump() if sent.resource else None}


def new_configuration(body: Mapping[str, Any], connection: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `connection_configure` for a new one. Raises `Conflict` where there is one already."""
    sent = read(models.NewConfiguration, body)
    if any(one["environment"] == sent.environment for one in connection["configurations"]):
        raise Conflict(
            f"{connection['app_id']} is configured in {sent.environment} already", next_step="Change it: PATCH it."
        )
    kind = kind_of(sent.security_scheme, sent.auth_type)
    return {"environment": sent.environment, "kind": kind, **_settings(sent)}


def changed_configuration(body: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `connection_configure` for one that is there: what is shown of its kind keeps its kind."""
    sent = read(models.Changes, body)
    scheme, auth_type = wire(before["kind"])
    asked = sent.security_scheme or scheme
    asked_type = (sent.auth_type or auth_type) if asked == OAUTH else None
    kind = before["kind"] if (asked, asked_type) == (scheme, auth_type) else kind_of(asked, asked_type)
    return {"environment": before["environment"], "kind": kind, **_settings(sent)}


def _settings(sent: models.Changes) -> dict[str, Any]:
    given = sent.model_dump(exclude_none=True)
    if "custom_runtime_creds" in given:
        given["custom_runtime_creds"] = {name: env_text(value) for name, value in given["custom_runtime_creds"].items()}
    settings = {name: given.get(wire) for wire, name in _SETTINGS.items() if wire in sent.model_fields_set}
    return {"sharing": sent.preference, "sso": sent.sso, "settings": settings}


def parts(part: str, kind: str, body: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Actions and their parameters for what was sent of a credential. Raises `InvalidCredential` for nothing."""
    sent: Mapping[str, Any]
    if part == "app":
        sent, wanted = dict(read(models.AppCredentials, body)), "app_credentials or idp_credentials"
    else:
        sent, wanted = dict(read(models.RuntimeCredentials, body)), "runtime_credentials"
    found: list[tuple[str, dict[str, Any]]] = []
    if given := sent.get(f"{part}_credentials"):
        found.append(("connection_set_credentials", {"fields": fields(kind, given), "part": part}))
    if provider := sent.get("idp_credentials"):
        found.append(("connection_set_identity_provider", {"fields": provider}))
    if not found:
        raise InvalidCredential("nothing was sent", errors={wanted: "is required, with its fields"})
    return found


def fields(kind: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a written part. Of pairs every name is a key; what an assertion is made of lies flat here."""
    pairs = _pairs(find_kind(kind))
    if pairs:
        return {pairs: dict(part)}
    flat = {name: value for name, value in part.items() if name not in _NESTED}
    for name in _NESTED:
        inner = part.get(name) or {}
        flat |= inner if isinstance(inner, Mapping) else {name: inner}
    return flat


def _pairs(cls: type[CredentialKind]) -> str:
    """The field that takes any secret by name, if that is all a kind has."""
    return next((spec.name for spec in cls.specs() if spec.type == "map" and len(cls.specs()) == 1), "")


def spelled_for(kind: str) -> AbstractContextManager[None]:
    """Inside, fields are called in errors as Orchestrate calls them."""
    return spelled(lambda ours: field_name(FACE, kind, ours))


# ── what is answered ─────────────────────────────────────────────────────────────────────────────────────────
def connection(view: Mapping[str, Any]) -> models.Connection:
    """One connection."""
    resource = {"resource": models.Resource(**view["resource"])} if view["resource"].get("component") else {}
    return models.Connection(connection_id=view["connection_id"], app_id=view["app_id"], **resource)


def rows(connections: Iterable[Mapping[str, Any]]) -> models.Rows:
    """A row for each environment, one without any for a connection that is configured in none."""
    return models.Rows(applications=[row for view in connections for row in _rows(view)])


def _rows(view: Mapping[str, Any]) -> list[models.Row]:
    known = [one for one in view["configurations"] if one["environment"] in ENVIRONMENTS]
    ids = {"connection_id": view["connection_id"], "app_id": view["app_id"]}
    return [models.Row(**ids, **_described(one)) for one in known] or [models.Row(**ids, **_UNCONFIGURED)]


_UNCONFIGURED: Mapping[str, Any] = {
    "security_scheme": None, "auth_type": None, "environment": None, "preference": None, "credentials_entered": False,
}  # fmt: skip


def _described(one: Mapping[str, Any]) -> dict[str, Any]:
    scheme, auth_type = wire(one["kind"])
    return {
        "security_scheme": scheme,
        "auth_type": auth_type,
        "environment": one["environment"],
        "preference": one["sharing"],
        "credentials_entered": one["credentials_entered"],
        **_named(one),
    }


def _named(one: Mapping[str, Any]) -> dict[str, str]:
    return {"name": one["name"]} if one.get("name") else {}


def configuration(app_id: str, one: Mapping[str, Any]) -> models.Configuration:
    """One configuration; an identity provider's request that the client could not read is left out."""
    scheme, auth_type = wire(one["kind"])
    asked = (one.get("idp_config") or {}).get("body") or {}
    readable = {"requested_token_use", "requested_token_type"} <= set(asked)
    return models.Configuration(
        app_id=app_id,
        environment=one["environment"],
        preference=one["sharing"],
        security_scheme=scheme,
        auth_type=auth_type,
        sso=one["sso"],
        server_url=one.get("server_url"),
        idp_config_data=models.Request.model_validate(one["idp_config"]) if readable else None,
        app_config_data=models.AppRequest.model_validate(one["app_config"]) if one.get("app_config") else None,
        custom_runtime_creds=one.get("custom_config_entries"),
        **_named(one),
    )


def entered(view: Mapping[str, Any]) -> models.Entered:
    """What was written."""
    return models.Entered(
        app_id=view["app_id"],
        environment=view["environment"],
        credentials_entered=view["credentials_entered"],
        warnings=list(view.get("warnings", ())),
    )


def masked(view: Mapping[str, Any]) -> models.Masked:
    """Which fields of a credential are set, public ones as well as secret ones."""
    cls = find_kind(view["kind"])
    names = [cls.wire_name(FACE, name) for name in (*view["fields"], *view["secrets"]) if cls.spec(name) is not None]
    return models.Masked(
        app_id=view["app_id"],
        environment=view["environment"],
        fields=[models.MaskedField(name=name, value=models.MASK) for name in names],
    )
