"""Does the envelope refuse everything it must, and say the same words each time?"""

import json
import os

import pytest

from credmagic.crypto import canonical, context, envelope, tlv
from credmagic.errors import InvalidCredential, SealBroken
from vectors.make_records import raw
from vectors.stream import Stream

KEY = bytes(range(32))
PLACE = b"here"


def reason(act, *args):
    with pytest.raises(SealBroken) as caught:
        act(*args)
    return caught.value.reason


def test_a_record_of_one_mebibyte_is_sealed_and_a_byte_more_is_not():
    largest = b"x" * envelope.MAX_PLAINTEXT

    assert envelope.unseal(KEY, envelope.seal(KEY, 1, largest, PLACE), PLACE) == largest

    with pytest.raises(InvalidCredential):
        envelope.seal(KEY, 1, largest + b"x", PLACE)


def test_an_oversized_record_is_refused_before_anything_is_computed(monkeypatch):
    sealed = envelope.seal(KEY, 1, b"x" * envelope.MAX_PLAINTEXT, PLACE)
    assert len(sealed) == 1_081_432
    monkeypatch.setattr(envelope, "HKDFExpand", None)

    assert reason(envelope.unseal, KEY, sealed + b"x", PLACE) == "size"


def test_a_record_that_holds_more_than_a_mebibyte_is_refused_whoever_made_it():
    """Its size fits, because the step of the padding goes beyond the limit."""
    length = envelope.MAX_PLAINTEXT + 1
    padded = (length.to_bytes(4, "big") + b"x" * length).ljust(1_081_344, b"\0")

    assert reason(envelope.unseal, KEY, raw(KEY, PLACE, Stream("large"), padded), PLACE) == "padding"


@pytest.mark.parametrize("cell", [None, "CM\x01\x01" + "x" * 200, 7, 1.5, bytearray(200), memoryview(bytes(200))])
def test_a_cell_that_is_no_bytes_is_a_broken_record(cell):
    """A BLOB cell that somebody turned into TEXT must not be a TypeError."""
    assert reason(envelope.unseal, KEY, cell, PLACE) == "size"
    assert reason(envelope.key_id_of, cell) == "size"


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_only_keys_of_32_bytes_seal_and_open(size):
    sealed = envelope.seal(KEY, 1, b"{}", PLACE)

    assert reason(envelope.seal, bytes(size), 1, b"{}", PLACE) == "key"
    assert reason(envelope.unseal, bytes(size), sealed, PLACE) == "key"


@pytest.mark.parametrize("key_id", [0, 1, 0xFFFFFFFE, envelope.SLOT_KEY_ID])
def test_a_record_names_its_key(key_id):
    assert envelope.key_id_of(envelope.seal(KEY, key_id, b"", PLACE)) == key_id


def test_every_cause_gets_the_same_words_and_the_reason_stays_inside():
    sealed = envelope.seal(KEY, 1, b"{}", PLACE)
    causes = [
        (KEY, sealed[:50], PLACE), (KEY, b"XX" + sealed[2:], PLACE), (bytes(32), sealed, PLACE), (KEY, sealed, b"there"),
        (KEY, sealed[:2] + b"\x02" + sealed[3:], PLACE), (KEY, "text", PLACE),
    ]  # fmt: skip
    errors = []
    for cause in causes:
        with pytest.raises(SealBroken) as caught:
            envelope.unseal(*cause)
        errors.append(caught.value)

    assert len({error.reason for error in errors}) == 5
    assert len({json.dumps(error.to_json()) for error in errors}) == 1
    assert errors[0].to_json().keys() == {"message", "code", "next_step"}
    assert {(error.__cause__, error.__context__) for error in errors} == {(None, None)}


def test_the_same_record_is_sealed_differently_each_time():
    assert envelope.seal(KEY, 1, b"{}", PLACE) != envelope.seal(KEY, 1, b"{}", PLACE)


def test_lengths_are_seen_only_in_steps():
    """The sealed length tells 1 to 60 bytes apart from more, and nothing finer."""
    sizes = {len(envelope.seal(KEY, 1, b"x" * size, PLACE)) for size in range(61)}

    assert sizes == {72 + 64 + 16}


def test_columns_that_are_not_what_they_say_are_a_broken_record():
    one = bytes(16)
    right = {"credential_id": one, "owner_id": one, "kind": "s3", "kind_version": 1, "version": 1}
    context.secret_context(one, **right)

    for change in (
        {"kind": None}, {"kind": b"s3"}, {"kind": "\ud800"}, {"kind_version": -1}, {"kind_version": 1 << 32}, {"kind_version": "1"},
        {"version": None}, {"version": 1.0}, {"version": 1 << 64}, {"owner_id": "text"}, {"owner_id": 5},
    ):  # fmt: skip
        with pytest.raises(SealBroken) as caught:
            context.secret_context(one, **right | change)
        assert caught.value.reason == "column", change
        assert caught.value.__context__ is None


@pytest.mark.parametrize("cell", [1.5, 1 << 63, -(1 << 63) - 1, [], "\udc00"])
def test_a_cell_of_a_row_that_no_column_holds_is_a_broken_record(cell):
    assert reason(context.row_context, bytes(16), "grants", bytes(16), [cell], 1) == "column"


@pytest.mark.parametrize("parameters", [{"memory_kib": float("inf")}, {"salt": "\ud800"}])
def test_slot_parameters_that_are_no_json_are_a_broken_record(parameters):
    assert reason(context.slot_context, bytes(16), bytes(16), "passphrase", parameters) == "column"


def test_absent_and_empty_differ():
    assert tlv.tlv(None) != tlv.tlv(b"")
    assert tlv.tlv(b"", b"ab") != tlv.tlv(b"a", b"b")


@pytest.mark.parametrize("value", ["half \ud800", float("nan"), float("inf")])
def test_what_json_cannot_carry_is_refused_without_quoting_it(value, canary):
    with pytest.raises(InvalidCredential) as caught:
        canonical.dump({canary: [canary, value]})

    assert canary not in str(caught.value) + repr(caught.value.__context__) + repr(caught.value.to_json())


def test_json_nested_too_deep_is_a_broken_record_and_no_crash():
    assert reason(canonical.load, b'{"a":' * 200_000 + b"1" + b"}" * 200_000) == "json"


def test_a_plain_text_is_nowhere_in_its_record(canary):
    assert canary.encode() not in envelope.seal(os.urandom(32), 1, canary.encode(), PLACE)
