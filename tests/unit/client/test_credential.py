"""What does code see of a credential, and what does a glance at it show?"""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

from credmagic.client import token
from credmagic.client.credential import Credential, Reference
from credmagic.values import SecretStr

VALUE = "Kanari-77ab12-ß/+&'"


def resolved(**changes: Any) -> dict[str, Any]:
    return {
        "id": "c1", "name": "warehouse", "kind": "database", "kind_version": 1, "version": 3, "environment": "draft",
        "fields": {"dialect": "postgresql", "host": "db.example", "port": 5432, "user": "reporting", "password": VALUE},
        "secret": ["password"], "expires_at": None, **changes,
    }  # fmt: skip


def again(reference: Reference) -> Credential:
    """Stands for `api.resolve_again`: what is stored now is version 4."""
    fields = {**resolved()["fields"], "password": "newer-one"}
    return Credential.from_resolved(resolved(version=reference.version or 4, fields=fields), again=again)


@pytest.fixture
def credential() -> Credential:
    return Credential.from_resolved(resolved(), again=again)


def test_it_is_a_mapping_whose_secrets_are_masked_strings(credential: Credential) -> None:
    as_dict = dict(credential)

    assert as_dict == resolved()["fields"]
    assert type(as_dict["password"]) is SecretStr
    assert repr(as_dict["password"]) == "[warehouse.password]"
    assert type(as_dict["host"]) is str
    assert {**credential} == as_dict
    assert len(credential) == 5
    assert "password" in credential
    assert credential.get("nothing") is None


def test_it_says_what_it_is(credential: Credential) -> None:
    facts = (credential.name, credential.kind, credential.version, credential.id, credential.environment)

    assert facts == ("warehouse", "database", 3, "c1", "draft")
    assert credential.expires_at is None


@pytest.mark.parametrize("known", [{"aliases": {"username": "user"}}, {}])
def test_an_alias_reads_the_same_field(known: dict[str, Any]) -> None:
    """From the answer of the server, else from the kind's class."""
    credential = Credential.from_resolved(resolved(**known))

    assert credential["username"] == "reporting"


@pytest.mark.parametrize("known", [{"aliases": {}}, {}])
def test_an_unknown_field_names_the_closest(known: dict[str, Any]) -> None:
    credential = Credential.from_resolved(resolved(**known))

    with pytest.raises(KeyError, match="did you mean 'password'") as caught:
        credential["pasword"]

    assert VALUE not in str(caught.value)


def test_no_way_of_showing_it_shows_a_value(credential: Credential) -> None:
    bundle, _ = DisplayFormatter().format(credential)
    shown = [
        repr(credential),
        str(credential),
        f"{credential}",
        *bundle.values(),
        repr(dict(credential)),
        repr([credential]),
    ]

    assert "text/html" in bundle
    for text in shown:
        assert VALUE not in text
        assert "reporting" not in text or "dict" not in text
    assert repr(credential) == (
        "<Credential warehouse (database, version 3 draft): dialect, host, port, user, password=[warehouse.password]>"
    )


def test_names_are_escaped_in_html() -> None:
    credential = Credential.from_resolved(resolved(name="<script>alert(1)</script>", aliases={}))

    assert "<script>" not in credential._repr_html_()


def test_it_cannot_be_changed(credential: Credential) -> None:
    attempts = [
        lambda: setattr(credential, "name", "x"),
        lambda: setattr(credential, "password", "x"),
        lambda: credential.__setitem__("password", "x"),  # type: ignore[attr-defined]
        lambda: credential.__delitem__("password"),  # type: ignore[attr-defined]
        lambda: delattr(credential, "_fields"),
    ]

    for attempt in attempts:
        with pytest.raises((AttributeError, TypeError), match=r"read-only.*%cred edit warehouse"):
            attempt()
    with pytest.raises(TypeError, match=r"credmagic\.use"):
        Credential()


def test_variables_come_from_the_answer_or_from_the_kind(credential: Credential) -> None:
    answered = Credential.from_resolved(resolved(environ={"PGPASSWORD": VALUE, "PGHOST": "db.example"}))

    assert answered.environ() == {"PGPASSWORD": VALUE, "PGHOST": "db.example"}
    assert repr(answered.environ()) == "{'PGPASSWORD': [warehouse.PGPASSWORD], 'PGHOST': 'db.example'}"
    assert credential.environ()["PGPASSWORD"] == VALUE
    assert VALUE not in repr(credential.environ())


def test_a_prefix_replaces_the_name_in_the_variables() -> None:
    fields = {"user": "me", "password": VALUE}
    credential = Credential.from_resolved(
        resolved(kind="basic", fields=fields, environ={"WAREHOUSE_USER": "me", "WAREHOUSE_PASSWORD": VALUE})
    )

    assert credential.environ("DW") == {"DW_USER": "me", "DW_PASSWORD": VALUE}


def test_adapters_of_the_kind_are_methods(credential: Credential) -> None:
    url = credential.url()

    assert url.password == VALUE
    assert VALUE not in str(url)
    assert "url" in dir(credential)
    with pytest.raises(AttributeError, match=r"cred\['passwort'\]"):
        credential.passwort


def test_a_map_of_secrets_is_flat_and_masked() -> None:
    credential = Credential.from_resolved(
        resolved(kind="key_value", fields={"A_TOKEN": VALUE, "b-key": "other-value"}, secret=["A_TOKEN", "b-key"])
    )

    assert credential.environ() == {"A_TOKEN": VALUE, "WAREHOUSE_B_KEY": "other-value"}
    assert repr(dict(credential)) == "{'A_TOKEN': [warehouse.A_TOKEN], 'b-key': [warehouse.b-key]}"


def test_a_pickle_is_a_reference_that_resolves_where_it_is_loaded(credential: Credential) -> None:
    """A worker gets the version that is current there, not the one that was current here."""
    data = pickle.dumps(credential)

    assert VALUE.encode() not in data
    assert b"db.example" not in data
    assert pickle.loads(data).version == 4


def test_a_version_that_was_asked_for_stays_that_version() -> None:
    credential = Credential.from_resolved(resolved(version=2), again=again, pinned=True)

    assert pickle.loads(pickle.dumps(credential)).version == 2


def test_copies_are_the_object_itself(credential: Credential) -> None:
    assert copy.copy(credential) is credential
    assert copy.deepcopy([credential])[0] is credential


def test_refresh_brings_the_new_values_into_the_same_object(credential: Credential) -> None:
    assert credential.refresh() is credential
    assert (credential.version, credential["password"]) == (4, "newer-one")


def test_one_that_use_did_not_make_says_so() -> None:
    with pytest.raises(TypeError, match=r"not made by credmagic\.use"):
        Credential.from_resolved(resolved()).refresh()


def test_secrets_inside_lists_and_maps_are_masked_too() -> None:
    fields = {"json": {"deep": [VALUE, 1, None]}}
    credential = Credential.from_resolved(resolved(fields=fields, secret=["json"]))

    assert repr(credential["json"]) == "{'deep': [[warehouse.json], 1, None]}"
    assert VALUE in credential.secrets()["json"]


def test_the_kernel_token_leaves_the_environment_once_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token, "_token", None)
    monkeypatch.setenv("CREDMAGIC_KERNEL_TOKEN", "t-123")

    assert token.take() == "t-123"
    assert token.take() == "t-123"
    assert token.current() == "t-123"
    child = [sys.executable, "-c", "import os; print('CREDMAGIC_KERNEL_TOKEN' in os.environ)"]
    assert subprocess.run(child, env=dict(os.environ), capture_output=True, text=True, check=True).stdout == "False\n"
