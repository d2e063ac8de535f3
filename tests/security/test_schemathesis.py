"""Whatever is sent to the Jupyter port, what comes back is declared, whole and without a secret.

Schemathesis makes the requests from the OpenAPI document of a real server; everybody sends each of them: the Jupyter
user, an Admin, a Contributor, and nobody. Limits on requests are off (`CREDMAGIC_RATES=off`): a 429 would hide what
lies behind it; tests/unit/server/test_server_rates.py is about them.
"""

import copy

import pytest

from credmagic.server import openapi
from credmagic.testing.jupyter import TOKEN, jupyter_server
from security.asked_world import ADMIN, ASKED_RIGHT, CONTRIBUTOR, NOBODY, USER, WHO, World
from security.fuzzed_api import Run, wrong_headers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CANARY = "canary-F-3b9d7e51a8c2"
BASE = "/user/jo/"
AT_LEAST = 3_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("f"), base_url=BASE, environment={"CREDMAGIC_RATES": "off"}) as running:
        yield running


@pytest.fixture(scope="module")
def document(server):
    return server.request("GET", "credmagic/api/openapi.json").json()


@pytest.fixture(scope="module")
def world(server):
    return World(server, CANARY)


@pytest.fixture(scope="module")
def findings(world, document):
    return Run(world, document).everything()


def shown(answers):
    """A few of them, for people."""
    return [f"{answer.operation} {answer.status} {answer.request}\n  {answer.body[:200]!r}" for answer in answers[:5]]


def operation_ids(document, *, secured=None):
    return {
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
        if secured is None or bool(operation["security"]) is secured
    }


def test_enough_was_asked(findings):
    assert len(findings.answers) >= AT_LEAST


def test_nothing_breaks(findings):
    assert shown([answer for answer in findings.answers if answer.status >= 500]) == []


def test_no_limit_hid_anything(findings):
    assert shown([answer for answer in findings.answers if answer.status in (423, 429)]) == []


def test_every_answer_is_one_that_was_declared(findings):
    """Status, content type, headers and the shape of the body, as schemathesis compares them with the document.

    And the reverse: what the document says is wrong is never accepted (but see `LENIENT`).
    """
    assert findings.failures[:8] == []


@pytest.mark.parametrize("planted", ["no such status", "another header", "another type", "another shape"])
def test_the_control_an_answer_that_was_not_declared_is_found(world, document, planted):
    """The document is changed instead of the server: what was right is a surprise then."""
    doctored = copy.deepcopy(document)
    responses = doctored["paths"]["/api/health"]["get"]["responses"]
    if planted == "no such status":
        del responses["200"]
    elif planted == "another header":
        doctored["components"]["headers"]["Cache-Control"]["schema"]["const"] = "public"
    elif planted == "another type":
        responses["200"]["content"] = {"text/html": {"schema": {"type": "string"}}}
    else:
        doctored["components"]["schemas"]["own.Health"]["properties"]["version"] = {"type": "integer"}
    run = Run(world, doctored)

    for found in run.schema.get_all_operations():
        if found.ok().path == "/api/health":
            run.ask_right(found.ok())

    assert run.findings.failures


def test_every_answer_carries_every_header_and_says_exactly_what_it_is(findings):
    assert shown([answer for answer in findings.answers if wrong_headers(answer)]) == []


def test_every_operation_was_asked_by_everybody(findings, document):
    asked = {(answer.operation, answer.who) for answer in findings.answers}

    assert asked == {(name, who) for name in operation_ids(document, secured=True) for who in WHO} | {
        (name, NOBODY) for name in operation_ids(document, secured=False)
    }


def test_every_operation_succeeded_for_somebody(findings, document):
    succeeded = {answer.operation for answer in findings.answers if answer.status < 300}

    assert operation_ids(document) - succeeded == set()


def test_an_admin_can_do_what_faces_for_machines_offer(findings, document):
    for_users_only = {name for name in operation_ids(document) if name.startswith("own_")}
    succeeded = {answer.operation for answer in findings.answers if answer.who == ADMIN and answer.status < 300}

    assert operation_ids(document, secured=True) - for_users_only - succeeded == set()


def test_nobody_gets_in_anywhere_but_to_sign_in(findings, document):
    secured = operation_ids(document, secured=True)
    answers = [answer for answer in findings.answers if answer.who == NOBODY and answer.operation in secured]

    assert len(answers) >= 500
    assert shown([answer for answer in answers if answer.status != 401]) == []


def test_a_contributor_makes_no_machines_and_keys(findings):
    for name in ("unify_post_v1_orgs_org_machine_users", "conductor_post_applications"):
        assert findings.statuses(name, CONTRIBUTOR)[403]
        assert not [status for status in findings.statuses(name, CONTRIBUTOR) if status < 300]


def test_values_are_for_machines(findings):
    assert findings.statuses("machine_post_resolve", USER).keys() == {403}
    assert findings.statuses("machine_post_resolve", CONTRIBUTOR)[200]


def test_no_answer_carries_a_value_or_a_token(findings, world):
    """But what is there for it: the resolving of values, the exchange of a login for a token."""
    hands_out = set(openapi.VALUES) | {"unify_post_sessions", "conductor_post_token"}
    hands_out.add("orchestrate_post_icp4d_api_v1_authorize")
    hidden = [CANARY.encode(), TOKEN.encode(), *(token.encode() for token in world.tokens.values())]
    leaking = [
        answer for answer in findings.answers
        if answer.operation not in hands_out and any(value in answer.body for value in hidden)
    ]  # fmt: skip

    assert shown(leaking) == []
    resolved = [answer for answer in findings.answers if answer.operation == "machine_post_resolve"]
    assert any(CANARY.encode() in answer.body for answer in resolved), "the control: it is there to be found"


def test_the_log_carries_no_value(findings, server):
    assert findings.answers
    assert CANARY not in server.log


def test_what_is_asked_right_is_an_operation(document):
    assert set(ASKED_RIGHT) <= operation_ids(document)


def test_other_methods_are_refused_with_the_list_of_those_that_are_taken(server, world, document):
    """Of every address: 405 with `Allow`, and every header of an answer."""
    count = 0
    for path, operations in document["paths"].items():
        place = path.lstrip("/")
        for name in ("objectType", "objectId", "credentialId", "applicationId", "keyId", "app_id", "machineUserId"):
            place = place.replace(f"{{{name}}}", world.thing(name, USER))
        place = place.replace("{role}", "USER").replace("{org}", "1").replace("{environment}", "draft")
        place = place.replace("{action}", "names")
        for method in {"get", "post", "put", "patch", "delete"} - set(operations):
            headers = world.headers(ADMIN if "own" not in operations else USER, place)
            answer = server.request(method.upper(), "credmagic/" + place, headers=headers)
            if place.startswith(("api/kinds", "api/health", "api/openapi.json")):
                headers = world.headers(USER, place)
                answer = server.request(method.upper(), "credmagic/" + place, headers=headers)
            assert answer.status == 405, (method, place, answer.body)
            assert {one.strip().lower() for one in answer.headers["allow"].split(",")} == set(operations)
            count += 1
    assert count > 80
