"""Does the OS keyring provider stop for every keyring that keeps nothing, keeps it in clear, hangs or is another?"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import keyring.core
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringLocked

from credmagic.errors import VaultLocked
from credmagic.keys.os_keyring import SERVICE, OsKeyring, class_name
from credmagic.testing.key_provider_suite import KeyProviderSuite

STORE, SLOT = bytes(16), bytes(range(16))


class MemoryKeyring(KeyringBackend):
    """A keyring as the `keyring` package knows them; only its memory ends with the test."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


class OtherKeyring(MemoryKeyring):
    """The same keeping under another class name."""


class ForgetfulKeyring(MemoryKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        return None


class LockedKeyring(MemoryKeyring):
    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("Kanari-in-the-text-of-an-error")

    get_password = set_password  # type: ignore[assignment]


class BrokenKeyring(MemoryKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise OSError("Kanari-in-the-text-of-an-error")


class HangingKeyring(MemoryKeyring):
    released = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.released.wait(30)
        return None


class ClearTextKeyring(MemoryKeyring):
    """Stands for `keyrings.alt`, which writes passwords into a readable file."""


ClearTextKeyring.__module__ = "keyrings.alt.file"


@pytest.fixture
def backend(home: object, monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring:
    """A working keyring that is the chosen one."""
    chosen = MemoryKeyring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", chosen)
    return chosen


class TestConformance(KeyProviderSuite):
    @pytest.fixture
    def provider(self, backend: MemoryKeyring) -> OsKeyring:
        return OsKeyring()


def choose(monkeypatch: pytest.MonkeyPatch, chosen: KeyringBackend, *chained: KeyringBackend) -> None:
    """Make `chosen` the keyring of this process; a chainer then chains `chained`."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", chosen)
    if isinstance(chosen, ChainerBackend):
        monkeypatch.setattr(type(chosen), "backends", list(chained))


def stopped(provider: OsKeyring, parameters: dict[str, object] | None = None) -> VaultLocked:
    """The typed error of `create`, or of `unlock` when there are parameters; it never quotes a backend."""

    def attempt() -> object:
        if parameters is None:
            return provider.create(STORE, SLOT)
        return provider.unlock(STORE, SLOT, parameters)

    with pytest.raises(VaultLocked) as caught:
        attempt()
    assert caught.value.next_step
    assert "Kanari" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def test_only_32_bytes_in_base64_are_kept(backend: MemoryKeyring) -> None:
    new = OsKeyring().create(STORE, SLOT)
    assert list(backend.entries) == [(SERVICE, new.parameters["entry"])]
    assert [len(text) for text in backend.entries.values()] == [44]


@pytest.mark.parametrize("refused", [fail.Keyring, null.Keyring, ClearTextKeyring])
def test_a_keyring_that_keeps_nothing_or_in_clear_is_refused(
    home: object, monkeypatch: pytest.MonkeyPatch, refused: type[KeyringBackend]
) -> None:
    choose(monkeypatch, refused())
    assert "no OS keyring" in stopped(OsKeyring()).message
    assert "no OS keyring" in str(OsKeyring().available())


@pytest.mark.parametrize("chained", [[], [fail.Keyring()], [ClearTextKeyring(), null.Keyring()]])
def test_a_chainer_that_ends_there_is_refused(
    home: object, monkeypatch: pytest.MonkeyPatch, chained: list[KeyringBackend]
) -> None:
    choose(monkeypatch, ChainerBackend(), *chained)
    assert "no OS keyring" in stopped(OsKeyring()).message


def test_of_a_chainer_the_first_real_one_is_used_and_recorded(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    real = MemoryKeyring()
    choose(monkeypatch, ChainerBackend(), ClearTextKeyring(), real, OtherKeyring())
    new = OsKeyring().create(STORE, SLOT)
    assert new.parameters["backend"] == class_name(real)
    choose(monkeypatch, ChainerBackend(), OtherKeyring(), real)
    assert OsKeyring().unlock(STORE, SLOT, new.parameters) == new.slot_key


def test_another_class_later_is_a_stop_though_it_has_the_entry(
    backend: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = OsKeyring().create(STORE, SLOT)
    other = OtherKeyring()
    other.entries = dict(backend.entries)
    choose(monkeypatch, other)
    error = stopped(OsKeyring(), new.parameters)
    assert "MemoryKeyring" in error.message
    assert "OtherKeyring" in error.message


@pytest.mark.parametrize("target", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"])
def test_a_variable_that_redirects_the_keyring_is_a_stop(
    backend: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    new = OsKeyring().create(STORE, SLOT)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", target)
    keyring.core.init_backend()
    assert "PYTHON_KEYRING_BACKEND" in stopped(OsKeyring(), new.parameters).next_step


def test_a_fresh_keyring_without_the_entry_is_a_stop(backend: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    new = OsKeyring().create(STORE, SLOT)
    choose(monkeypatch, MemoryKeyring())
    assert "is not in" in stopped(OsKeyring(), new.parameters).message
    assert backend.entries, "and the old one keeps its key"


@pytest.mark.parametrize(
    ("kind", "words"),
    [(LockedKeyring, "locked"), (BrokenKeyring, "OSError"), (ForgetfulKeyring, "did not keep")],
)
def test_a_keyring_that_fails_is_a_typed_stop(
    home: object, monkeypatch: pytest.MonkeyPatch, kind: type[MemoryKeyring], words: str
) -> None:
    choose(monkeypatch, kind())
    assert words in stopped(OsKeyring()).message
    assert words in str(OsKeyring().available())


@pytest.fixture
def hanging(home: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    HangingKeyring.released.clear()
    choose(monkeypatch, HangingKeyring())
    yield
    HangingKeyring.released.set()


def test_a_keyring_that_hangs_costs_its_time_limit_and_no_more(hanging: None) -> None:
    started = time.monotonic()
    error = stopped(OsKeyring(timeout=0.2))
    assert time.monotonic() - started < 2
    assert "no answer" in error.message
    assert "no answer" in str(OsKeyring(timeout=0.2).available())


def test_the_time_limit_is_under_ten_seconds() -> None:
    assert OsKeyring()._timeout < 10


@pytest.mark.parametrize("text", ["", "not base64!", "c2hvcnQ=", "é" * 44, "*" + "A" * 43 + "="])
def test_an_entry_that_is_no_key_is_a_stop(backend: MemoryKeyring, text: str) -> None:
    new = OsKeyring().create(STORE, SLOT)
    backend.entries[SERVICE, new.parameters["entry"]] = text
    assert "not a key" in stopped(OsKeyring(), new.parameters).message


def test_the_probe_leaves_nothing_behind(backend: MemoryKeyring) -> None:
    assert OsKeyring().available() is None
    assert not backend.entries


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("keyring.backends.macOS.Keyring", "macOS Keychain"),
        ("keyring.backends.Windows.WinVaultKeyring", "Windows Credential Manager"),
        ("keyring.backends.SecretService.Keyring", "Secret Service keyring"),
        ("somebody.elses.Keyring", "OS keyring"),
    ],
)
def test_a_keyring_has_the_name_its_users_know(name: str, words: str) -> None:
    assert OsKeyring().describe({"backend": name, "entry": os.devnull}) == words
