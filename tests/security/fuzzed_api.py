"""Who asks in the fuzz run, what is there to be asked about, and what came back.

A `World` is a real Jupyter server with one user, an Admin, a Contributor and nobody. Schemathesis makes requests from
the OpenAPI document; as an id it could never guess one, so that every other request gets ids of things that are there,
and each operation is asked once exactly as its client would (`ASKED_RIGHT`).
"""

from __future__ import annotations

import secrets
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
from credmagic.testing.jupyter import TOKEN

USER, ADMIN, CONTRIBUTOR, NOBODY = WHO = ("user", "admin", "contributor", "nobody")
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

ENV = {"environment": "draft"}
KINDS = {"security_scheme": "basic_auth", "preference": "team", "sso": False}
LOGIN = {"app_credentials": {"username": "ada", "password": "PASSWORD"}}
OWN_LOGIN = {"runtime_credentials": {"username": "ada", "password": "PASSWORD"}}
TAGS = [{"key": "stage", "value": "test"}]
_CREATION = {"credentialType": "basic", "user": "ada", "password": "PASSWORD"}
_USER = {"password": "PASSWORD", "roleNames": ["Contributor"]}

ASKED_RIGHT = {
    "conductor_post_token": {"keyId": "KEY_ID", "keySecret": "KEY_SECRET"},
    "conductor_post_applications": {"name": "NEW"},
    "conductor_put_applications_applicationId": {"name": "NEW"},
    "conductor_put_applications_applicationId_tags": TAGS,
    "conductor_delete_applications_applicationId_tags": TAGS,
    "datarobot_post_credentials": {"name": "NEW", **_CREATION},
    "datarobot_patch_credentials_credentialId": {"description": "changed"},
    "datarobot_patch_credentials_credentialId_associations": {
        "credentialsToAdd": [{"objectId": "NEW", "objectType": "job"}]
    },
    "datarobot_put_credentials_credentialId_associations_objectType_objectId": {"isDefault": True},
    "machine_post_resolve": {"ref": "OWN_CREDENTIAL"},
    "machine_post_actions_action": {},
    "orchestrate_post_icp4d_api_v1_authorize": {"username": "KEY_ID", "api_key": "KEY_SECRET"},
    "orchestrate_post_v1_orchestrate_connections_applications": {"app_id": "NEW"},
    "orchestrate_post_v1_orchestrate_connections_applications_app_id_configurations": {**KINDS, "environment": "live"},
    "orchestrate_patch_v1_orchestrate_connections_applications_app_id_configurations_environment": {
        "server_url": "https://example.org"
    },
    "orchestrate_post_v1_orchestrate_connections_applications_app_id_configs_environment_credentials": LOGIN,
    "orchestrate_patch_v1_orchestrate_connections_applications_app_id_configs_environment_credentials": LOGIN,
    "orchestrate_post_v1_orchestrate_connections_applications_app_id_configs_environment_runtime_credentials": OWN_LOGIN,
    "orchestrate_patch_v1_orchestrate_connections_applications_app_id_configs_environment_runtime_credentials": OWN_LOGIN,
    "unify_post_sessions": {"email": "KEY_ID", "password": "KEY_SECRET"},
    "unify_post_v1_orgs_org_machine_users": {"identifier": "NEW", **_USER},
    "unify_put_v1_orgs_org_machine_users_machineUserId": {"newPassword": "PASSWORD"},
}
"""The body of each operation that takes one, as a client sends it; words in capitals are put in by the world.

These operations answer 2xx only to data that no generator would find: names of kinds, ids and secrets that exist.
"""


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


class World:
    """What is there to be asked about, made anew when it is gone; each identity's own where ownership matters."""

    def __init__(self, server, canary):
        self.server = server
        self.canary = canary
        self.tokens = {}
        self.things = {}
        self.tokens[USER] = self.call("POST", "icp4d-api/v1/authorize", {"username": "me", "api_key": TOKEN})["token"]
        for who, role in ((ADMIN, "Admin"), (CONTRIBUTOR, "Contributor")):
            login = {"identifier": f"the-{who}", "password": self.password(), "roleNames": [role]}
            self.call("POST", "api/v1/orgs/1/machine_users", login, USER)
            sent = {"email": login["identifier"], "password": login["password"]}
            self.tokens[who] = self.call("POST", "api/sessions", sent)["authToken"]

    def call(self, method, path, body=None, who=NOBODY):
        """One request that succeeds; its JSON."""
        answer = self.server.request(method, "credmagic/" + path, body, headers=self.headers(who, path))
        assert answer.status in (200, 201), (method, path, answer.status, answer.body)
        return answer.json()

    def headers(self, who, path):
        """How `who` identifies there: each face has a header of its own."""
        if who == NOBODY:
            return {}
        if path.startswith("api/v1/orgs"):
            return {"x-auth-token": self.tokens[who]}
        if path.startswith(("api/applications", "api/token")):
            return {"X-Authorization": self.tokens[who]}
        if who == USER and path.startswith(("api/v2", "api/kinds", "api/health", "api/openapi.json")):
            return {"Authorization": f"token {TOKEN}"}
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    def password(self):
        """Good enough for everybody, and with the canary in it."""
        return f"{self.canary}-{secrets.token_hex(6)}"

    # ── things ───────────────────────────────────────────────────────────────────────────────────────────────

    def thing(self, name, who):
        """A value of the parameter `name` that leads somewhere."""
        if name not in self.makers:
            return None
        owner = who if who == USER or name == "credentialId" else ADMIN
        key = (name, ADMIN if owner == NOBODY else owner)
        if key not in self.things:
            self.things[key] = self.makers[name](self, key[1])
        return self.things[key]

    def forget(self, name):
        """What was there is gone, and what was in it."""
        gone = {"applicationId", "keyId", "secret"} if name in ("applicationId", "keyId") else {name}
        self.things = {key: value for key, value in self.things.items() if key[0] not in gone}

    def _credential(self, who):
        body = {"name": new(), **_CREATION, "password": self.password()}
        return self.call("POST", "api/v2/credentials/", body, who)["credentialId"]

    def _application(self, who):
        return self.call("POST", "api/applications", {"name": new()}, who)["id"]

    def _key(self, who):
        key = self.call("POST", f"api/applications/{self.thing('applicationId', who)}/accessKeys", None, who)
        self.things["secret", who] = key["secret"]
        return key["id"]

    def fresh_key(self):
        """The id of a key that nobody has paused; its secret lies beside it."""
        self.forget("keyId")
        return self.thing("keyId", USER)

    def _connection(self, who):
        app_id, place = new(), "v1/orchestrate/connections/applications"
        self.call("POST", place, {"app_id": app_id}, who)
        self.call("POST", f"{place}/{app_id}/configurations", {**KINDS, **ENV}, who)
        self.call("POST", f"{place}/{app_id}/configs/draft/credentials", self.filled(LOGIN, who), who)
        return app_id

    def _machine(self, who):
        login = {"identifier": new(), **_USER, "password": self.password()}
        return self.call("POST", "api/v1/orgs/1/machine_users", login, who)["id"]

    makers = {
        "credentialId": _credential,
        "applicationId": _application,
        "keyId": _key,
        "app_id": _connection,
        "machineUserId": _machine,
        "objectType": lambda self, who: "job",
        "objectId": lambda self, who: "nightly",
        "role": lambda self, who: "USER",
        "environment": lambda self, who: "draft",
        "env": lambda self, who: "draft",
        "org": lambda self, who: "1",
        "action": lambda self, who: "names",
    }

    def filled(self, body, who):
        """A body with what its words in capitals stand for."""
        if isinstance(body, list):
            return [self.filled(item, who) for item in body]
        if isinstance(body, dict):
            return {name: self.filled(value, who) for name, value in body.items()}
        if not isinstance(body, str) or body not in self.words:
            return body
        return self.words[body](self, who)

    words = {
        "NEW": lambda self, who: new(),
        "PASSWORD": lambda self, who: self.password(),
        "OWN_CREDENTIAL": lambda self, who: self.thing("credentialId", who),
        "KEY_ID": lambda self, who: self.fresh_key(),
        "KEY_SECRET": lambda self, who: self.things["secret", USER],
    }


def new():
    """A name that nothing has yet."""
    return "n" + secrets.token_hex(6)


# ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────


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
