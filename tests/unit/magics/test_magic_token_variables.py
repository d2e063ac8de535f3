"""Are variables that hold a short-lived token renewed from cell to cell, and does the extension stop doing so?"""

import os

import pytest

from credmagic import api
from credmagic.magics import handing, renewing
from credmagic.testing.authorization_server import AuthorizationServer, Client

VARIABLE = "CRM_ACCESS_TOKEN"


@pytest.fixture
def provider(canary):
    with AuthorizationServer() as server:
        server.clients["app"] = Client("app", canary)
        server.life = 2
        yield server


@pytest.fixture
def exported(cells, provider, canary):
    """A credential whose token is in a variable, and lives for two seconds."""
    fields = {"client_id": "app", "client_secret": canary, "token_url": provider.token_url}
    api.client().call("create", name="crm", kind="oauth_client_credentials", fields=fields, verify=False)
    said = cells("cred = %cred use crm --export").shown
    assert os.environ[VARIABLE] not in said
    return said


def old(provider):
    """Let the token of the variable end, without waiting for it: the vault and the kernel think that it has."""
    vault = api.client()._vault()._whole()
    vault.tokens._slots.clear()
    for held in handing.held().values():
        object.__setattr__(held.credential, "_came", (0.0, 0.0))


def test_what_is_said_tells_what_to_read_in_a_loop(exported):
    assert "it is renewed before each cell, inside a long one read cred.token" in exported


def test_a_cell_finds_a_fresh_token_in_the_variable(cells, exported, provider):
    before = os.environ[VARIABLE]
    old(provider)
    cells("import os; seen = os.environ['CRM_ACCESS_TOKEN']")
    assert os.environ[VARIABLE] == cells.ip.user_ns["seen"] != before
    assert provider.accepts(cells.ip.user_ns["seen"])


def test_a_token_that_was_renewed_by_reading_it_is_in_the_variable_of_the_next_cell(cells, exported, provider):
    old(provider)
    cells("held = cred.token")
    cells("pass")
    assert os.environ[VARIABLE] == cells.ip.user_ns["held"]


def test_what_was_there_before_comes_back_in_the_end(cells, exported, provider):
    old(provider)
    cells("pass")
    handing.take_back()
    assert VARIABLE not in os.environ


def test_a_kernel_that_holds_nothing_asks_nobody(cells, provider, monkeypatch):
    monkeypatch.setattr(api, "client", lambda *_: pytest.fail("asked"))
    renewing.before_cell()


def test_without_the_extension_nothing_is_renewed(shell):
    shell.run_line_magic("load_ext", "credmagic")
    assert renewing.before_cell in shell.events.callbacks["pre_run_cell"]
    shell.run_line_magic("unload_ext", "credmagic")
    assert renewing.before_cell not in shell.events.callbacks["pre_run_cell"]
