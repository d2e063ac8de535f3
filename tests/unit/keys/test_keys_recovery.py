"""Does the recovery key open what it was printed for, and does a typo say so?"""

from __future__ import annotations

from pathlib import Path

import pytest

from credmagic.errors import VaultLocked
from credmagic.keys.base import NewSlot, NotAtHand
from credmagic.keys.recovery import Recovery
from credmagic.testing.key_provider_suite import KeyProviderSuite
from credmagic.values import SecretStr

STORE, SLOT = bytes(16), bytes(range(16))


class TestConformance(KeyProviderSuite):
    keeps_outside = False

    def secret_for(self, new: NewSlot) -> SecretStr | None:
        return new.shown_once

    @pytest.fixture
    def provider(self, home: Path) -> Recovery:
        return Recovery()


@pytest.fixture
def paper() -> str:
    """A recovery key as it was written down."""
    shown = Recovery().create(STORE, SLOT).shown_once
    assert shown is not None
    return str(shown)


def test_it_may_be_typed_in_small_letters_with_blanks(paper: str) -> None:
    typed = paper.lower().replace("-", " ")
    assert Recovery().unlock(STORE, SLOT, {}, secret=typed) == Recovery().unlock(STORE, SLOT, {}, secret=paper)


@pytest.mark.parametrize("secret", [None, "", "a passphrase of another slot", "0" * 56])
def test_what_is_no_recovery_key_leaves_the_next_slot_its_turn(home: Path, secret: str | None) -> None:
    with pytest.raises(NotAtHand) as caught:
        Recovery().unlock(STORE, SLOT, {}, secret=secret)
    assert caught.value.next_step
    assert not secret or secret not in str(caught.value)


def test_the_variable_and_the_file_open(
    paper: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Recovery().unlock(STORE, SLOT, {}, secret=paper)
    monkeypatch.setenv("CREDMAGIC_RECOVERY_KEY", paper)
    assert Recovery().unlock(STORE, SLOT, {}) == key
    monkeypatch.delenv("CREDMAGIC_RECOVERY_KEY")
    (tmp_path / "paper").write_text(paper + "\n")
    monkeypatch.setenv("CREDMAGIC_RECOVERY_KEY_FILE", str(tmp_path / "paper"))
    assert Recovery().unlock(STORE, SLOT, {}) == key


def test_a_typo_in_the_variable_is_a_stop(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets it wants this key: silence about its typo would leave only the other slot's complaint."""
    monkeypatch.setenv("CREDMAGIC_RECOVERY_KEY", "not one")
    with pytest.raises(VaultLocked) as caught:
        Recovery().unlock(STORE, SLOT, {})
    assert not isinstance(caught.value, NotAtHand)


def test_one_mistyped_character_is_noticed(paper: str) -> None:
    typed = ("1" if paper[0] == "0" else "0") + paper[1:]
    with pytest.raises(NotAtHand, match="mistyped"):
        Recovery().unlock(STORE, SLOT, {}, secret=typed)


def test_half_a_key_is_not_completed(paper: str) -> None:
    with pytest.raises(NotAtHand, match="characters"):
        Recovery().unlock(STORE, SLOT, {}, secret=paper[:30])
