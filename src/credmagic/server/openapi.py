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
    "ConductorNewAccessKey.secret": "a key that was just made; only its hash is kept",
    "ConductorToken.token": "a token for who has just shown an access key",
}
"""`Model.field` → why this secret is in an answer: it was made for who asks, in this very call."""

FREE_FORM: Mapping[str, str] = {
    "OpenApiDocument.*": "this document: made of code, no stored value comes near it",
}
"""`Model.field` → why these names and values are not known here, and yet no secret."""

VALUES: Mapping[str, str] = {}
"""Operations (by id) on the machine plane that answer with values, which is what they are for."""

JSON = "application/json"
_BOTH_WAYS = "#/components/schemas/{model}"

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
    schemas, names = _schemas(found)
    paths: dict[str, dict[str, Any]] = {}
    for face, route in _routes(found):
        operations = paths.setdefault(f"/{face.prefix}{route.path}", {})
        for method, op in route.operations.items():
            operations[method] = _operation(face, route, method, op, names)
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
            "headers": {name: _fixed_header(value) for name, value in _headers()},
            "securitySchemes": {
                name: SCHEMES[name] for name in sorted({who for face in found for who in face.identity})
            },
        },
    }


def operation_id(face: Face, route: Route, method: str) -> str:
    """`datarobot_get_credentials_credentialId`: the same for as long as the address is."""
    return "_".join(re.findall(r"\w+", f"{face.name} {method} {route.path}"))


def _routes(found: list[Face]) -> Iterator[tuple[Face, Route]]:
    return ((face, route) for face in found for route in face.routes if route.operations)


def _schemas(found: list[Face]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The schemas of all models by their names here, and a reference to each by the name it has in a face."""
    used = {face.problem for face in found}
    for _, route in _routes(found):
        for op in route.operations.values():
            used |= {name for name in (op.body, *op.answers.values()) if name}
    models = {name: model(name) for name in sorted(used)}
    made, schemas = models_json_schema([(cls, "validation") for cls in models.values()], ref_template=_BOTH_WAYS)
    references = {name: made[cls, "validation"] for name, cls in models.items()}
    return schemas.get("$defs", {}), {
        name: {"type": "array", "items": reference} if name.endswith("[]") else reference
        for name, reference in references.items()
    }


def _operation(face: Face, route: Route, method: str, op: Op, names: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation_id(face, route, method),
        "tags": [face.name],
        "summary": op.summary,
        "security": [] if op.public else [{who: []} for who in face.identity],
        "parameters": [
            *(_parameter("path", Param(name, required=True)) for name in route.parameters),
            *(_parameter("query", param) for param in op.query),
        ],
        "responses": {str(status): _response(status, names.get(name or "")) for status, name in _answers(face, op)},
    }
    if op.body:
        described["requestBody"] = {"required": op.body_required, "content": {JSON: {"schema": names[op.body]}}}
    return described


def _parameter(place: str, param: Param) -> dict[str, Any]:
    schema = {**param.schema, "minLength": 1} if place == "path" else param.schema
    described = {"name": param.name, "in": place, "required": param.required, "schema": schema}
    return described | ({"description": param.description} if param.description else {})


def _answers(face: Face, op: Op) -> list[tuple[int, str | None]]:
    """Status → model, of everything this operation can answer."""
    return sorted({**dict.fromkeys(face.problems, face.problem), **op.answers}.items())


def _response(status: int, schema: Any) -> dict[str, Any]:
    headers: dict[str, Any] = {name: {"$ref": f"#/components/headers/{name}"} for name, _ in _headers()}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = {"required": True, "description": "Seconds", "schema": {"type": "integer"}}
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": headers}
    return described if schema is None else described | {"content": {JSON: {"schema": schema}}}


def _headers() -> Iterator[tuple[str, str]]:
    """What every answer carries, beside its content's type, which OpenAPI says in another place."""
    return ((name, value) for name, value in HEADERS.items() if name != "Content-Type")


def _fixed_header(value: str) -> dict[str, Any]:
    return {"required": True, "schema": {"type": "string", "const": value}}
