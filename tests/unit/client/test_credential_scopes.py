"""A credential that lists several scopes: who gets the token for which?"""

import pickle

import pytest

from credmagic import api
from credmagic.errors import InvalidCredential
from credmagic.testing.fixtures import require
from sdk_clouds import STORAGE, VAULT, stored

try:
    import azure.core
except ImportError:
    azure = None


def scopes(provider):
    return [form["scope"] for form in provider.forms if "scope" in form]


def test_the_first_one_is_the_usual_one(entra, provider):
    assert scopes(provider) == [STORAGE]
    assert api.use("entra", scope=STORAGE).token == entra.token
    assert scopes(provider) == [STORAGE]


def test_another_one_has_a_token_of_its_own_which_is_kept(entra, provider):
    tokens = {api.use("entra", scope=VAULT).token for _ in range(3)}
    assert len(tokens) == 1
    assert tokens != {entra.token}
    assert scopes(provider) == [STORAGE, VAULT]


def test_it_stays_that_one_through_a_refresh_and_a_pickle(entra):
    credential = api.use("entra", scope=VAULT)
    assert credential.refresh().token == credential.token != entra.token
    assert pickle.loads(pickle.dumps(credential)).token == credential.token


def test_the_one_that_was_asked_stays_what_it_is(entra):
    before = entra.token
    assert entra.anew(VAULT).token != before
    assert entra.token == before


def test_one_that_is_not_listed_is_refused_by_name_and_recorded(entra, provider, canary):
    with pytest.raises(InvalidCredential) as caught:
        api.use("entra", scope="https://graph.microsoft.com/.default")
    assert caught.value.message.startswith('"entra": its tokens are for')
    assert caught.value.next_step.endswith("%cred edit entra")
    assert scopes(provider) == [STORAGE]
    events = api.client().call("audit", ref="entra", limit=5)["events"]
    assert [(event["action"], event["outcome"]) for event in events][:1] == [("token", "refused")]


def test_kinds_without_scopes_on_request_say_so(bucket, canary):
    stored("db", "basic", {"user": "u", "password": canary})
    for name in ("db", "bucket"):
        with pytest.raises(InvalidCredential, match="not asked for by scope") as caught:
            api.use(name, scope=STORAGE)
        assert caught.value.next_step == f"Use it without one: %cred use {name}"
        assert canary[:24] not in f"{caught.value.to_json()}"


def test_azure_s_libraries_get_each_of_them(entra, provider):
    require("azure-core", azure)
    credential = entra.azure_credential()
    tokens = [credential.get_token(scope).token for scope in (STORAGE, VAULT, STORAGE)]
    assert tokens[0] == tokens[2] != tokens[1]
    assert all(provider.accepts(token) for token in tokens)
