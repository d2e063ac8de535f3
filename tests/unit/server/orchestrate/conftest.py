"""One server for every test of Orchestrate's face, how it is asked, and a connection of one's own."""

import json
import secrets

import pytest

from beside import vault_of
from credmagic.server.answers import HEADERS
from credmagic.testing.jupyter import TOKEN, jupyter_server
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from unit.server.orchestrate.words import APPS

API, AUTHORIZE = "credmagic/v1/orchestrate/", "credmagic/icp4d-api/v1/authorize"
OWNER = Caller("local")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("wxo"), base_url="/user/jo/") as running:
        yield running


@pytest.fixture(scope="session")
def vault(server):
    with vault_of(server.workdir) as opened:
        yield opened


@pytest.fixture(scope="session")
def do(vault):
    """`do(action, **params)`: as the laptop owner, beside the server."""
    return lambda action, **params: dispatch(vault, OWNER, action, params)


@pytest.fixture
def ask(server, canary):
    """`ask(method, path, body, token=)`; every answer is checked for its headers and for the canary."""

    def call(method, path, body=None, token=None, prefix=API, **headers):
        shown = {"Authorization": f"Bearer {token}"} if token is not None else {}
        answer = server.request(method, prefix + path, body, headers=shown | headers)
        expected = {
            name: None if answer.status == 204 and name == "Content-Type" else HEADERS[name] for name in HEADERS
        }
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == expected
        assert "set-cookie" not in answer.headers
        assert canary.encode() not in answer.body
        assert json.dumps(canary)[1:-1].encode() not in answer.body
        return answer

    return call


@pytest.fixture
def sign_in(ask):
    """`sign_in(username, api_key=…)`: the answer."""

    def call(username, **secret):
        body = {"username": username, "password": None, "api_key": None, "account_id": None} | secret
        return ask("POST", "", body, prefix=AUTHORIZE)

    return call


@pytest.fixture
def token(sign_in):
    """Of this server's user."""
    return sign_in("jo", api_key=TOKEN).json()["token"]


@pytest.fixture
def call(ask, token):
    """`call(method, path, body)` as this server's user."""
    return lambda method, path, body=None: ask(method, path, body, token)


@pytest.fixture
def app(call, do):
    """The name of a connection; it goes with the test."""
    name = f"app.{secrets.token_hex(4)}"
    assert call("POST", APPS, {"app_id": name}).status == 201
    yield name
    if any(view["app_id"] == name for view in do("connections")["connections"]):
        do("connection_remove", app_id=name, force=True)


@pytest.fixture
def configure(call, app):
    """`configure("basic_auth", …)`: the answer to what the client posts for a new one."""

    def post(scheme, auth_type=None, preference="team", environment="draft", **more):
        body = {"app_id": app, "environment": environment, "preference": preference, "security_scheme": scheme,
                "auth_type": auth_type, "sso": False, "server_url": None, "idp_config_data": None,
                "app_config_data": None, "config_id": None, "tenant_id": None, "custom_runtime_creds": None,
                "name": None}  # fmt: skip
        return call("POST", f"{APPS}/{app}/configurations", body | more)

    return post
