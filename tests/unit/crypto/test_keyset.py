"""Do a store's keys open only for it, and only as they were written?"""

import os
from dataclasses import replace

import pytest

from credmagic.crypto.keyset import (
    PURPOSES,
    Keyset,
    SealedKey,
    new_root_key,
    unwrap_root,
    wrap_root,
)  # fmt: skip
from credmagic.errors import SealBroken, VaultLocked

STORE = bytes(range(16))


@pytest.fixture
def root():
    return new_root_key()


@pytest.fixture
def store(root):
    return Keyset.generate(STORE, root)


def test_a_new_store_has_one_key_for_each_purpose(store):
    keys, rows = store

    assert [row.purpose for row in rows] == list(PURPOSES)
    assert len({row.id for row in rows}) == len(rows)
    assert keys.primary_id == rows[0].id
    assert keys.store_id == STORE


def test_an_unlocked_store_opens_what_was_sealed_before(store, root, canary):
    keys, rows = store
    sealed = keys.seal(b"here", {"password": canary, "n": [1, None]})

    again = Keyset.unlock(STORE, root, reversed(rows))

    assert again.open(b"here", sealed) == {"password": canary, "n": [1, None]}
    assert again.name_index(STORE, "", "a") == keys.name_index(STORE, "", "a")
    assert again.audit_mac(bytes(32), 1, 2, b"{}") == keys.audit_mac(bytes(32), 1, 2, b"{}")


def test_two_stores_of_one_root_key_share_nothing(root):
    keys, rows = Keyset.generate(STORE, root)

    with pytest.raises(SealBroken):
        Keyset.unlock(bytes(16), root, rows)
    with pytest.raises(SealBroken):
        Keyset.unlock(STORE, new_root_key(), rows)
    with pytest.raises(SealBroken):
        Keyset.generate(STORE, root)[0].open(b"", keys.seal(b"", {}))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "retiring"},
        {"purpose": "jwt"},
        {"id": 77},
        {"sealed": b""},
        {"sealed": "text"},
        {"id": -1},
        {"id": "1"},
        {"status": None},
    ],
)
def test_an_edited_key_row_is_a_hard_stop(store, root, change):
    _, rows = store
    rows[1] = replace(rows[1], **change)

    with pytest.raises(SealBroken):
        Keyset.unlock(STORE, root, rows)


def test_a_missing_key_row_is_a_hard_stop(store, root):
    _, rows = store

    for missing in range(len(rows)):
        with pytest.raises(SealBroken):
            Keyset.unlock(STORE, root, rows[:missing] + rows[missing + 1 :])


def test_a_destroyed_key_opens_nothing_and_stops_nobody(store, root):
    keys, rows = store
    lost = SealedKey(99, "record", "destroyed", b"")

    again = Keyset.unlock(STORE, root, [*rows, lost])

    assert again.open(b"", keys.seal(b"", {"a": 1})) == {"a": 1}


def test_a_record_of_an_unknown_key_is_broken(store):
    keys, _ = store
    sealed = keys.seal(b"", {})

    with pytest.raises(SealBroken) as caught:
        keys.open(b"", sealed[:4] + b"\0\0\0\x63" + sealed[8:])
    assert caught.value.reason == "key"


def test_names_are_found_whatever_their_case_or_form(store):
    keys, _ = store
    index = keys.name_index(STORE, "live", "Größe")

    assert len(index) == 16
    assert keys.name_index(STORE, "live", "GRÖSSE") == index
    assert keys.name_index(STORE, "live", "Gro\u0308ße") == index
    assert keys.name_index(STORE, "draft", "Größe") != index
    assert keys.name_index(bytes(16), "live", "Größe") != index


def test_objects_are_found_only_as_they_are_written(store):
    keys, _ = store

    assert keys.object_index("notebook", "A.ipynb") != keys.object_index("notebook", "a.ipynb")
    assert keys.object_index("notebook", "a") != keys.object_index("kernelspec", "a")
    assert keys.object_index("ab", "c") != keys.object_index("a", "bc")


def test_half_a_character_in_a_looked_up_name_is_no_crash(store):
    assert len(store[0].name_index(STORE, "\ud800", "\udfff")) == 16
    assert len(store[0].object_index("notebook", "\udcff.ipynb")) == 16


def test_an_audit_link_depends_on_every_part_of_it(store):
    keys, _ = store
    links = {
        keys.audit_mac(*link)
        for link in (
            (bytes(32), 1, 1, b"a"),
            (b"\1" * 32, 1, 1, b"a"),
            (bytes(32), 2, 1, b"a"),
            (bytes(32), 1, 2, b"a"),
            (bytes(32), 1, 1, b"b"),
        )
    }

    assert len(links) == 5
    assert {len(link) for link in links} == {32}


def test_wiped_keys_are_gone_and_the_vault_is_locked(store):
    keys, _ = store
    sealed = keys.seal(b"", {})
    held = [*keys._records.values(), *keys._others.values()]

    keys.wipe()
    keys.wipe()

    assert {bytes(key) for key in held} == {bytes(32)}
    for act in (
        lambda: keys.open(b"", sealed),
        lambda: keys.seal(b"", {}),
        lambda: keys.name_index(STORE, "", "a"),
        lambda: keys.audit_mac(b"", 1, 1, b""),
    ):
        with pytest.raises(VaultLocked):
            act()


def test_nothing_prints_a_key(store):
    keys, rows = store
    shown = repr(keys) + repr(rows) + str(vars(rows) if hasattr(rows, "__dict__") else "")

    assert all(repr(row.sealed) not in shown for row in rows)
    assert all(bytes(key).hex() not in shown for key in keys._records.values())


def test_a_slot_opens_only_with_its_key_and_as_it_was_written(root):
    slot_key, slot_id = os.urandom(32), os.urandom(16)
    place = (STORE, slot_id, "passphrase", {"memory_kib": 65536, "lanes": 1})
    sealed = wrap_root(slot_key, root, *place)
    assert unwrap_root(slot_key, sealed, *place) == root
    assert unwrap_root(slot_key, sealed, *place[:3], {"lanes": 1, "memory_kib": 65536}) == root

    changed = [
        (os.urandom(32), *place), (slot_key, bytes(16), *place[1:]), (slot_key, STORE, bytes(16), *place[2:]),
        (slot_key, *place[:2], "key_file", place[3]), (slot_key, *place[:3], {"memory_kib": 64, "lanes": 1}),
    ]  # fmt: skip
    for key, *where in changed:
        with pytest.raises(SealBroken):
            unwrap_root(key, sealed, *where)


def test_root_keys_are_random_and_32_bytes():
    assert len(new_root_key()) == 32
    assert new_root_key() != new_root_key()
