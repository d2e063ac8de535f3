"""No answer on the Jupyter port has room for a secret: the OpenAPI document is walked, and says so for all of them.

The document is made from what makes the routes (tests/unit/server/test_openapi.py), so nothing can be served past it.
"""

import pytest

from credmagic.kinds.reading import name_table
from credmagic.kinds.registry import all_kinds
from credmagic.server import openapi

OTHER_SECRETS = {"secret", "authToken", "auth_token", "jwt"}
PREFIX = "#/components/schemas/"


def names_of_secrets():
    """Every spelling of every secret field of every kind, whoever writes it."""
    return OTHER_SECRETS | {name for cls in all_kinds() for name, spec in name_table(cls).items() if spec.secret}


def leaks(document, secrets):
    """`face.Model.field: what is wrong` of everything a 2xx answer of the Jupyter port could carry."""
    found = {}
    for operation in operations(document):
        if operation["operationId"] in openapi.VALUES:
            continue
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                if status.startswith("2"):
                    walk(document, content["schema"], f"{operation['operationId']}.{status}", "", secrets, found)
    return found


def operations(document):
    return [operation for path in document["paths"].values() for operation in path.values()]


def walk(document, schema, model, field, secrets, found):
    place = f"{model}.{field}" if field else model
    if schema is True or not set(schema) - {"title", "description", "default"}:
        found[place] = "anything"
        return
    if reference := schema.get("$ref"):
        name = reference.removeprefix(PREFIX)
        if (name, "") not in found:
            found[name, ""] = "seen"
            walk(document, document["components"]["schemas"][name], name, "", secrets, found)
        return
    if schema.get("writeOnly") or schema.get("format") == "password":
        found[place] = "secret"
    if schema.get("type") in ("object", ["object", "null"]) and schema.get("additionalProperties") is not False:
        found[place] = "free form"
    for name, inner in schema.get("properties", {}).items():
        if name in secrets and inner.get("type") != "boolean":  # of a kind's field: whether it is one
            found[f"{model}.{name}"] = "named like a secret"
        walk(document, inner, model, name, secrets, found)
    for inner in [schema.get("items"), *(part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, ()))]:
        if inner is not None:
            walk(document, inner, model, field, secrets, found)


def unexplained(document):
    found = {place: why for place, why in leaks(document, names_of_secrets()).items() if isinstance(place, str)}
    explained = {*openapi.SHOWN_ONCE, *openapi.FREE_FORM}
    return {
        place: why for place, why in found.items() if not {place, place.rpartition(".")[0] + ".*"} & explained
    }  # fmt: skip


@pytest.fixture(scope="module")
def document():
    return openapi.document("/credmagic/")


def test_no_answer_has_room_for_a_secret(document):
    assert unexplained(document) == {}


def test_every_exception_is_needed_and_has_a_reason(document):
    places = {place for place in leaks(document, names_of_secrets()) if isinstance(place, str)}
    everywhere = places | {place.rpartition(".")[0] + ".*" for place in places}

    assert {*openapi.SHOWN_ONCE, *openapi.FREE_FORM} <= everywhere
    assert set(openapi.VALUES) <= {operation["operationId"] for operation in operations(document)}
    assert all(len(why) > 20 for why in [*openapi.SHOWN_ONCE.values(), *openapi.FREE_FORM.values()])
    assert all(len(why) > 20 for why in openapi.VALUES.values())


def test_values_leave_on_the_machine_plane_only(document):
    """A person's own identity never opens what answers with values."""
    for operation in operations(document):
        if operation["operationId"] in openapi.VALUES:
            assert operation["security"] == [{"machine": []}]


def test_what_an_error_says_is_words(document):
    """Errors have one place for more than fixed fields: what is wrong with each field, as text.

    Clients of our own also get `details`, from which they build the same error again.
    """
    names = {face.problem.rpartition(":")[2] for face in openapi.faces()}
    problems = {
        name: schema for name, schema in document["components"]["schemas"].items() if name.partition(".")[2] in names
    }

    assert len(problems) >= len(openapi.faces())
    for name, schema in problems.items():
        found = {}
        walk(document, schema, name, "", names_of_secrets(), found)
        assert set(found) <= {f"{name}.errors", "machine.Problem.details"}, name


# ── the controls: planted models are found ───────────────────────────────────────────────────────────────────

BAD = {
    "a secret by the name of a kind's field": {"client_secret": {"type": "string"}},
    "a secret by its name on a face": {"awsSecretAccessKey": {"type": "string"}},
    "a secret by another name of it": {"api_token": {"type": "string"}},
    "what may only be written": {"plain": {"type": "string", "writeOnly": True}},
    "a password": {"plain": {"type": "string", "format": "password"}},
    "an object of any names": {"plain": {"type": "object"}},
    "texts by any name": {"plain": {"type": "object", "additionalProperties": {"type": "string"}}},
    "anything at all": {"plain": {"title": "Plain"}},
    "anything, or nothing": {"plain": {"anyOf": [{}, {"type": "null"}]}},
    "a secret in a list": {"plain": {"type": "array", "items": {"$ref": PREFIX + "own.Inner"}}},
    "a secret, perhaps": {"plain": {"anyOf": [{"$ref": PREFIX + "own.Inner"}, {"type": "null"}]}},
}


@pytest.mark.parametrize("case", BAD)
def test_the_control_a_model_with_room_for_a_secret_is_found(document, case):
    inner = {"type": "object", "additionalProperties": False, "properties": {"password": {"type": "string"}}}
    planted = {"type": "object", "additionalProperties": False, "properties": BAD[case]}
    schemas = {**document["components"]["schemas"], "own.Health": planted, "own.Inner": inner}

    assert unexplained({**document, "components": {**document["components"], "schemas": schemas}})


def test_the_control_a_model_that_takes_more_fields_is_found(document):
    schemas = document["components"]["schemas"]
    open_ended = {key: value for key, value in schemas["own.Health"].items() if key != "additionalProperties"}
    schemas = {**schemas, "own.Health": open_ended}

    found = unexplained({**document, "components": {**document["components"], "schemas": schemas}})
    assert found == {"own.Health": "free form"}


def test_the_control_an_exception_that_is_taken_back_is_missed(document, monkeypatch):
    monkeypatch.setattr(openapi, "SHOWN_ONCE", {})

    assert "conductor.ConductorNewAccessKey.secret" in unexplained(document)
