"""Signing in: who gets a token, what does it say, and when does it end?"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from credmagic.crypto import jwt
from credmagic.errors import CredmagicError, NotSignedIn
from credmagic.values import SecretStr
from credmagic.vault import sign_in as module
from credmagic.vault.audit import Caller
from credmagic.vault.sign_in import issue_for_user, sign_in, who
from credmagic.vault.vault import Vault

MACHINE = Caller("machine", peer="192.0.2.7", request_id="r1")
PASSWORD = "a-good-password"


@pytest.fixture
def key(act) -> dict[str, Any]:
    """A key of the application `etl`."""
    act("app_add", name="etl")
    made: dict[str, Any] = act("key_create", ref="etl")
    return made


def said(token: str) -> dict[str, Any]:
    """The claims of a token."""
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def refusal(vault: Vault, token: str) -> str:
    """The code with which a token is refused; empty when it is believed."""
    try:
        who(vault, token)
    except NotSignedIn as error:
        return error.code
    return ""


# ── what one gets ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_key_is_exchanged_for_a_token_that_says_who_asked(vault: Vault, act, key) -> None:
    got = sign_in(vault, MACHINE, key["id"], key["secret"])
    identity = who(vault, got.token)

    assert identity == got.identity
    assert (identity.name, identity.role, identity.plane, identity.key_id) == ("etl", "Contributor", "M", key["id"])
    assert identity.ident == act("app", ref="etl")["id"]
    assert act("list", by=Caller("machine", principal=identity.principal)) == {"credentials": [], "next": None}


def test_a_password_is_exchanged_too(vault: Vault, act) -> None:
    act("machine_add", id="bot", name="Nightly", role="Admin", password=PASSWORD)
    identity = who(vault, sign_in(vault, MACHINE, "bot", PASSWORD).token)

    assert (identity.ident, identity.name, identity.role, identity.key_id) == ("bot", "Nightly", "Admin", "")


@pytest.mark.parametrize(("minutes", "life"), [(15, 900), (60, 3600), (1, 60), (0, 60), (-5, 60), (10_000, 3600)])
def test_a_token_lives_a_minute_to_an_hour(vault: Vault, key, minutes, life) -> None:
    before = int(time.time())
    got = sign_in(vault, MACHINE, key["id"], key["secret"], minutes)
    claims = said(got.token)

    assert claims["exp"] - claims["iat"] == life
    assert claims["exp"] == got.expires_at
    assert before <= claims["iat"] == claims["nbf"] <= time.time()


def test_two_tokens_are_never_the_same(vault: Vault, key) -> None:
    assert len({sign_in(vault, MACHINE, key["id"], key["secret"]).token for _ in range(20)}) == 20


def test_a_token_is_not_shown_by_accident(vault: Vault, key, act) -> None:
    got = sign_in(vault, MACHINE, key["id"], key["secret"])

    assert isinstance(got.token, SecretStr)
    shown = repr(got) + repr(got.token) + json.dumps(act("audit")) + json.dumps(act("keys", ref="etl"))
    assert str.__str__(got.token) not in shown
    assert got.token.split(".")[2] not in shown


def test_a_token_says_nothing_of_names_and_secrets(vault: Vault, key) -> None:
    claims = said(sign_in(vault, MACHINE, key["id"], key["secret"]).token)

    assert claims.keys() == jwt.CLAIMS.keys()
    assert "etl" not in json.dumps(claims)
    assert key["secret"] not in json.dumps(claims)


# ── who gets none ────────────────────────────────────────────────────────────────────────────────────────────
def test_every_cause_has_the_same_answer(vault: Vault, act, key) -> None:
    act("machine_add", id="bot", password=PASSWORD)
    act("machine_add", id="resting", password=PASSWORD)
    act("machine_pause", ref="resting")
    paused = act("key_create", ref="etl")
    act("key_pause", key_id=paused["id"])
    answers = []
    for number, (ident, secret) in enumerate(
        [
            (key["id"], "cms_" + "a" * 49), (key["id"], ""), ("cmk_" + "a" * 20, key["secret"]), (paused["id"], paused["secret"]),
            ("bot", "wrong-password"), ("nobody", PASSWORD), ("resting", PASSWORD), ("", ""), ("bot", "x" * 100_000),
            (key["secret"], key["id"]), ("\ud800", "\ud800"), ("cmk_\ud800", "\ud800"), (None, None), (7, ["x"]),
        ]
    ):  # fmt: skip
        with pytest.raises(NotSignedIn) as refused:
            sign_in(vault, Caller("machine", peer=f"192.0.2.{number}"), ident, secret)  # type: ignore[arg-type]
        answers.append(refused.value.to_json())
        assert refused.value.__context__ is None

    assert answers == [answers[0]] * len(answers)
    assert answers[0]["code"] == "bad_credentials"


def test_issues_and_denials_are_in_the_audit_log(vault: Vault, act, key) -> None:
    sign_in(vault, MACHINE, key["id"], key["secret"])
    with pytest.raises(NotSignedIn):
        sign_in(vault, MACHINE, key["id"], "cms_wrong")

    denied, issued = act("audit")["events"][:2]
    assert (issued["action"], issued["outcome"], issued["plane"]) == ("token.issue", "ok", "machine")
    assert (denied["action"], denied["outcome"]) == ("token.deny", "refused")
    assert "cms_wrong" not in json.dumps(act("audit"))


def test_no_token_leaves_before_the_log_knows_of_it(vault: Vault, key, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise CredmagicError("the disk is full")

    monkeypatch.setattr(jwt, "issue", lambda *args, **how: pytest.fail("a token was made"))
    monkeypatch.setattr("credmagic.vault.vault.append", full)

    with pytest.raises(CredmagicError, match="full"):
        sign_in(vault, MACHINE, key["id"], key["secret"])


# ── when it ends ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("key_pause", {"key_id": None}),
        ("key_remove", {"key_id": None}),
        ("app_remove", {"ref": "etl"}),
        ("app_update", {"ref": "etl", "roles": ["ADMIN"]}),
        ("machine_pause", {"ref": "etl"}),
    ],
)
def test_what_ends_a_key_or_changes_its_role_ends_its_tokens(vault: Vault, act, key, action, params) -> None:
    token = sign_in(vault, MACHINE, key["id"], key["secret"], 60).token
    assert refusal(vault, token) == ""

    act(action, **{name: value or key["id"] for name, value in params.items()})

    assert refusal(vault, token) == "token_invalid"


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (("key_pause", {"key_id": None}), ("key_resume", {"key_id": None})),
        (("machine_pause", {"ref": "etl"}), ("machine_resume", {"ref": "etl"})),
        (("app_update", {"ref": "etl", "roles": ["ADMIN"]}), ("app_update", {"ref": "etl", "roles": []})),
    ],
)
def test_a_token_that_was_ended_never_comes_back(vault: Vault, act, key, there, back) -> None:
    token = sign_in(vault, MACHINE, key["id"], key["secret"], 60).token

    for action, params in (there, back):
        act(action, **{name: key["id"] if value is None else value for name, value in params.items()})

    assert refusal(vault, token) == "token_invalid"
    assert refusal(vault, sign_in(vault, MACHINE, key["id"], key["secret"]).token) == ""


def test_a_new_password_and_a_pause_end_a_machines_tokens(vault: Vault, act) -> None:
    act("machine_add", id="bot", password=PASSWORD)
    tokens = [sign_in(vault, MACHINE, "bot", PASSWORD).token]
    act("machine_set_password", ref="bot", password=PASSWORD)
    tokens.append(sign_in(vault, MACHINE, "bot", PASSWORD).token)
    assert [refusal(vault, token) for token in tokens] == ["token_invalid", ""]

    act("machine_pause", ref="bot")
    act("machine_resume", ref="bot")
    assert [refusal(vault, token) for token in tokens] == ["token_invalid", "token_invalid"]


@pytest.mark.parametrize(
    "params", [{"name": "renamed"}, {"tags": [{"key": "a", "value": "b"}]}, {"roles": ["WORKER"]}], ids=str
)
def test_a_new_name_tag_or_role_of_the_same_weight_ends_nothing(vault: Vault, act, key, params) -> None:
    token = sign_in(vault, MACHINE, key["id"], key["secret"]).token
    act("app_update", ref="etl", **params)
    assert refusal(vault, token) == ""


def test_one_key_may_end_while_the_other_goes_on(vault: Vault, act, key) -> None:
    other = act("key_create", ref="etl")
    tokens = [sign_in(vault, MACHINE, one["id"], one["secret"]).token for one in (key, other)]
    act("key_remove", key_id=key["id"])
    assert [refusal(vault, token) for token in tokens] == ["token_invalid", ""]


def test_time_ends_it_half_a_minute_late_at_most(vault: Vault, key, monkeypatch: pytest.MonkeyPatch) -> None:
    got = sign_in(vault, MACHINE, key["id"], key["secret"])
    codes = []
    for late in (-1, 0, 29, 30, 31, 10_000):
        monkeypatch.setattr(module.time, "time", lambda late=late: got.expires_at + late)
        codes.append(refusal(vault, got.token))

    assert codes == ["", "", "", "token_expired", "token_expired", "token_expired"]


def test_a_token_lives_over_the_change_of_signing_keys(vault: Vault, key, monkeypatch: pytest.MonkeyPatch) -> None:
    edge = (int(time.time()) // jwt.PERIOD + 1) * jwt.PERIOD
    monkeypatch.setattr(module.time, "time", lambda: edge - 10)
    before = sign_in(vault, MACHINE, key["id"], key["secret"]).token
    monkeypatch.setattr(module.time, "time", lambda: edge + 10)
    after = sign_in(vault, MACHINE, key["id"], key["secret"]).token
    assert before.split(".")[0] != after.split(".")[0]
    assert (refusal(vault, before), refusal(vault, after)) == ("", "")

    monkeypatch.setattr(module.time, "time", lambda: edge - 5)  # a machine whose clock is behind
    assert refusal(vault, after) == ""


# ── a person ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_user_gets_a_token_of_the_other_plane(vault: Vault) -> None:
    got = issue_for_user(vault, Caller("browser"))
    identity = who(vault, got.token)

    assert (identity.principal, identity.plane, identity.role, identity.key_id) == (None, "B", "owner", "")
    assert identity.name == "laptop owner"
    assert said(got.token)["exp"] - said(got.token)["iat"] == 3600


def test_another_store_does_not_know_it(vault: Vault, key, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from credmagic.wiring import open_vault

    token = sign_in(vault, MACHINE, key["id"], key["secret"]).token
    monkeypatch.setenv("CREDMAGIC_HOME", str(tmp_path / "elsewhere"))
    elsewhere = open_vault(notify=lambda line: None)
    try:
        assert refusal(elsewhere, token) == "token_invalid"
    finally:
        elsewhere.close()
