"""The OpenAPI document: valid, complete, and true to what the kinds and the routes say."""

import json
import subprocess
import sys

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from credmagic.kinds.registry import all_kinds, find_kind
from credmagic.server import answers, openapi
from credmagic.server.face import faces
from credmagic.server.handlers import NothingHandler, routes
from credmagic.testing.kind_examples import GOOD

BASE = "/user/jo/credmagic/"
WRITING = {"put", "patch", "delete", "post"}


@pytest.fixture(scope="module")
def document():
    return json.loads(openapi.encoded(BASE))


def operations(document):
    return {
        (path, method): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }  # fmt: skip


def resolved(document, node):
    """The response or header a reference leads to."""
    while "$ref" in node:
        node = document["components"][node["$ref"].split("/")[2]][node["$ref"].split("/")[3]]
    return node


def body_schema(document, operation_id):
    """The schema of what an operation takes, with all it refers to, for a validator."""
    (operation,) = [one for one in operations(document).values() if one["operationId"] == operation_id]
    return {**operation["requestBody"]["content"]["application/json"]["schema"], "components": document["components"]}


# ── valid and complete ───────────────────────────────────────────────────────────────────────────────────────


def test_it_is_a_valid_openapi_document(document):
    problems = [
        f"{list(error.absolute_path)}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()
    ]

    assert problems == []
    assert document["openapi"] == "3.1.0"


def test_its_server_is_this_one(document):
    assert [server["url"] for server in document["servers"]] == ["/user/jo/credmagic"]


def test_every_operation_of_every_face_is_in_it(document):
    declared = {
        (f"/{face.prefix}{route.path}", method)
        for face in faces()
        for route in face.routes
        for method in route.operations
    }

    assert set(operations(document)) == declared
    assert {face.name for face in faces()} == {tag["name"] for tag in document["tags"]}


def test_no_two_operations_have_one_id(document):
    ids = [operation["operationId"] for operation in operations(document).values()]

    assert len(ids) == len(set(ids))


def test_whatever_tornado_serves_is_declared_and_the_reverse():
    """The methods a handler takes are those of its operations; an address without any refuses them all."""
    for face in faces():
        for route in face.routes:
            taken = {name.lower() for name in answers.taken_methods(route.handler)}
            if route.operations:
                assert taken == set(route.operations), (face.name, route.path)
            else:
                assert route.handler.__name__ == "NotServedHandler", (face.name, route.path)


def test_tornado_gets_its_addresses_from_the_faces_alone():
    served = {pattern: handler for pattern, handler, *_ in routes(BASE)}
    declared = {pattern: handler for face in faces() for pattern, handler in face.handlers(BASE)}

    assert {handler for pattern, handler in served.items() if pattern not in declared} == {NothingHandler}
    assert served.items() >= declared.items()


# ── every operation ──────────────────────────────────────────────────────────────────────────────────────────


def test_every_operation_says_who_may_ask(document):
    public = [name for name, operation in operations(document).items() if operation["security"] == []]
    known = set(document["components"]["securitySchemes"])

    asked = [(path.rpartition("/")[2], method) for path, method in public]
    signing_in = {(name, "post") for name in ("token", "authorize", "sessions")}
    assert set(asked) == signing_in | {("callback", "get")}
    for operation in operations(document).values():
        assert {name for choice in operation["security"] for name in choice} <= known


def test_every_answer_says_which_headers_it_carries(document):
    expected = {name: value for name, value in answers.HEADERS.items() if name != "Content-Type"}
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            headers = resolved(document, response)["headers"]
            if "text/html" in resolved(document, response).get("content", {}):
                expected_here = {**expected, "Content-Security-Policy": None}  # of its own
            else:
                expected_here = expected
            fixed = {name: resolved(document, header)["schema"].get("const") for name, header in headers.items()}
            assert fixed | {"Retry-After": None} == expected_here | {"Retry-After": None}, operation["operationId"]
            assert ("Retry-After" in fixed) is (status == "429")


def test_every_error_has_the_shape_of_its_face(document):
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                content = resolved(document, response)["content"]
                assert list(content) == ["application/json"]
                model = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert {"message", "code"} <= set(document["components"]["schemas"][model]["required"])


def test_parameters_of_the_address_are_described(document):
    for (path, _), operation in operations(document).items():
        named = [part["name"] for part in operation["parameters"] if part["in"] == "path"]
        assert named == [piece.partition("}")[0] for piece in path.split("{")[1:]]


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", sorted(cls.kind for cls in all_kinds()))
def test_every_good_credential_fits_the_body_it_is_created_with(document, kind):
    """What a kind takes is said once, by the kind: whatever it accepts, the document lets through."""
    cls = find_kind(kind)
    schema = body_schema(document, "datarobot_post_credentials")
    for example in GOOD[kind]:
        fields = {cls.wire_name("datarobot", name): value for name, value in example.items()}
        body = {"name": "warehouse", "credentialType": cls.wire_kind("datarobot"), **fields}
        jsonschema.Draft202012Validator(schema).validate(body)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "x", "credentialType": "no such type"},
        {"name": "", "user": "ada", "password": "p"},
        {"name": "x" * 129, "user": "ada", "password": "p"},
        {"name": " x", "user": "ada", "password": "p"},
        {"user": "ada", "password": "p"},
        {"name": "x", "user": "ada"},
        {"name": "x", "user": "ada", "password": ""},
        {"name": "x", "user": "ada\nlovelace", "password": "p"},
        {"name": "x", "user": "ada", "password": "p", "region": "of another kind"},
        {"name": "x", "user": "ada", "password": "p", "environment": "two words"},
        {"name": "x", "user": "ada", "password": "p", "url": "ftp://example.org"},
    ],
)
def test_what_no_kind_takes_does_not_fit_the_body(document, wrong):
    schema = body_schema(document, "datarobot_post_credentials")

    assert not jsonschema.Draft202012Validator(schema).is_valid(wrong)


def test_a_change_may_clear_any_field_but_must_say_something(document):
    validator = jsonschema.Draft202012Validator(body_schema(document, "datarobot_patch_credentials_credentialId"))

    assert validator.is_valid({"url": None, "region": "eu-central-1"})
    assert not validator.is_valid({})
    assert not validator.is_valid({"credentialType": "basic"})


def test_objects_are_added_or_removed_and_not_both(document):
    schema = body_schema(document, "datarobot_patch_credentials_credentialId_associations")
    add, remove = [{"objectId": "1", "objectType": "job"}], ["1"]
    validator = jsonschema.Draft202012Validator(schema)

    assert validator.is_valid({"credentialsToAdd": add})
    assert validator.is_valid({"credentialsToRemove": remove})
    assert not validator.is_valid({"credentialsToAdd": add, "credentialsToRemove": remove})
    assert not validator.is_valid({})


# ── its price ────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_built_once():
    assert openapi.encoded(BASE) is openapi.encoded(BASE)
    assert len(openapi.encoded(BASE)) < 600_000


def test_a_starting_server_builds_nothing_of_it():
    """The routes are there without pydantic and without a model: both would be paid at every start."""
    code = (
        "import sys; from credmagic.server.handlers import routes; routes('/credmagic/')\n"
        "heavy = [name for name in sys.modules if name == 'pydantic' or name.endswith(('_models', 'server.openapi'))]\n"
        "print(*(name for name in heavy if name.startswith(('credmagic', 'pydantic'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert (done.stdout.split(), done.stderr) == ([], "")
