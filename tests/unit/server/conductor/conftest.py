"""One server for every test of Conductor's face, how it is asked, and who asks."""

import pytest

from beside import vault_of
from credmagic.server.answers import HEADERS
from credmagic.testing.jupyter import jupyter_server
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from unit.server.conductor.words import API

OWNER = Caller("local")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("conductor"), environment={"CREDMAGIC_RATES": "off"}) as running:
        yield running


@pytest.fixture(scope="session")
def vault(server):
    with vault_of(server.workdir) as opened:
        yield opened


@pytest.fixture(scope="session")
def ask(server):
    """`ask(method, path, body, token=)` below `api/`; every answer is checked for its headers."""

    def call(method, path, body=None, token=None, **headers):
        shown = {"X-Authorization": token} if token is not None else {}
        answer = server.request(method, API + path, body, headers=shown | headers)
        expected = {
            name: None if answer.status == 204 and name == "Content-Type" else HEADERS[name] for name in HEADERS
        }
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == expected
        assert "set-cookie" not in answer.headers
        assert answer.body.isascii()
        return answer

    return call


@pytest.fixture(scope="session")
def do(vault):
    """`do(action, **params)`: as the laptop owner, beside the server."""
    return lambda action, **params: dispatch(vault, OWNER, action, params)


@pytest.fixture(scope="session")
def application(do):
    """`application(*roles)`: a new application with one key; (its id, key id, secret)."""

    def make(*roles, name="ops"):
        made = do("app_add", name=name)
        if roles:
            do("app_update", ref=made["id"], roles=list(roles))
        key = do("key_create", ref=made["id"])
        return made["id"], key["id"], key["secret"]

    return make


@pytest.fixture(scope="session")
def signed_in(ask):
    """`signed_in(key id, secret)`: a token."""
    return lambda key, secret: ask("POST", "token", {"keyId": key, "keySecret": secret}).json()["token"]


@pytest.fixture(scope="session")
def admin(application, signed_in):
    """The token of an application with the role ADMIN."""
    _, key, secret = application("ADMIN")
    return signed_in(key, secret)
