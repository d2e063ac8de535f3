"""Does any change of a sealed record, its place or its key go unseen? (X1, X2, X3, X7, X9)

Every test has a control: the same attack on a crippled build must succeed, or the test could not see anything.
"""

import hmac
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from credmagic.crypto import context, envelope
from credmagic.crypto.keyset import Keyset, SealedKey, new_root_key, unwrap_root, wrap_root
from credmagic.errors import SealBroken
from security.attack import NoTag, attack, every_bit, every_length
from vectors import two_keys
from vectors.stream import Stream

META = {
    "environment": "live", "kind": "s3", "kind_version": 1, "status": "active", "current_version": 3, "revision": 7,
}  # fmt: skip
OTHERS = {
    "credential_id": b"\1" * 16, "owner_id": b"\2" * 16, "environment": "draft", "kind": "gcp", "kind_version": 2,
    "status": "paused", "current_version": 2, "revision": 8,
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A sealed record, how its owner opens it, and the columns it belongs to."""

    sealed: bytes
    open: Callable[[bytes], object]
    columns: dict[str, object]
    context: bytes = b""


@dataclass(frozen=True)
class Store:
    keys: Keyset
    credentials: list[Row]
    slots: list[Row]
    data_keys: list[Row]


def make_store(rows: int = 200) -> Store:
    store_id, root = os.urandom(16), new_root_key()
    keys, sealed_keys = Keyset.generate(store_id, root)

    def credential(number: int) -> Row:
        columns = {"credential_id": os.urandom(16), "owner_id": os.urandom(16), **META}
        place = context.meta_context(store_id, **columns)
        sealed = keys.seal(place, {"name": f"warehouse {number}", "password": "correct horse"})
        return Row(sealed, lambda sealed: keys.open(place, sealed), columns, place)

    def slot(provider: str) -> Row:
        slot_key, place = os.urandom(32), (store_id, os.urandom(16), provider, {"salt": "00"})
        return Row(wrap_root(slot_key, root, *place), lambda sealed: unwrap_root(slot_key, sealed, *place), {})

    def data_key(row: SealedKey) -> Row:
        others = [other for other in sealed_keys if other is not row]
        return Row(row.sealed, lambda sealed: Keyset.unlock(store_id, root, [*others, replace(row, sealed=sealed)]), {})

    return Store(
        keys,
        [credential(number) for number in range(rows)],
        [slot(provider) for provider in ("key_file", "os_keyring", "passphrase", "recovery")],
        [data_key(row) for row in sealed_keys],
    )


@pytest.fixture(scope="module")
def store() -> Store:
    return make_store()


def test_every_flipped_bit_is_seen(store: Store) -> None:
    rows = [*store.credentials, *store.slots, *store.data_keys]
    for row in rows:
        row.open(row.sealed)

    tried, opened = attack((row.open, changed) for row in rows for changed in every_bit(row.sealed))

    assert tried >= 200_000
    assert opened == 0


def test_control_without_the_tag_flipped_bits_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "AESGCM", NoTag)
    row = store.credentials[0]

    _, opened = attack((row.open, changed) for changed in every_bit(row.sealed))

    assert opened >= 100


def test_every_truncation_and_extension_is_seen(store: Store) -> None:
    rows = [*store.credentials, *store.slots, *store.data_keys]

    tried, opened = attack((row.open, changed) for row in rows for changed in every_length(row.sealed))

    assert tried >= 27_000
    assert opened == 0


def test_control_without_tag_and_padding_other_lengths_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "AESGCM", NoTag)
    monkeypatch.setattr(envelope, "_unpad", lambda padded: padded[4 : 4 + int.from_bytes(padded[:4], "big")])
    row = store.credentials[0]

    _, opened = attack((row.open, changed) for changed in every_length(row.sealed))

    assert opened >= 20


def swaps(store: Store) -> Iterator[tuple[Callable[[bytes], object], bytes]]:
    for here in store.credentials:
        for there in store.credentials:
            if here is not there:
                yield here.open, there.sealed


def edits(store: Store) -> Iterator[tuple[Callable[[bytes], object], bytes]]:
    """Each deciding column of each row changed, the record left as it is."""
    for row in store.credentials:
        for name, value in OTHERS.items():
            place = context.meta_context(store.keys.store_id, **row.columns | {name: value})
            yield (lambda sealed, place=place: store.keys.open(place, sealed)), row.sealed
        yield (lambda sealed, row=row: store.keys.open(other_part(store, row), sealed)), row.sealed
        yield (lambda sealed, row=row: store.keys.open(other_store(row), sealed)), row.sealed


def other_part(store: Store, row: Row) -> bytes:
    columns = {name: row.columns[name] for name in ("credential_id", "owner_id", "kind", "kind_version")}
    return context.secret_context(store.keys.store_id, **columns, version=3)


def other_store(row: Row) -> bytes:
    return context.meta_context(bytes(16), **row.columns)


def test_no_record_opens_in_the_place_of_another(store: Store) -> None:
    assert attack(swaps(store)) == (200 * 199, 0)


def test_no_record_opens_under_an_edited_column(store: Store) -> None:
    assert attack(edits(store)) == (200 * (len(OTHERS) + 2), 0)


def test_control_without_aad_every_swap_and_edit_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "_aad", lambda header, context: b"")
    store = make_store()

    assert attack(swaps(store)) == (200 * 199, 200 * 199)
    assert attack(edits(store)) == (200 * (len(OTHERS) + 2),) * 2


@dataclass(frozen=True)
class Forgery:
    record: bytes
    first: bytes
    second: bytes


@pytest.fixture(scope="module")
def forgeries() -> list[Forgery]:
    """Records whose GCM part opens under two keys, committed to the first."""
    made = []
    for pair in two_keys.PAIRS:
        first, second = map(two_keys.candidate, pair)
        both = [two_keys.cipher_and_commit_key(key) for key in (first, second)]
        header = two_keys.START + envelope._commitment(both[0][1], two_keys.START)
        for number in range(40):
            padded = b"\0\0\0\x3c" + f"invoice {number}".encode().ljust(60, b".")
            body = two_keys.forge([both[0][0], both[1][0]], padded, envelope._aad(header, b"here"))
            made.append(Forgery(header + body, first, second))
    return made


def test_a_ciphertext_made_for_two_keys_opens_under_one(forgeries: list[Forgery]) -> None:
    for forgery in forgeries:
        assert envelope.unseal(forgery.first, forgery.record, b"here").startswith(b"invoice")
        with pytest.raises(SealBroken) as caught:
            envelope.unseal(forgery.second, forgery.record, b"here")
        assert caught.value.reason == "commit"


def test_control_without_the_commitment_it_opens_under_both(
    forgeries: list[Forgery], monkeypatch: pytest.MonkeyPatch
) -> None:
    lenient = SimpleNamespace(digest=hmac.digest, compare_digest=lambda a, b: True)
    monkeypatch.setattr(envelope, "hmac", lenient)

    for forgery in forgeries:
        plaintexts = [envelope.unseal(key, forgery.record, b"here") for key in (forgery.first, forgery.second)]
        assert plaintexts[0] != plaintexts[1]


def salts(seals: int, urandom: Callable[[int], bytes]) -> list[bytes]:
    """Salts of records that differ in their plaintext (even) or in their place (odd)."""
    key = bytes(range(32))
    made = []
    for number in range(seals // 2):
        text = number.to_bytes(8, "big")
        made.append(envelope.seal(key, 1, text, b"one place", urandom=urandom)[8:40])
        made.append(envelope.seal(key, 1, b"one text", text, urandom=urandom)[8:40])
    return made


def test_a_dead_random_generator_repeats_no_salt() -> None:
    assert len(set(salts(100_000, bytes))) == 100_000


def test_a_cloned_random_generator_repeats_no_salt() -> None:
    """Two machines woken from one snapshot draw the same numbers for different records."""
    key, (one, two) = os.urandom(32), (Stream("clone"), Stream("clone"))

    made = [
        envelope.seal(key, 1, bytes([which]), b"", urandom=rng)[8:40]
        for _ in range(5_000)
        for which, rng in ((1, one), (2, two))
    ]

    assert len(set(made)) == 10_000


def test_control_without_the_hedge_salts_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "_salt", lambda key, fresh, context, padded: fresh)

    assert len(set(salts(1_000, bytes))) == 1
