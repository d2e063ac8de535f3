"""What holds for every input, not only for those somebody thought of?"""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from credmagic.crypto import canonical, context, entry, envelope, recovery
from credmagic.crypto.keyset import Keyset
from credmagic.crypto.tlv import column, tlv
from credmagic.errors import InvalidCredential, SealBroken

KEY = bytes(range(32))
KEYS = Keyset(bytes(16), {1: bytearray(KEY)}, 1, {"name": bytearray(KEY), "audit": bytearray(KEY)})
PRIVATE, PUBLIC = entry.new_entry_key()

few = settings(max_examples=150, deadline=None, derandomize=True)
parts = st.lists(st.none() | st.binary(max_size=40), max_size=6)
cells = st.none() | st.binary(max_size=9) | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(max_size=9)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(), json_values, max_size=5)


def split(encoded):
    """The parts again: only an unambiguous encoding can be taken apart."""
    found = []
    while encoded:
        size, encoded = int.from_bytes(encoded[:4], "big"), encoded[4:]
        absent = size == 0xFFFFFFFF
        found.append(None if absent else encoded[:size])
        encoded = encoded if absent else encoded[size:]
    return found


@few
@given(st.binary(max_size=5000), st.binary(max_size=300), st.integers(0, 0xFFFFFFFF))
def test_what_was_sealed_opens(plaintext, place, key_id):
    sealed = envelope.seal(KEY, key_id, plaintext, place)

    assert envelope.unseal(KEY, sealed, place) == plaintext
    assert envelope.key_id_of(sealed) == key_id


@few
@given(objects, st.binary(max_size=99))
def test_every_object_comes_back_as_it_was(obj, place):
    assert KEYS.open(place, KEYS.seal(place, obj)) == obj
    assert canonical.dump(canonical.load(canonical.dump(obj))) == canonical.dump(obj)


@few
@given(st.binary(max_size=400) | st.binary(max_size=400).map(lambda tail: b"CM\1\1\0\0\0\1" + tail), st.binary())
def test_no_bytes_do_anything_but_open_or_break(sealed, place):
    for act in (
        lambda: envelope.unseal(KEY, sealed, place),
        lambda: KEYS.open(place, sealed),
        lambda: envelope.key_id_of(sealed),
        lambda: entry.open_entry(PRIVATE, sealed, place),
    ):
        try:
            act()
        except SealBroken:
            continue


@few
@given(st.binary(max_size=400) | st.text(alphabet='{}[]":,\\u0019a \ud7ff', max_size=60).map(str.encode))
def test_no_bytes_make_json_anything_but_an_object_or_broken(data):
    reason = ""
    try:
        assert isinstance(canonical.load(data), dict)
    except SealBroken as error:
        reason = error.reason
    assert reason in ("", "json")


@few
@given(parts)
def test_tlv_can_be_taken_apart_again(made):
    assert split(tlv(*made)) == made


@few
@given(st.lists(cells, max_size=4), st.lists(cells, max_size=4))
def test_different_columns_never_give_the_same_context(one, two):
    same = [(type(cell), cell) for cell in one] == [(type(cell), cell) for cell in two]

    contexts = {context.row_context(bytes(16), "grants", b"pk", columns, 1) for columns in (one, two)}

    assert (len(contexts) == 1) == same


@few
@given(cells)
def test_a_column_shows_its_type(cell):
    tags = {bytes: b"b", str: b"s", int: b"i"}
    assert column(cell) is None if cell is None else column(cell)[:1] == tags[type(cell)]


@few
@given(st.integers(0, envelope.MAX_PLAINTEXT))
def test_padding_hides_much_and_costs_little(length):
    padded = envelope._padded_size(length)

    assert padded >= max(64, length + 4)
    assert padded <= max(64, (length + 4) * 1.12)
    assert envelope._padded_size(length + 1) >= padded
    assert envelope._padded_size(padded - 4) == padded


@few
@given(st.binary(min_size=32, max_size=32))
def test_every_recovery_key_is_read_back(raw):
    text, key = recovery.new_recovery_key(urandom=lambda size: raw[:size])

    assert recovery.parse_recovery_key(str(text)) == key == raw


@few
@given(st.text(max_size=80) | st.text(alphabet=string.ascii_letters + string.digits + "- ", min_size=50, max_size=60))
def test_no_typed_text_does_anything_but_be_read_or_refused(text):
    refused = None
    try:
        assert len(recovery.parse_recovery_key(text)) == 32
    except InvalidCredential as error:
        refused = error
    assert refused is None or refused.errors.keys() == {"recovery_key"}


@few
@given(st.text(), st.text(), st.text(), st.text())
def test_different_infos_never_meet(one, two, three, four):
    assert (entry.entry_info(one, two) == entry.entry_info(three, four)) == ((one, two) == (three, four))
