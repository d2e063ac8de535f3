"""A cell that runs longer than a token lives, in a real kernel: whatever carries the token is renewed in time."""

import json
import time

import pytest

from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.faults import html_error
from credmagic.testing.jupyter import jupyter_server

PATH = "/oauth/token"
SECRET = "Kanari-in-a-long-cell-0123456789"
LIFE = 2
"""Seconds a token lives; cells below run for several of them."""


@pytest.fixture(scope="module")
def provider():
    with AuthorizationServer() as server:
        server.clients["app"] = Client("app", SECRET)
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("long")) as running:
        yield running


@pytest.fixture(scope="module")
def kernel(server, provider):
    found = server.start_kernel("long.ipynb")
    fields = {"client_id": "app", "client_secret": SECRET, "token_url": provider.token_url}
    made = f"credmagic.api.client().call('create', name='crm', kind='oauth_client_credentials', verify=False, fields={fields!r})"
    server.run(found, f"import credmagic, credmagic.api, json, os, time\nme = {provider.url + '/me'!r}\n_ = {made}")
    yield found
    assert SECRET not in server.log


@pytest.fixture(autouse=True)
def short(server, kernel, provider):
    """Tokens with a short life from now on, and none that lives longer."""
    provider.life, provider.faults = LIFE, {}
    server.run(kernel, "_ = credmagic.api.client().call('pause', ref='crm')")
    server.run(kernel, "_ = credmagic.api.client().call('resume', ref='crm')")


def told(server, kernel, code):
    """What the last line of `code` printed, as JSON."""
    out = server.run(kernel, code, seconds=90)
    return json.loads(out.strip().splitlines()[-1])


LOOP = """
import asyncio, httpx, requests
cred = credmagic.use('crm')
auth = cred.auth()                       # one object for the whole cell
there = httpx.Client(auth=auth, trust_env=False)
asked, tokens, ends = [], set(), time.time() + 7

async def beside(client):
    return (await client.get(me)).status_code

while time.time() < ends:
    asked.append(requests.get(me, auth=auth, timeout=5).status_code)
    asked.append(there.get(me).status_code)
    async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
        asked += await asyncio.gather(beside(client), beside(client))
    asked.append(requests.get(me, headers={'Authorization': f'Bearer {cred.token}'}, timeout=5).status_code)
    tokens.add(str(cred['access_token']))
    time.sleep(0.2)
print(json.dumps([sorted(set(asked)), len(asked), len(tokens)]))
"""


def test_everything_that_carries_the_token_is_renewed_inside_one_cell(server, kernel, provider):
    before = provider.asked[PATH]
    statuses, requests, tokens = told(server, kernel, LOOP)
    assert statuses == [200]
    assert requests > 50
    assert tokens >= 4
    assert provider.asked[PATH] - before == tokens


def test_a_provider_that_is_away_for_a_moment_ends_no_cell(server, kernel, provider):
    """It comes back while the token that is held is still good."""
    provider.life = 6
    server.run(kernel, "cred = credmagic.use('crm'); first = str(cred.token)")
    provider.faults[PATH] = html_error()
    time.sleep(4.8)
    assert told(server, kernel, "print(json.dumps(cred.token == first))") is True
    provider.faults.clear()
    time.sleep(1.5)
    asked = "import requests\nprint(json.dumps([cred.token == first, requests.get(me, auth=cred.auth()).status_code]))"
    assert told(server, kernel, asked) == [False, 200]


def test_a_clock_that_was_set_back_keeps_no_token_alive(server, kernel, provider):
    moved = "real = time.time; time.time = lambda: real() - 86400"
    code = f"cred = credmagic.use('crm'); {moved}\ntime.sleep(2.5); found = cred.token; time.time = real\n"
    found = told(
        server, kernel, code + "import requests\nprint(json.dumps(requests.get(me, auth=cred.auth()).status_code))"
    )
    assert found == 200


def test_a_variable_is_renewed_before_the_next_cell(server, kernel, provider):
    said = server.run(kernel, "%cred use crm --export\nos.environ['CRM_ACCESS_TOKEN'] == credmagic.use('crm').token")
    assert "the token ends" in said
    assert "renewed before each cell, inside a long one read cred.token" in said
    time.sleep(LIFE + 0.5)
    shown = "import requests\nbearer = {'Authorization': 'Bearer ' + os.environ['CRM_ACCESS_TOKEN']}\n"
    assert told(server, kernel, shown + "print(requests.get(me, headers=bearer).status_code)") == 200


def test_a_variable_that_cannot_be_renewed_is_said_once_and_the_cell_runs(server, kernel, provider):
    server.run(kernel, "%cred use crm --export")
    provider.clients["app"].client_secret = "changed over there"
    try:
        time.sleep(LIFE + 0.5)
        first, second = (server.run(kernel, "print('it runs')") for _ in range(2))
    finally:
        provider.clients["app"].client_secret = SECRET
    assert '▲ "crm" got no token' in first
    assert "invalid_client" in first
    assert "%cred rotate crm" in first
    assert "it runs" in first
    assert second.strip() == "it runs"
