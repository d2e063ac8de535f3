"""Do tools written for watsonx Orchestrate find a connection in the variables, and is nothing left of it after?"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from credmagic import api
from credmagic.client.credential import Credential
from credmagic.errors import CredmagicError, InvalidCredential, NotUsable
from credmagic.injectors.wxo import WxoInjector
from credmagic.kinds.registry import all_kinds, find_kind
from credmagic.testing.fixtures import require
from credmagic.wiring import local_client

PYTHON = os.environ.get("CREDMAGIC_TEST_ORCHESTRATE_PYTHON", "")
"""A Python that has ibm-watsonx-orchestrate; it needs other versions than ours, so it lives in a venv of its own."""

READ = """
import json, sys
from ibm_watsonx_orchestrate.run import connections
how, app_id = sys.argv[1:]
scheme = connections.connection_type(app_id)
print(json.dumps([getattr(scheme, "value", scheme), dict(getattr(connections, how)(app_id))]))
"""


@pytest.fixture
def client(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    found = local_client()
    monkeypatch.setattr(api, "client", lambda remote="": found)
    yield found
    found.close()


@pytest.fixture
def connect(client):
    """`connect("my-app", "basic", user=…)`: a connection that is configured in draft and has its credential."""

    def make(app_id: str, kind: str, settings: dict | None = None, **fields: str):
        client.call("connection_add", app_id=app_id)
        client.call(
            "connection_configure",
            app_id=app_id,
            environment="draft",
            kind=kind,
            sharing="team",
            settings=settings or {},
        )
        client.call("connection_set_credentials", app_id=app_id, environment="draft", fields=fields)
        return api.use(app_id, "draft")

    return make


def wxo() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.startswith("WXO_")}


def inject(client, *credentials) -> WxoInjector:
    injector = WxoInjector()
    for credential in credentials:
        injector.apply(credential, **injector.asks(client.call, credential))
    return injector


CASES = [
    ("basic", {"user": "bob", "password": "pw-12345"}, "basic_auth", {"username": "bob", "password": "pw-12345"}),
    ("bearer", {"token": "tok-12345"}, "bearer_token", {"token": "tok-12345"}),
    ("api_key", {"api_key": "key-12345"}, "api_key_auth", {"api_key": "key-12345"}),
    ("oauth", {"token": "acc-12345"}, "oauth2", {"access_token": "acc-12345"}),
    ("key_value", {"A-b": "1234", "c.d": "2345"}, "key_value_creds", {"A-b": "1234", "c.d": "2345"}),
]


@pytest.mark.parametrize(("kind", "fields", "scheme", "expected"), CASES)
def test_the_variables_are_those_of_the_scheme_and_go_again(client, connect, kind, fields, scheme, expected) -> None:
    credential = connect("My-app", kind, **fields)
    with inject(client, credential):
        values = {f"WXO_CONNECTION_My_app_{name}": value for name, value in expected.items()}
        assert wxo() == {"WXO_SECURITY_SCHEMA_My_app": scheme, **values}
    assert wxo() == {}


@pytest.mark.parametrize(("kind", "fields", "scheme", "expected"), CASES)
def test_the_real_library_reads_them(client, connect, kind, fields, scheme, expected) -> None:
    require("ibm-watsonx-orchestrate (CREDMAGIC_TEST_ORCHESTRATE_PYTHON)", PYTHON)
    url = "https://service.example"
    settings = {"server_url": url, "custom_config_entries": {"region": "eu"}}
    credential = connect("my-app", kind, settings if kind != "key_value" else None, **fields)
    how = {"oauth2": "oauth2_auth_code", "key_value_creds": "key_value"}.get(scheme, scheme)
    with inject(client, credential):
        done = subprocess.run([PYTHON, "-c", READ, how, "my-app"], capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr[-2000:]
    found_scheme, found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found_scheme == scheme
    custom = {"region": "eu"} if kind != "key_value" else None
    assert {key: value for key, value in found.items() if value is not None} == {
        **expected, **({"url": url, "custom_configuration": custom} if custom else {}),
    }  # fmt: skip


SCHEMES = {
    "basic_auth": {"basic"},
    "bearer_token": {"bearer", "machine_login", "conductor_access_key", "tableau_access_token"},
    "api_key_auth": {"api_key"},
    "key_value_creds": {"key_value", "database", "s3", "azure", "ssh_key", "databricks_access_token_account"},
}


def test_every_kind_has_the_scheme_of_the_table() -> None:
    """All others are tokens of OAuth."""
    for cls in all_kinds():
        expected = next((scheme for scheme, kinds in SCHEMES.items() if cls.kind in kinds), "oauth2")
        assert cls.runtime_scheme == expected, cls.kind


def test_a_token_is_all_that_is_handed_over_of_an_oauth_kind() -> None:
    fields = {
        "client_id": "c",
        "token_url": "https://i.example/t",
        "access_token": "acc",
        "token_expires_at": "2030-01-01",
    }
    assert find_kind("oauth_client_credentials").runtime(fields) == {"access_token": "acc"}
    assert find_kind("machine_login").runtime({"login_url": "https://x", "token": "jwt"}) == {"token": "jwt"}


def test_a_database_has_its_url_too() -> None:
    made = find_kind("database").parse(
        {"dialect": "postgresql", "host": "h", "database": "d", "user": "u", "password": "p/w"}
    )
    values = find_kind("database").runtime(made.flatten())
    assert values["database_url"].endswith("u:p%2Fw@h:5432/d")
    assert values["host"] == "h"


def test_a_token_that_is_not_there_is_not_handed_over_empty(client, connect) -> None:
    """The library would end the process."""
    credential = connect("app", "basic", user="u", password="pw-12345")
    fields = {**credential._resolved, "fields": {"user": "u", "password": ""}}
    with pytest.raises(NotUsable):
        inject(client, Credential.from_resolved(fields))
    assert wxo() == {}


def test_custom_entries_and_masks(client, connect) -> None:
    settings = {"server_url": "https://x.example", "custom_config_entries": {"region": "eu"}}
    credential = connect("my-app", "basic", settings, user="bob", password="pw-12345")
    with inject(client, credential):
        assert wxo()["WXO_CONNECTION_CUSTOM_my_app_region"] == "eu"
        assert wxo()["WXO_CONNECTION_my_app_url"] == "https://x.example"


@pytest.mark.parametrize("order", [("my", "my-app"), ("my-app", "my")])
def test_pairs_that_would_swallow_another_connection_are_refused(client, connect, order) -> None:
    made = {
        "my": connect("my", "key_value", A="1234"),
        "my-app": connect("my-app", "basic", user="bob", password="pw-12345"),
    }
    first, second = (made[name] for name in order)
    with inject(client, first):
        before = wxo()
        with pytest.raises(InvalidCredential, match=order[0].replace("-", "_")):
            inject(client, second)
        assert wxo() == before


def test_what_is_no_connection_is_not_handed_over(client, connect) -> None:
    client.call("create", name="plain", kind="basic", fields={"user": "u", "password": "pw-12345"}, verify=False)
    with pytest.raises(CredmagicError) as refused:
        inject(client, api.use("plain", "draft"))
    assert "connection" in str(refused.value)
    assert wxo() == {}


def test_a_credential_of_another_kind_is_refused(client, connect) -> None:
    client.call("connection_add", app_id="app")
    client.call("connection_configure", app_id="app", environment="draft", kind="bearer", sharing="team")
    client.call("create", name="app", kind="basic", fields={"user": "u", "password": "pw-12345"}, verify=False,
                environment="draft")  # fmt: skip
    with pytest.raises(InvalidCredential, match="not configured for"):
        inject(client, api.use("app", "draft"))
    assert wxo() == {}
