"""Every way of getting a token × every way it fails: what is said names the credential, the step, the code, the command.

A hostile provider repeats what it was sent wherever it can: none of it is in the error, in the log of events, or in what
is logged.
"""

import json
import logging
import re
import threading
import time
import traceback

import pytest
from flask import Response, request

from credmagic.errors import CredmagicError, TokenRefused, Unreachable
from credmagic.kinds import box_jwt
from credmagic.testing.authorization_server import AuthorizationServer
from credmagic.testing.faults import dripping, html_error, oauth_error, redirect_to
from credmagic.tokens.base import Asking, exchanges
from credmagic.tokens.cache import TokenCache
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.wiring import open_vault
from integration.every_kind import TABLE
from integration.every_service import Services

KINDS = {
    "oauth_client_credentials": "client credentials", "oauth_password": "password", "oauth": "refresh",
    "oauth_jwt_bearer": "jwt bearer", "conductor_access_key": "access key", "machine_login": "session",
    "gcp": "jwt bearer", "azure_service_principal": "client credentials", "box_jwt": "jwt bearer",
    "databricks_service_principal_account": "client credentials", "snowflake_oauth_user_account": "refresh",
}  # fmt: skip
"""Kind → the step that a failure names. All that ask a service over HTTP for themselves alone."""


def empty():
    return Response('{"access_token": "", "token": "", "authToken": ""}', content_type="application/json")


def echo():
    """Everything that was sent, in every place where something may stand."""
    sent = request.get_data(as_text=True) + request.headers.get("Authorization", "")
    body = {"error": sent[:60], "error_description": sent, "error_uri": sent, "message": sent, "status": sent}
    headers = {"Location": f"http://127.0.0.1:9/{len(sent)}", "WWW-Authenticate": f"Bearer error={sent!r}"}
    return Response(json.dumps(body), status=400, content_type="application/json", headers=headers)


def echoed_secret(secrets):
    """One of the secrets as an error code, as a program takes it."""
    return lambda: Response(json.dumps({"error": secrets[0][:60]}), status=400, content_type="application/json")


def code(error):
    return oauth_error(error, "what a provider says besides is not told")


FAILURES = {
    "invalid_client": (lambda: code("invalid_client"), "invalid_client"),
    "invalid_grant": (lambda: code("invalid_grant"), "invalid_grant"),
    "invalid_scope": (lambda: code("invalid_scope"), "invalid_scope"),
    "500": (lambda: html_error(500), "unreachable"),
    "an html answer": (lambda: html_error(200), "not_json"),
    "a redirect": (lambda: redirect_to("http://127.0.0.1:9/elsewhere"), "redirect"),
    "an empty token": (lambda: empty, "no_token"),
    "an echo": (lambda: echo, None),
}
STEPS = re.compile(r"%cred (verify|rotate|edit|login|use) crm")


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    with AuthorizationServer() as provider:
        yield Services(provider, "", None, None, tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def values(services):
    """Of each kind one good credential, and all its secrets."""
    made = {}
    for kind in KINDS:
        before = len(services.canaries)
        fields = TABLE[kind](services, 1)
        kept = "".join(map(str, fields.values())).replace("\\n", "\n")  # a key may stand in JSON
        telling = [text for canary in services.canaries[before:] for text in canary.telling if text in kept]
        assert telling
        made[kind] = fields, telling
    return made


@pytest.fixture
def act(home, services, monkeypatch):
    monkeypatch.setattr(box_jwt, "TOKEN_URL", services.provider.token_url)
    vault = open_vault(notify=lambda line: None)
    vault.tokens = TokenCache(ticks=lambda: time.monotonic() * 1e6)  # a refusal is asked again at once
    yield lambda action, **params: dispatch(vault, Caller("kernel", kernel_id="k"), action, params)
    vault.close()
    services.provider.faults.clear()


@pytest.fixture(params=KINDS)
def crm(request, act, values):
    """One credential of each kind: its kind and its secrets."""
    fields, telling = values[request.param]
    act("create", name="crm", kind=request.param, fields=dict(fields), verify=False)
    return request.param, telling


class Everywhere(dict):
    """The same fault wherever one asks."""

    def get(self, path, otherwise=None):
        return self.fault

    def __init__(self, fault):
        super().__init__()
        self.fault = fault


def failure(act):
    with pytest.raises(CredmagicError) as caught:
        act("resolve", ref="crm")
    return caught.value


def check(error, act, kind, telling, logged):
    """What holds for every failure."""
    assert isinstance(error, TokenRefused | Unreachable)
    assert error.message.startswith(f'"crm" got no token by {KINDS[kind]}: '), error.message
    assert STEPS.search(error.next_step), error.next_step
    assert "NAME" not in error.next_step
    event = act("audit", ref="crm", limit=1)["events"][0]
    assert (event["action"], event["reason"]) == ("token", error.details.get("error") or error.code)
    told = (
        "".join(traceback.format_exception(error)) + json.dumps([error.to_json(), act("audit"), act("list")]) + logged
    )
    assert [secret for secret in telling if secret in told] == []


def ours(caplog):
    return "".join(r.getMessage() for r in caplog.records if r.name.startswith(("credmagic", "httpx2", "httpcore2")))


def test_what_is_said_of_every_failure(crm, act, services, caplog):
    """All in one vault, one after the other: nothing of one failure is said with the next."""
    caplog.set_level(logging.DEBUG)
    kind, telling = crm
    for name, (fault, expected) in FAILURES.items():
        services.provider.faults = Everywhere(fault())
        error = failure(act)
        check(error, act, kind, telling, ours(caplog))
        if expected:
            assert (error.details.get("error") or error.code) == expected, name
    for secret in telling:
        services.provider.faults = Everywhere(echoed_secret([secret]))
        check(failure(act), act, kind, telling, ours(caplog))
    services.provider.faults = {}


@pytest.mark.parametrize("kind", ["oauth_client_credentials", "oauth_jwt_bearer", "conductor_access_key"])
def test_silence_and_an_answer_without_end_are_said_in_time(kind, act, services, values, monkeypatch):
    """One of each way of posting: a form with a secret, a form with an assertion, JSON."""
    fields, telling = values[kind]
    act("create", name="crm", kind=kind, fields=dict(fields), verify=False)
    init = Asking.__init__
    monkeypatch.setattr(Asking, "__init__", lambda self, clock=time.time, timeout=0.3: init(self, clock, 0.3))
    over = threading.Event()
    try:
        for fault in (lambda: over.wait(2) and None, dripping(0.05, over)):
            services.provider.faults = Everywhere(fault)
            error = failure(act)
            check(error, act, kind, telling, "")
            assert error.code == "timeout"
    finally:
        over.set()
        services.provider.faults = {}


@pytest.mark.parametrize("kind", ["oauth_client_credentials", "oauth_jwt_bearer", "conductor_access_key"])
def test_a_door_that_is_closed_is_said_to_be_one(kind, act, tmp_path):
    with AuthorizationServer() as gone:
        services = Services(gone, "", None, None, tmp_path)
        fields = TABLE[kind](services, 1)
    act("create", name="crm", kind=kind, fields=dict(fields), verify=False)
    error = failure(act)
    check(error, act, kind, [text for canary in services.canaries for text in canary.telling], "")
    assert isinstance(error, Unreachable)
    assert "nothing listens" in error.message


def test_every_exchange_that_asks_a_service_is_in_the_table():
    """Those that are left out have tests of their own: they need a session of somebody, AWS, or nobody at all."""
    elsewhere = {"token_exchange", "on_behalf_of", "direct_access", "sts", "snowflake_jwt"}
    assert {name.replace(" ", "_") for name in KINDS.values()} == set(exchanges.names()) - elsewhere
