"""`--sdk` in a cell: what is said, how long it lasts, and what ends it."""

import os
import time
import urllib.error

import pytest

from credmagic import api
from credmagic.testing.authorization_server import Client
from sdk_clouds import aws, azure, fetch
from sdk_clouds import provider as provider

SCOPE = "https://storage.azure.com/.default"


def variables():
    return {name for name in os.environ if name.startswith(("AWS_CONTAINER", "IDENTITY_"))}


@pytest.fixture
def lake(cells, canary):
    keys = {"aws_access_key_id": "ASIAEXAMPLE", "aws_secret_access_key": canary, "aws_session_token": canary[::-1]}
    api.client().call("create", name="lake", kind="s3", fields=keys, verify=False)
    return cells


@pytest.fixture
def entra(cells, provider, canary):
    provider.clients["app"] = Client("app", canary, scopes=frozenset({SCOPE}))
    fields = {
        "azure_tenant_id": "t1", "client_id": "app", "client_secret": canary, "authority": provider.url, "scope": SCOPE,
    }  # fmt: skip
    api.client().call("create", name="entra", kind="azure_service_principal", fields=fields, verify=False)
    return cells


def test_it_says_what_is_set_and_until_when(entra, canary):
    shown = entra("%cred use entra --sdk").shown
    assert (
        "renewed by the SDK itself: AZURE_TENANT_ID AZURE_TOKEN_CREDENTIALS IDENTITY_ENDPOINT IDENTITY_HEADER" in shown
    )
    assert "(the first one ends 20" in shown
    assert canary not in shown
    assert azure()[0] == 200


def test_it_stays_from_cell_to_cell_and_the_port_too_when_run_again(lake):
    lake("%cred use lake --sdk")
    before = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    for again in ("1", "%cred use lake --sdk", "%cred reload"):
        assert lake(again).success
        assert os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == before
    assert aws()[0] == 200


def test_no_cell_renews_what_the_sdk_renews_itself(entra, provider):
    provider.life = 1
    entra("%cred use entra --sdk")
    before = provider.asked.total()
    time.sleep(0.7)
    entra("1")
    assert provider.asked.total() == before


def test_a_reload_after_a_pause_takes_it_back(lake):
    lake("%cred use lake --sdk")
    url = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    api.client().call("pause", ref="lake")
    assert "taken back" in lake("%cred reload").shown
    assert variables() == set()
    with pytest.raises(urllib.error.URLError):
        fetch(url)


def test_unloading_takes_it_back(lake):
    lake("%cred use lake --sdk")
    lake.ip.run_line_magic("unload_ext", "credmagic")
    assert variables() == set()


@pytest.mark.parametrize("end", ["", "; 1/0"])
def test_in_a_cell_it_is_there_for_as_long_as_the_cell(lake, end):
    lake("%%cred use lake --sdk\nimport os; url = os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI']" + end)
    assert variables() == set()
    with pytest.raises(urllib.error.URLError):
        fetch(lake("url").result)


def test_it_is_not_bound_to_a_variable_in_a_cell_that_asks_for_the_sdk(lake):
    assert lake("%%cred use lake --sdk\n'lake' in dir()").result is False


def test_keys_that_last_are_refused_and_nothing_is_set(cells, canary):
    fields = {"aws_access_key_id": "AKIALASTS", "aws_secret_access_key": canary}
    api.client().call("create", name="lasting", kind="s3", fields=fields, verify=False)
    shown = cells("%cred use lasting --sdk").shown
    assert "%cred use lasting --export" in shown
    assert canary not in shown
    assert variables() == set()


def test_help_knows_it(cells):
    assert "--sdk" in cells("%cred use --help").shown
