"""How is every operation asked by everybody, and what came back?

Schemathesis makes requests from the OpenAPI document. It could never guess an id, so that every other request gets
those of things that are there (`asked_world`), and each operation is asked once exactly as its client would.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy

import hypothesis.errors
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from credmagic.server.answers import HEADERS
from credmagic.server.faces.callback import POLICY
from security.asked_world import ASKED_RIGHT, NOBODY, WHO

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
LENIENT = {
    "unify_post_v1_orgs_org_machine_users": "a password's length counts after normalization, which writes ¾ as 3⁄4",
    "unify_put_v1_orgs_org_machine_users_machineUserId": "the same",
}
"""Operations that take some of what their schema refuses, and why."""
CASES = 12
"""Of each operation, with good and with bad data; each is sent by everybody."""
SLOW_CASES = 5
"""Where each costs the slow hash of a password."""
QUIET = settings(
    max_examples=CASES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

PAGES = {"callback_get_callback": {"content-type": "text/html; charset=utf-8", "content-security-policy": POLICY}}
"""What a person's browser shows has a type and a policy of its own, and no less of one."""


@dataclass
class Answered:
    """One request and what came back."""

    operation: str
    who: str
    status: int
    headers: dict[str, str]
    body: bytes
    request: str


@dataclass
class Findings:
    """Everything that came back, and what the checks had to say."""

    answers: list[Answered] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    without_bad_data: set[str] = field(default_factory=set)

    def statuses(self, operation, who):
        """How often each status came."""
        return Counter(one.status for one in self.answers if (one.operation, one.who) == (operation, who))


class Run:
    """Everybody asks every operation, right, with what fits its schema and with what does not."""

    def __init__(self, world, document):
        self.world = world
        self.findings = Findings()
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # nobody stays nobody
        self.schema = schemathesis.openapi.from_dict(document)
        server = world.server
        self.schema.config.update(base_url=f"http://127.0.0.1:{server.port}{document['servers'][0]['url']}")
        self.schema.config.generation.with_security_parameters = False
        self.secured = {
            operation["operationId"]: bool(operation["security"])
            for path in document["paths"].values()
            for operation in path.values()
        }

    def everything(self):
        """All operations, those that take away last."""
        operations = [found.ok() for found in self.schema.get_all_operations()]
        for operation in sorted(operations, key=lambda one: (one.method == "delete", one.label)):
            self.ask_right(operation)
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self.fuzz(operation, mode)
        return self.findings

    def ask_right(self, operation):
        """As the system's own client would, of things that are there."""
        name = operation.definition.raw["operationId"]
        for who in self.asking(name):
            if operation.method == "delete":  # what others have used meanwhile may be in use
                self.world.forget(last_parameter(operation.path))
            case = operation.Case(
                path_parameters=self.placed(operation, "path", who),
                query=self.placed(operation, "query", who, required=True),
                method=operation.method.upper(),
            )
            if name in ASKED_RIGHT:
                case.body, case.media_type = self.world.filled(ASKED_RIGHT[name], who), "application/json"
            self.send(case, name, who)

    def fuzz(self, operation, mode):
        name = operation.definition.raw["operationId"]
        count = SLOW_CASES if not self.secured[name] or "machine_users" in name else CASES
        there = iter(range(10_000))

        @settings(QUIET, max_examples=count)
        @given(operation.as_strategy(generation_mode=mode))
        def send(case):
            generated, is_there = dict(case.path_parameters or {}), next(there) % 2 == 0
            for who in self.asking(name):
                if is_there:
                    case.path_parameters = {**generated, **self.placed(operation, "path", who)}
                self.send(case, name, who)

        try:
            send()
        except hypothesis.errors.Unsatisfiable:  # nothing is wrong for who takes any text, or nothing at all
            assert mode == GenerationMode.NEGATIVE
            self.findings.without_bad_data.add(name)

    def asking(self, name):
        """A sign-in serves anyone: once is enough."""
        return WHO if self.secured[name] else (NOBODY,)

    def placed(self, operation, where, who, *, required=False):
        """Values of the operation's parameters that lead to what is there."""
        raw = operation.definition.raw["parameters"]
        names = [one["name"] for one in raw if one["in"] == where and (one["required"] or not required)]
        return {name: value for name in names if (value := self.world.thing(name, who)) is not None}

    def send(self, case, name, who):
        path = case.operation.path.lstrip("/")
        response = case.call(session=self.session, headers=self.world.headers(who, path), timeout=30)
        request = f"{who}: {case.method} {response.request.url} {response.request.body!r}"[:600]
        self.findings.answers.append(
            Answered(name, who, response.status_code, dict(_plain(response.headers)), response.content, request)
        )
        if case.method == "DELETE" and response.status_code == 204:
            self.world.forget(last_parameter(case.operation.path))
        try:
            case.validate_response(response, checks=CHECKS[:-1] if name in LENIENT else CHECKS)
        except (FailureGroup, Failure) as group:
            for failure in getattr(group, "exceptions", [group]):
                self.findings.failures.append(f"{name} {type(failure).__name__}: {failure.message[:300]}\n  {request}")


def _plain(headers):
    return ((name.lower(), values[0] if isinstance(values, list) else values) for name, values in headers.items())


def last_parameter(path):
    """The name of the parameter an address ends with; empty when it ends with a word."""
    return path.rstrip("/").rpartition("/")[2].strip("{}") if path.rstrip("/").endswith("}") else ""


def wrong_headers(answer):
    """Names of the headers that are not as every answer's must be."""
    expected = {name.lower(): value for name, value in HEADERS.items()} | PAGES.get(answer.operation, {})
    if answer.status == 204:
        expected["content-type"] = None
    return [name for name, value in expected.items() if answer.headers.get(name) != value]
