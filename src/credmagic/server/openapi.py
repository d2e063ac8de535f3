"""What does credmagic tell other programs about its addresses?

An OpenAPI 3.1 document, made from what also makes the routes: the faces' declarations, and the models they name.
Nothing is written twice, so nothing can be forgotten; the tests walk the document to see that no answer on the Jupyter
port has room for a secret value. The exceptions stand here, each with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic.json_schema import models_json_schema

from credmagic import __version__
from credmagic.server.answers import HEADERS, as_json
from credmagic.server.face import Face, Op, Param, Route, faces, model

SHOWN_ONCE: Mapping[str, str] = {
    "conductor.ConductorNewAccessKey.secret": "a key that was just made; only its hash is kept",
    "conductor.ConductorToken.token": "a token for who has just shown an access key",
    "orchestrate.Token.token": "a token for who has just shown a password, an access key or Jupyter's token",
    "unify.UnifySession.authToken": "a token for who has just shown a password or an access key",
}
"""`face.Model.field` → why this secret is in an answer: it was made for who asks, in this very call."""

FREE_FORM: Mapping[str, str] = {
    "own.OpenApiDocument.*": "this document: made of code, no stored value comes near it",
    "orchestrate.Configuration.custom_runtime_creds": "entries that people declare public",
    "orchestrate.Request.header": "a setting of a connection; credentials have fields of their own",
    "orchestrate.AppRequest.header": "a setting of a connection; credentials have fields of their own",
}
"""`face.Model.field` → why its names and values are not known here, and yet no secret."""

VALUES: Mapping[str, str] = {
    "machine_post_resolve": "the values of one credential, for a machine's token and none of a browser's headers",
    "machine_post_actions_action": "every other action: metadata, and a key that was made in this very call",
}
"""Operations (by id) on the machine plane that answer with values, which is what they are for."""

JSON = "application/json"

SCHEMES: Mapping[str, Mapping[str, str]] = {
    "jupyter": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The Jupyter server's token: `token …` or `Bearer …`. Its pages' cookie will do, with `_xsrf`.",
    },
    "machine": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A machine's token: sign in with an access key or a password for one.",
    },
    "x-authorization": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Authorization",
        "description": "A machine's token, as it is.",
    },
    "x-auth-token": {
        "type": "apiKey",
        "in": "header",
        "name": "x-auth-token",
        "description": "A machine's token, as it is.",
    },
}
"""How one says who he is; a face names those it takes in `identity`."""


@cache
def encoded(base: str) -> bytes:
    """The document as it is sent; built once."""
    return as_json(document(base))


def document(base: str) -> dict[str, Any]:
    """What is served below `base`, which ends in `/`: every operation of every installed face."""
    found = faces()
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    responses: dict[str, Any] = {}
    for face in found:
        made, names = _schemas(face)
        schemas |= made
        responses |= {f"{face.name}.{status}": _response(status, names[face.problem]) for status in face.problems}
        for route in face.routes:
            if route.operations:
                operations = {method: _operation(face, route, method, names) for method in route.operations}
                paths.setdefault(f"/{face.prefix}{route.path}", {}).update(operations)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "credmagic",
            "version": __version__,
            "description": "Typed credentials for notebooks. No answer here carries a stored secret value; "
            "machines with a token of their own get values from the operations that say so.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base.rstrip("/"), "description": "This Jupyter server"}],
        "tags": [{"name": face.name, "description": face.title} for face in found],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "headers": {name: _fixed_header(value) for name, value in _headers()},
            "securitySchemes": {
                name: SCHEMES[name] for name in sorted({who for face in found for who in face.identity})
            },
        },
    }


def operation_id(face: Face, route: Route, method: str) -> str:
    """`datarobot_get_credentials_credentialId`: the same for as long as the address is."""
    return "_".join(re.findall(r"\w+", f"{face.name} {method} {route.path}"))


def _schemas(face: Face) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas of a face's models as `face.Model`, and a reference to each by its name in the declaration."""
    used = {face.problem}
    for route in face.routes:
        for op in route.operations.values():
            used |= {name for name in (op.body, *op.answers.values()) if name}
    models = {name: model(name) for name in sorted(used)}
    place = f"#/components/schemas/{face.name}.{{model}}"
    made, schemas = models_json_schema([(cls, "validation") for cls in models.values()], ref_template=place)
    references: dict[str, Any] = {name: made[cls, "validation"] for name, cls in models.items()}
    return {f"{face.name}.{name}": schema for name, schema in schemas.get("$defs", {}).items()}, {
        name: {"type": "array", "items": reference} if name.endswith("[]") else reference
        for name, reference in references.items()
    }


def _operation(face: Face, route: Route, method: str, names: Mapping[str, Any]) -> dict[str, Any]:
    op = route.operations[method]
    described: dict[str, Any] = {
        "operationId": operation_id(face, route, method),
        "tags": [face.name],
        "summary": op.summary,
        "security": [] if op.public else [{who: []} for who in face.identity],
        "parameters": [
            *(_parameter("path", _in_address(route, name)) for name in route.parameters),
            *(_parameter("query", param) for param in op.query),
        ],
        "responses": _responses(face, op, names),
    }
    if op.body:
        described["requestBody"] = {"required": op.body_required, "content": {JSON: {"schema": names[op.body]}}}
    return described


def _in_address(route: Route, name: str) -> Param:
    pattern = route.segments.get(name)
    return Param(
        name, {"type": "string", "minLength": 1, **({"pattern": f"^{pattern}$"} if pattern else {})}, required=True
    )


def _parameter(place: str, param: Param) -> dict[str, Any]:
    described = {"name": param.name, "in": place, "required": param.required, "schema": param.schema}
    return described | ({"description": param.description} if param.description else {})


def _responses(face: Face, op: Op, names: Mapping[str, Any]) -> dict[str, Any]:
    """Everything this operation can answer."""
    own = {status: _response(status, name and names[name]) for status, name in op.answers.items()}
    if op.page:
        own = {status: _page(response) for status, response in own.items()}
    shared = {status: {"$ref": f"#/components/responses/{face.name}.{status}"} for status in face.problems}
    return {str(status): response for status, response in sorted({**shared, **own}.items())}


def _response(status: int, schema: Any) -> dict[str, Any]:
    headers: dict[str, Any] = {name: {"$ref": f"#/components/headers/{name}"} for name, _ in _headers()}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = {"required": True, "description": "Seconds", "schema": {"type": "integer"}}
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": headers}
    return described if schema is None else described | {"content": {JSON: {"schema": schema}}}


def _page(response: Mapping[str, Any]) -> dict[str, Any]:
    """The same as HTML for people, which has a policy of its own: a style of its page, say."""
    policy = {"Content-Security-Policy": {"required": True, "schema": {"type": "string"}}}
    content = {"text/html": {"schema": {"type": "string"}}}
    return {**response, "headers": {**response["headers"], **policy}, "content": content}


def _headers() -> Iterator[tuple[str, str]]:
    """What every answer carries, beside its content's type, which OpenAPI says in another place."""
    return ((name, value) for name, value in HEADERS.items() if name != "Content-Type")


def _fixed_header(value: str) -> dict[str, Any]:
    return {"required": True, "schema": {"type": "string", "const": value}}
