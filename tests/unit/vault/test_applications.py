"""Applications: what is kept of them, and what do their roles mean here?"""

from __future__ import annotations

import json
import uuid

import pytest

from credmagic.errors import Conflict, CredentialNotFound, InvalidCredential, NotSignedIn
from credmagic.vault import applications
from credmagic.vault.audit import Caller
from credmagic.vault.sign_in import sign_in
from credmagic.vault.vault import Vault

MACHINE = Caller("machine", peer="127.0.0.1")


def test_an_application_is_read_back_as_it_was_made(act) -> None:
    made = act("app_add", name="Nightly ETL")

    assert str(uuid.UUID(made["id"])) == made["id"]
    assert made == act("app", ref=made["id"]) == act("app", ref="nightly etl") == act("apps")["apps"][0]
    assert (made["role"], made["roles"], made["tags"], made["status"]) == ("Contributor", [], [], "active")
    assert made["created_by"] == made["updated_by"] == "laptop owner"
    assert made["created_at"] == act("machines")["machines"][0]["created"]


@pytest.mark.parametrize("role", applications.ROLES)
def test_admin_is_admin_and_every_other_role_contributes(act, role) -> None:
    act("app_add", name="etl")
    changed = act("app_update", ref="etl", roles=[role])

    assert changed["roles"] == [role]
    assert changed["role"] == ("Admin" if role == "ADMIN" else "Contributor")
    assert act("app_update", ref="etl", roles=[])["role"] == "Contributor"


def test_what_is_not_given_stays(act) -> None:
    act("app_add", name="etl", roles=["WORKER", "ADMIN", "WORKER"])
    act("app_update", ref="etl", tags=[{"key": "team", "type": "METADATA", "value": "data"}, {"key": "x", "value": ""}])
    changed = act("app_update", ref="etl", name="renamed")

    assert changed["roles"] == ["WORKER", "ADMIN"]
    assert [tag["key"] for tag in changed["tags"]] == ["team", "x"]
    assert changed["updated_at"] > changed["created_at"]
    assert act("app_update", ref="renamed", tags=[])["tags"] == []
    with pytest.raises(CredentialNotFound):
        act("app", ref="etl")


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("app_add", {"name": ""}),
        ("app_add", {"name": " "}),
        ("app_add", {"name": "a\nb"}),
        ("app_add", {"name": "x" * 300}),
        ("app_add", {"name": 7}),
        ("app_add", {"name": "new", "roles": ["OWNER"]}),
        ("app_add", {"name": "new", "roles": "ADMIN"}),
        ("app_update", {"ref": "etl", "roles": ["admin"]}),
        ("app_update", {"ref": "etl", "roles": [1]}),
        ("app_update", {"ref": "etl", "tags": [{"key": "a"}]}),
        ("app_update", {"ref": "etl", "tags": [{"key": "a", "value": 1}]}),
        ("app_update", {"ref": "etl", "tags": [{"key": "a", "value": "b", "more": "c"}]}),
        ("app_update", {"ref": "etl", "tags": [{"key": "a", "value": "b" * 257}]}),
        ("app_update", {"ref": "etl", "tags": [{"key": "a", "value": "b"}] * 101}),
        ("app_update", {"ref": "etl", "tags": ["a"]}),
        ("app_update", {"ref": "etl", "tags": {"key": "a", "value": "b"}}),
        ("app_update", {"ref": "etl", "name": ""}),
    ],
)
def test_bad_input_changes_nothing(act, action, params) -> None:
    act("app_add", name="etl")
    before = act("apps")

    with pytest.raises(InvalidCredential) as refused:
        act(action, **params)

    assert refused.value.errors
    assert act("apps") == before


def test_one_that_is_not_there_is_said_with_what_is_close(act) -> None:
    made = act("app_add", name="etl")
    act("machine_add", id="bot", password="a-good-password")

    for ref in ("nobody", "", made["id"][:-1] + "x", "bot"):
        for action in ("app", "app_remove"):
            with pytest.raises(CredentialNotFound) as refused:
                act(action, ref=ref)
            assert "app list" in refused.value.next_step
    assert act("machines")["machines"][-1]["id"] == "bot"


def test_two_of_one_name_are_told_apart_by_id(act) -> None:
    first, second = act("app_add", name="etl"), act("app_add", name="ETL")
    with pytest.raises(Conflict, match="several"):
        act("app", ref="etl")
    assert act("app_remove", ref=second["id"])["removed"]["id"] == second["id"]
    assert act("app", ref="etl")["id"] == first["id"]


def test_nobody_signs_in_as_an_application_by_password(vault: Vault, act, canary: str) -> None:
    made = act("app_add", name="etl")
    for password in ("", canary, "etl", made["id"]):
        with pytest.raises(NotSignedIn) as refused:
            sign_in(vault, MACHINE, made["id"], password)
        assert refused.value.code == "bad_credentials"
    assert canary[:24] not in json.dumps(act("audit"))


def test_one_with_credentials_of_its_own_goes_only_if_forced(vault: Vault, act) -> None:
    act("app_add", name="etl")
    key = act("key_create", ref="etl")
    principal = sign_in(vault, MACHINE, key["id"], key["secret"]).identity.principal
    app = Caller("machine", principal=principal)
    act("create", name="mine", kind="bearer", fields={"token": "tok-12345"}, verify=False, by=app)

    with pytest.raises(Conflict, match="1 credentials") as refused:
        act("app_remove", ref="etl")
    assert "app rm" in refused.value.next_step
    assert act("app_remove", ref="etl", force=True)["credentials"] == 1
    assert act("apps")["apps"] == []
