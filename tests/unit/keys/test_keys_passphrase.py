"""Does a passphrase open its slot, from every place it may come from, and never at a price that a row dictates?"""

from __future__ import annotations

import base64
import resource
import sys
import threading
import time
from pathlib import Path

import pexpect
import pytest

from credmagic.crypto.passphrase import CHEAP, DEFAULT
from credmagic.errors import InvalidCredential, VaultLocked
from credmagic.keys.base import NewSlot, NotAtHand
from credmagic.keys.passphrase import Passphrase
from credmagic.testing.key_provider_suite import KeyProviderSuite

STORE, SLOT = bytes(16), bytes(range(16))
WORDS = "five random words, not four"


def cheap() -> Passphrase:
    return Passphrase(CHEAP, allow_cheap=True)


class TestConformance(KeyProviderSuite):
    secret = WORDS
    keeps_outside = False

    @pytest.fixture
    def provider(self, home: Path) -> Passphrase:
        return cheap()


@pytest.fixture
def new(home: Path) -> NewSlot:
    return cheap().create(STORE, SLOT, secret=WORDS)


def test_the_default_price_opens_by_a_fresh_provider(home: Path) -> None:
    made = Passphrase().create(STORE, SLOT, secret=WORDS)
    assert made.parameters["memory_kib"] == DEFAULT.memory_kib == 256 * 1024
    assert Passphrase().unlock(STORE, SLOT, made.parameters, secret=WORDS) == made.slot_key


def test_a_wrong_passphrase_gives_another_key(new: NewSlot) -> None:
    assert cheap().unlock(STORE, SLOT, new.parameters, secret=WORDS + "!") != new.slot_key


def test_the_same_words_typed_on_another_keyboard_are_the_same(home: Path) -> None:
    made = cheap().create(STORE, SLOT, secret="cafe\u0301 ﬁnancier")
    assert cheap().unlock(STORE, SLOT, made.parameters, secret="caf\u00e9 financier") == made.slot_key


@pytest.mark.parametrize("short", ["hunter2", "eleven char", "é" * 11])
def test_a_short_new_passphrase_is_refused(home: Path, short: str) -> None:
    with pytest.raises(InvalidCredential) as caught:
        cheap().create(STORE, SLOT, secret=short)
    assert short not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory_kib", 64 * 1024 - 1), ("memory_kib", 1024 * 1024 + 1), ("memory_kib", 2**31), ("memory_kib", 0),
        ("iterations", 2), ("iterations", 17), ("iterations", 2**31), ("iterations", 0),
        ("lanes", 0), ("lanes", 5), ("lanes", 2**24),
    ],
)  # fmt: skip
def test_prices_outside_floor_and_ceiling_are_refused_before_any_allocation(home: Path, name: str, value: int) -> None:
    salt = base64.b64encode(bytes(16)).decode()
    parameters = {"memory_kib": DEFAULT.memory_kib, "iterations": 3, "lanes": 1, "salt": salt, name: value}
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(VaultLocked):
        Passphrase().unlock(STORE, SLOT, parameters, secret=WORDS)
    assert time.monotonic() - started < 0.1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024  # KiB on Linux


def test_a_stored_slot_cannot_ask_for_the_cheap_price(new: NewSlot) -> None:
    with pytest.raises(VaultLocked):
        Passphrase().unlock(STORE, SLOT, new.parameters, secret=WORDS)


@pytest.mark.parametrize("salt", ["", "AAAA", "*" * 24, base64.b64encode(bytes(17)).decode()])
def test_a_wrong_salt_is_refused(new: NewSlot, salt: str) -> None:
    with pytest.raises(VaultLocked):
        cheap().unlock(STORE, SLOT, {**new.parameters, "salt": salt}, secret=WORDS)


def test_the_variable_opens(new: NewSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDMAGIC_PASSPHRASE", WORDS)
    assert cheap().available() is None
    assert cheap().unlock(STORE, SLOT, new.parameters) == new.slot_key


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_file_opens_with_any_line_end(
    new: NewSlot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: str
) -> None:
    (tmp_path / "words").write_bytes((WORDS + end).encode())
    monkeypatch.setenv("CREDMAGIC_PASSPHRASE_FILE", str(tmp_path / "words"))
    assert cheap().unlock(STORE, SLOT, new.parameters) == new.slot_key


def test_what_is_given_wins_over_the_variable_and_that_over_the_file(
    new: NewSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDMAGIC_PASSPHRASE_FILE", "/nowhere")
    monkeypatch.setenv("CREDMAGIC_PASSPHRASE", "something else entirely")
    assert cheap().unlock(STORE, SLOT, new.parameters, secret=WORDS) == new.slot_key
    assert cheap().unlock(STORE, SLOT, new.parameters) != new.slot_key


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe\xff", b"x" * 70_000])
def test_a_passphrase_file_that_is_none_is_a_stop(
    new: NewSlot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "words").write_bytes(content)
    monkeypatch.setenv("CREDMAGIC_PASSPHRASE_FILE", str(tmp_path / "words"))
    with pytest.raises(VaultLocked) as caught:
        cheap().unlock(STORE, SLOT, new.parameters)
    assert not isinstance(caught.value, NotAtHand)
    assert "CREDMAGIC_PASSPHRASE_FILE" in caught.value.next_step


def test_without_terminal_and_variable_the_next_slot_is_asked(new: NewSlot) -> None:
    with pytest.raises(NotAtHand) as caught:
        cheap().unlock(STORE, SLOT, new.parameters)
    assert "CREDMAGIC_PASSPHRASE_FILE" in caught.value.next_step
    assert cheap().available()


def test_a_worker_thread_never_asks(new: NewSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Jupyter server has a terminal, but nobody looks at it."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert cheap().available() is None
    said: list[str | None] = []
    worker = threading.Thread(target=lambda: said.append(cheap().available()))
    worker.start()
    worker.join(10)
    assert said[0]


def test_bytes_that_are_no_text_do_not_open(new: NewSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDMAGIC_PASSPHRASE", "\udcff" * 12)
    with pytest.raises(VaultLocked):
        cheap().unlock(STORE, SLOT, new.parameters)


_ON_A_TERMINAL = """
from credmagic.crypto.passphrase import CHEAP
from credmagic.errors import CredmagicError
from credmagic.keys.passphrase import Passphrase
try:
    provider, ids = Passphrase(CHEAP, allow_cheap=True), (bytes(16), bytes(16))
    made = provider.create(*ids)
    print("SAME" if provider.unlock(*ids, made.parameters) == made.slot_key else "OTHER")
except CredmagicError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX")
@pytest.mark.parametrize(
    ("again", "last"), [(WORDS, "SAME"), ("something else, mistyped", "the two passphrases differ")]
)
def test_on_a_terminal_it_is_asked_twice_and_never_shown(home: Path, again: str, last: str) -> None:
    terminal = pexpect.spawn(sys.executable, ["-c", _ON_A_TERMINAL], encoding="utf-8", timeout=30)
    terminal.expect("New passphrase .*: ")
    terminal.sendline(WORDS)
    terminal.expect("Once more: ")
    terminal.sendline(again)
    if last == "SAME":
        terminal.expect("Passphrase of this credmagic store: ")
        terminal.sendline(WORDS)
    terminal.expect(pexpect.EOF)
    assert last in terminal.before
    assert WORDS not in terminal.before
    terminal.close()
