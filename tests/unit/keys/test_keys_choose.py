"""Where does a new store's key go, and is the second best said aloud?"""

from __future__ import annotations

from pathlib import Path

import keyring.core
import pytest
from keyring.backends import fail

from credmagic import errors
from credmagic.errors import VaultLocked
from credmagic.keys.backoff import check_retry, next_retry, wait_seconds
from credmagic.keys.base import NotAtHand, providers
from credmagic.keys.choose import choose_default
from credmagic.keys.os_keyring import OsKeyring


@pytest.fixture
def undecided(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody said which provider."""
    monkeypatch.delenv("CREDMAGIC_KEY_PROVIDER")
    monkeypatch.setattr(keyring.core, "_keyring_backend", fail.Keyring())


def test_all_built_ins_come_through_the_same_door() -> None:
    assert {"os_keyring", "passphrase", "key_file", "recovery"} <= set(providers.names())


@pytest.mark.parametrize("name", ["key_file", "passphrase", "os_keyring"])
def test_what_was_asked_for_is_taken_without_a_word(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CREDMAGIC_KEY_PROVIDER", name)
    assert choose_default() == (name, None)


def test_an_unknown_provider_is_a_stop_that_names_the_known_ones(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDMAGIC_KEY_PROVIDER", "wallet")
    with pytest.raises(VaultLocked) as caught:
        choose_default()
    assert "key_file" in caught.value.next_step


@pytest.mark.parametrize("variable", ["CREDMAGIC_PASSPHRASE", "CREDMAGIC_PASSPHRASE_FILE"])
def test_a_passphrase_in_the_environment_comes_first(
    undecided: None, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "five random words")
    assert choose_default() == ("passphrase", None)


def test_then_a_keyring_that_answers(undecided: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OsKeyring, "available", lambda self: None)
    assert choose_default() == ("os_keyring", None)


def test_last_a_key_file_with_one_clear_line(undecided: None, home: Path) -> None:
    name, line = choose_default()
    assert name == "key_file"
    assert line is not None
    assert "\n" not in line
    assert str(home / "config" / "credmagic.key") in line
    assert "no OS keyring" in line
    assert line.endswith("credmagic protect passphrase")


def test_not_at_hand_travels_as_a_locked_vault() -> None:
    sent = NotAtHand("none is given", next_step="Give one.").to_json()
    assert type(errors.from_json(sent)) is VaultLocked


def test_five_wrong_tries_cost_nothing_and_then_the_wait_doubles() -> None:
    assert [wait_seconds(n) for n in range(9)] == [0, 0, 0, 0, 0, 30, 60, 120, 240]
    assert wait_seconds(10**9) == 3600


def test_during_the_wait_a_try_is_refused_and_after_it_is_not() -> None:
    now = 1_000_000_000_000
    retry_at = next_retry(5, now)
    assert retry_at - now == 30_000_000
    with pytest.raises(VaultLocked) as caught:
        check_retry(retry_at, now + 1)
    assert caught.value.details == {"retry_after": 30}
    check_retry(retry_at, retry_at)


def test_a_clock_that_was_set_back_does_not_lock_the_owner_out_for_years() -> None:
    check_retry(next_retry(5, 10**16), 0)
