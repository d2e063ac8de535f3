"""Machine identities: who may make them, and what becomes of their passwords?"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import uuid
from pathlib import Path

import pytest

from credmagic.crypto import password_hash
from credmagic.errors import (
    AccessDenied,
    Conflict,
    CredentialNotFound,
    InvalidCredential,
    NotSignedIn,
    RateLimited,
    SealBroken,
)
from credmagic.vault.audit import Caller
from credmagic.vault.sign_in import sign_in
from credmagic.vault.vault import Vault
from vault_principals import another


def signed_in(vault: Vault, ident: str, password: str) -> bytes:
    """The principal that id and password prove."""
    found = sign_in(vault, Caller("machine"), ident, password).identity.principal
    assert found
    return found


def test_what_is_left_out_is_made(act) -> None:
    made = act("machine_add")

    assert str(uuid.UUID(made["id"])) == made["id"]
    assert made["name"] == f"machine-user-{made['id']}"
    assert (made["role"], made["status"], made["email"]) == ("Contributor", "active", None)
    assert re.fullmatch(r"[A-Za-z0-9_-]{64}", made["password"])


def test_a_password_is_kept_as_a_hash_alone(vault: Vault, act, home: Path, canary: str) -> None:
    made = act("machine_add", id="etl", password=canary)

    assert "password" not in made
    seen = [made, act("machines"), act("audit"), act("status")]
    assert canary[:24] not in json.dumps(seen)
    assert canary.encode() not in b"".join(path.read_bytes() for path in (home / "data").iterdir())
    phc = password_hash.hash_password(vault.keyset, canary)
    assert phc.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert password_hash.is_password(vault.keyset, phc, canary)
    assert not password_hash.is_password(vault.keyset, phc, canary + "x")


def test_a_new_password_ends_the_old_one(vault: Vault, act) -> None:
    act("machine_add", id="etl", password="first-password")
    principal = signed_in(vault, "etl", "first-password")
    changed = act("machine_set_password", ref="etl")

    assert signed_in(vault, "etl", changed["password"]) == principal
    for ident, password in (("etl", "first-password"), ("nobody", "first-password")):
        with pytest.raises(NotSignedIn):
            signed_in(vault, ident, password)


def test_pausing_ends_what_it_does_at_once(vault: Vault, act) -> None:
    act("machine_add", id="etl", password="a-good-password")
    by = Caller("browser", principal=signed_in(vault, "etl", "a-good-password"))
    assert act("list", by=by)["credentials"] == []

    assert act("machine_pause", ref="etl")["status"] == "paused"
    with pytest.raises(NotSignedIn):
        act("list", by=by)
    with pytest.raises(NotSignedIn):
        signed_in(vault, "etl", "a-good-password")
    assert act("machine_resume", ref="etl")["status"] == "active"
    assert act("list", by=by)["credentials"] == []
    act("machine_remove", ref="etl")
    with pytest.raises(NotSignedIn):
        act("list", by=by)


def test_each_change_is_in_the_audit_log(act) -> None:
    act("machine_add", id="etl", password="a-good-password")
    act("machine_set_password", ref="etl", password="another-password")
    act("machine_pause", ref="etl")
    act("machine_resume", ref="etl")
    act("machine_remove", ref="etl")

    actions = [event["action"] for event in act("audit")["events"]]
    assert actions[:5] == [
        "principal.remove", "principal.active", "principal.paused", "principal.password", "principal.create",
    ]  # fmt: skip


def test_a_forged_role_or_status_signs_nobody_in(vault: Vault, act, home: Path) -> None:
    bot = another(vault, "bot", "Contributor", "machine")
    for change in ("role = 'Admin'", "status = 'paused'"):
        with sqlite3.connect(home / "data" / "credmagic.db") as raw:
            raw.execute(f"UPDATE principals SET {change} WHERE type = 'machine'")
        raw.close()
        with pytest.raises(SealBroken):
            act("list", by=bot)


def test_through_a_port_a_made_password_travels_sealed_only(vault: Vault, act) -> None:
    admin = another(vault, "boss", "Admin", "machine")
    for by, reveal in ((Caller("browser", principal=admin.principal), False), (Caller("kernel", kernel_id="k"), True)):
        made = act("machine_add", by=by, reveal=reveal)
        assert "password" not in made
        assert made["reveal_id"]


@pytest.mark.parametrize("role", ["member", "Contributor"])
def test_others_manage_no_machines(vault: Vault, act, role: str) -> None:
    act("machine_add", id="etl", password="a-good-password")
    who = another(vault, "eve", role, "user" if role == "member" else "machine")
    for action in ("machine_pause", "machine_remove", "machine_set_password"):
        with pytest.raises(AccessDenied):
            act(action, ref="etl", by=who)
    assert signed_in(vault, "etl", "a-good-password")
    assert "etl" in [one["id"] for one in act("machines", by=who)["machines"]]


def test_a_machine_goes_with_its_own_credentials_only_if_forced(vault: Vault, act) -> None:
    bot = another(vault, "bot", "Contributor", "machine")
    act("create", name="mine", kind="bearer", fields={"token": "tok-12345"}, verify=False, by=bot)
    with pytest.raises(CredentialNotFound):
        act("show", ref="mine")

    with pytest.raises(Conflict, match="1 credentials"):
        act("machine_remove", ref="bot")
    assert act("machine_remove", ref="bot", force=True)["credentials"] == 1
    assert act("machines")["machines"] == []


@pytest.mark.parametrize(
    ("action", "params", "error"),
    [
        ("machine_add", {"id": "a b"}, InvalidCredential),
        ("machine_add", {"id": ""}, InvalidCredential),
        ("machine_add", {"role": "admin"}, InvalidCredential),
        ("machine_add", {"password": "elevenchars"}, InvalidCredential),
        ("machine_add", {"name": "a\nb"}, InvalidCredential),
        ("machine_add", {"id": "etl", "password": "long-enough-1"}, Conflict),
        ("machine_set_password", {"ref": "etl", "password": "tiny-pw"}, InvalidCredential),
        ("machine_set_password", {"ref": "etk", "password": "long-enough-1"}, CredentialNotFound),
        ("machine_pause", {"ref": "etk"}, CredentialNotFound),
        ("machine_remove", {"ref": ""}, CredentialNotFound),
    ],
)
def test_bad_input_changes_nothing(vault: Vault, act, action, params, error) -> None:
    another(vault, "etl", "Contributor", "machine")
    before = act("machines")

    with pytest.raises(error) as refused:
        act(action, **params)

    assert refused.value.next_step or refused.value.errors
    assert act("machines") == before
    assert params.get("password", "-" * 20) not in str(refused.value)


def test_a_full_name_will_do_where_only_one_has_it(act) -> None:
    act("machine_add", id="a1", name="Nightly", password="long-enough-1")
    assert act("machine_pause", ref="nightly")["id"] == "a1"
    act("machine_add", id="a2", name="Nightly", password="long-enough-1")
    with pytest.raises(Conflict):
        act("machine_pause", ref="nightly")


def test_more_than_eighteen_at_once_are_turned_away(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_hash, "_admitted", threading.BoundedSemaphore(1))
    with password_hash._turn(), pytest.raises(RateLimited):
        password_hash.hash_password(vault.keyset, "whatever it is")
    assert password_hash.hash_password(vault.keyset, "whatever it is")
