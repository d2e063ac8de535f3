"""Access keys: what do they look like, who sees the secret, and how many are there?"""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credmagic.crypto.entry import new_entry_key, open_entry, reveal_info
from credmagic.errors import AccessDenied, Conflict, CredentialNotFound, NotFound, NotSignedIn, SealBroken
from credmagic.store.rows import AccessKeyRow
from credmagic.vault import access_keys
from credmagic.vault.audit import Caller
from credmagic.vault.sign_in import sign_in
from credmagic.vault.vault import Vault
from vault_principals import another

MACHINE = Caller("machine", peer="127.0.0.1")


# ── the format ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_key_has_the_form_that_is_promised() -> None:
    for _ in range(200):
        assert re.fullmatch(r"cmk_[a-z2-7]{20}", access_keys.new_id())
        secret = access_keys.new_secret()
        assert re.fullmatch(r"cms_[0-9A-Za-z]{49}", secret)
        assert access_keys.is_secret(secret)


def test_no_two_keys_are_alike() -> None:
    assert len({access_keys.new_id() for _ in range(500)} | {access_keys.new_secret() for _ in range(500)}) == 1000


@given(at=st.integers(0, 52), other=st.sampled_from(string.digits + string.ascii_letters + "_-é "))
def test_one_wrong_character_is_seen(at: int, other: str) -> None:
    secret = access_keys.new_secret()
    wrong = secret[:at] + other + secret[at + 1 :]
    assert access_keys.is_secret(wrong) == (wrong == secret)


@given(at=st.integers(4, 51))
def test_two_exchanged_characters_are_seen(at: int) -> None:
    secret = access_keys.new_secret()
    wrong = secret[:at] + secret[at + 1] + secret[at] + secret[at + 2 :]
    assert access_keys.is_secret(wrong) == (wrong == secret)


@given(text=st.text(max_size=60))
def test_other_text_is_no_secret(text: str) -> None:
    assert not access_keys.is_secret(text)
    assert not access_keys.is_secret("cms_" + text[:48])


@given(drawn=st.text(alphabet=string.digits + string.ascii_letters, min_size=43, max_size=43))
def test_a_checksum_is_six_characters_whatever_was_drawn(drawn: str) -> None:
    assert re.fullmatch(r"[0-9A-Za-z]{6}", access_keys.checksum(drawn))
    assert access_keys.is_secret("cms_" + drawn + access_keys.checksum(drawn))


# ── the secret ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_secret_is_told_once_and_kept_as_a_hash(vault: Vault, act, home: Path) -> None:
    act("app_add", name="etl")
    made = act("key_create", ref="etl")

    later = [act("keys", ref="etl"), act("apps"), act("audit"), act("machines"), act("key_owner", key_id=made["id"])]
    assert made["secret"] not in json.dumps(later)
    stored = b"".join(path.read_bytes() for path in (home / "data").iterdir())
    assert made["secret"].encode() not in stored
    assert made["id"].encode() not in stored
    assert sign_in(vault, MACHINE, made["id"], made["secret"]).identity.key_id == made["id"]


def test_for_a_browser_the_secret_travels_sealed_and_once(vault: Vault, act) -> None:
    act("app_add", name="etl")
    private, public = new_entry_key()
    page, kernel = base64.urlsafe_b64encode(public).decode().rstrip("="), Caller("kernel", kernel_id="k")
    made = act("key_create", ref="etl", reveal=True, by=kernel)
    answer = act("reveal", reveal_id=made["reveal_id"], public_key=page, by=kernel)

    sealed = base64.urlsafe_b64decode(answer["sealed"] + "==")
    secret = open_entry(private, sealed, reveal_info(made["reveal_id"]))["secret"]
    assert sign_in(vault, MACHINE, made["id"], secret).identity.name == "etl"
    assert secret not in json.dumps([made, answer])
    with pytest.raises(NotFound):
        act("reveal", reveal_id=made["reveal_id"], public_key=page, by=kernel)


# ── its life ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def key(act) -> dict[str, Any]:
    """A key of the application `etl`."""
    act("app_add", name="etl")
    made: dict[str, Any] = act("key_create", ref="etl")
    return made


def opens(vault: Vault, key: dict[str, Any]) -> bool:
    """Whether the key signs in."""
    try:
        return bool(sign_in(vault, MACHINE, key["id"], key["secret"]))
    except NotSignedIn:
        return False


def test_a_paused_key_opens_nothing_until_it_is_resumed(vault: Vault, act, key) -> None:
    assert opens(vault, key)
    assert act("key_pause", key_id=key["id"])["status"] == "paused"
    assert not opens(vault, key)
    assert act("key_resume", key_id=key["id"])["status"] == "active"
    assert opens(vault, key)


def test_a_deleted_key_opens_nothing_and_is_not_listed(vault: Vault, act, key) -> None:
    assert act("key_remove", key_id=key["id"])["removed"]["id"] == key["id"]
    assert not opens(vault, key)
    assert act("keys", ref="etl")["keys"] == []


def test_two_keys_overlap_and_a_third_is_refused(vault: Vault, act, key) -> None:
    second = act("key_create", ref="etl")
    assert opens(vault, key)
    assert opens(vault, second)
    with pytest.raises(Conflict) as refused:
        act("key_create", ref="etl")
    assert "key list etl" in refused.value.next_step

    act("key_pause", key_id=key["id"])
    third = act("key_create", ref="etl")
    with pytest.raises(Conflict):
        act("key_resume", key_id=key["id"])
    act("key_remove", key_id=third["id"])
    assert act("key_resume", key_id=key["id"])["status"] == "active"


def test_resuming_an_active_key_of_two_is_no_third(act, key) -> None:
    act("key_create", ref="etl")
    assert act("key_resume", key_id=key["id"])["status"] == "active"


def test_a_machine_may_have_keys_beside_its_password(vault: Vault, act) -> None:
    act("machine_add", id="bot", password="a-good-password")
    made = act("key_create", ref="bot")

    assert sign_in(vault, MACHINE, made["id"], made["secret"]).identity.ident == "bot"
    assert act("key_owner", key_id=made["id"])["id"] == "bot"


@pytest.mark.parametrize("action", ["app_remove", "machine_remove"])
def test_keys_go_with_whose_they_are(vault: Vault, act, key, action) -> None:
    act(action, ref="etl")
    assert not opens(vault, key)
    with vault.store.read() as reader:
        assert reader.count(AccessKeyRow) == 0


def test_each_change_is_in_the_audit_log(act, key) -> None:
    for action in ("key_pause", "key_resume", "key_remove"):
        act(action, key_id=key["id"])

    actions = [event["action"] for event in act("audit")["events"]]
    assert actions[:4] == ["access_key.remove", "access_key.active", "access_key.paused", "access_key.create"]


# ── whose it is ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("action", ["key_pause", "key_resume", "key_remove"])
def test_a_key_of_another_application_is_not_there(act, key, action) -> None:
    act("app_add", name="other")
    with pytest.raises(CredentialNotFound) as foreign:
        act(action, key_id=key["id"], ref="other")
    with pytest.raises(CredentialNotFound) as unknown:
        act(action, key_id="cmk_" + "a" * 20, ref="other")

    assert foreign.value.to_json() == unknown.value.to_json()
    assert act("keys", ref="etl")["keys"][0]["status"] == "active"


@pytest.mark.parametrize("ident", ["", "cmk_", "CMK_" + "a" * 20, "etl", "\ud800", "x" * 5000])
def test_no_other_text_names_a_key(act, key, ident) -> None:
    for action in ("key_owner", "key_pause", "key_remove"):
        with pytest.raises(CredentialNotFound):
            act(action, key_id=ident)


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("key_create", {"ref": "etl"}),
        ("key_pause", {}),
        ("key_resume", {}),
        ("key_remove", {}),
        ("app_add", {"name": "mine"}),
        ("app_update", {"ref": "etl", "roles": ["ADMIN"]}),
        ("app_remove", {"ref": "etl"}),
    ],
)
@pytest.mark.parametrize("role", ["member", "Contributor"])
def test_others_manage_no_keys_and_no_applications(vault: Vault, act, key, action, params, role) -> None:
    if action.startswith("key_") and not params:
        params = {"key_id": key["id"]}
    with pytest.raises(AccessDenied):
        act(action, by=another(vault, "eve", role), **params)
    assert opens(vault, key)


def test_a_machine_that_is_admin_manages_them(vault: Vault, act) -> None:
    admin = another(vault, "boss", "Admin")
    assert act("app_add", name="etl", by=admin)["created_by"] == "boss"
    made = act("key_create", ref="etl", by=admin)
    assert opens(vault, made)
    assert act("key_remove", key_id=made["id"], by=admin)


# ── a writer without keys ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("change", ["akv = 7", "principal_id = (SELECT id FROM principals WHERE role = 'Admin')",
                                    "key_ix = x'00'", "revision = 7", "sealed = x'00'", "created_at = 7"])  # fmt: skip
def test_a_key_changed_outside_opens_nothing_more(vault: Vault, act, key, home: Path, change) -> None:
    act("app_add", name="boss", roles=["ADMIN"])
    forge(home, change)
    try:
        assert sign_in(vault, MACHINE, key["id"], key["secret"]).identity.name == "etl"
        assert change.startswith("created_at")  # decides nothing
    except (NotSignedIn, SealBroken):
        assert not change.startswith("created_at")


@pytest.mark.parametrize("change", ["status = 'active'", "status = 'active', revision = 1, akv = 1"])
def test_a_paused_key_is_not_resumed_outside(vault: Vault, act, key, home: Path, change) -> None:
    act("key_pause", key_id=key["id"])
    forge(home, change)
    with pytest.raises(SealBroken):
        sign_in(vault, MACHINE, key["id"], key["secret"])


def forge(home: Path, change: str) -> None:
    """What somebody with an editor for databases does to the key."""
    with sqlite3.connect(home / "data" / "credmagic.db") as raw:
        raw.execute("PRAGMA foreign_keys = OFF")
        raw.execute(f"UPDATE access_keys SET {change}")
    raw.close()
