"""Does any change of a sealed entry, its id, kind or key go unseen? (X10; reuse and expiry are the vault's rows)"""

from collections.abc import Callable, Iterator

import pytest

from credmagic.crypto import entry
from security.attack import attack, every_bit

FORM = {"name": "warehouse", "fields": {"password": "correct horse battery"}}


def entry_attacks() -> Iterator[tuple[Callable[[bytes], object], bytes]]:
    private, public = entry.new_entry_key()
    foreign, _ = entry.new_entry_key()
    here = entry.entry_info("id-1", "database")
    sealed = entry.seal_entry(public, here, FORM)
    assert entry.open_entry(private, sealed, here) == FORM

    for size in range(len(sealed)):
        yield (lambda data: entry.open_entry(private, data, here)), sealed[:size]
    for changed in list(every_bit(sealed))[::7]:
        yield (lambda data: entry.open_entry(private, data, here)), changed
    for more in (b"\0", b" ", bytes(16), sealed):
        yield (lambda data: entry.open_entry(private, data, here)), sealed + more
    yield (lambda data: entry.open_entry(foreign, data, here)), sealed
    yield from wrong_infos(private, sealed)


def wrong_infos(private: object, sealed: bytes) -> Iterator[tuple[Callable[[bytes], object], bytes]]:
    for entry_id, kind in (
        ("id-2", "database"),
        ("id-1", "basic"),
        ("id-1d", "atabase"),
        ("", ""),
        ("database", "id-1"),
    ):
        info = entry.entry_info(entry_id, kind)
        yield (lambda data, info=info: entry.open_entry(private, data, info)), sealed


def test_no_changed_or_foreign_entry_opens() -> None:
    tried, opened = attack(entry_attacks())

    assert tried >= 200
    assert opened == 0


def test_control_without_info_a_foreign_entry_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "entry_info", lambda entry_id, kind: b"credmagic/entry/v1")
    private, public = entry.new_entry_key()
    sealed = entry.seal_entry(public, entry.entry_info("id-1", "database"), FORM)

    assert attack(wrong_infos(private, sealed)) == (5, 5)
