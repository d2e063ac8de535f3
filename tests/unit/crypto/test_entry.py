"""Does a form's sealed entry open for its key, id and kind alone?"""

import pytest

from credmagic.crypto import entry
from credmagic.errors import InvalidCredential, SealBroken

INFO = entry.entry_info("id-1", "database")


def test_what_was_sealed_is_what_opens(canary):
    private, public = entry.new_entry_key()
    form = {"name": "warehouse", "fields": {"password": canary}, "verify": True}

    sealed = entry.seal_entry(public, INFO, form)

    assert entry.open_entry(private, sealed, INFO) == form
    assert canary.encode() not in sealed
    assert (len(public), public[0]) == (65, 4)


def test_the_length_of_a_form_shows_only_in_steps_of_256():
    _, public = entry.new_entry_key()
    sizes = {len(entry.seal_entry(public, INFO, {"a": "x" * size})) for size in range(0, 240, 20)}

    assert sizes == {65 + 256 + 16}


def test_a_form_over_one_mebibyte_is_refused_on_both_sides():
    private, public = entry.new_entry_key()

    with pytest.raises(InvalidCredential):
        entry.seal_entry(public, INFO, {"a": "x" * entry.MAX_ENTRY})
    with pytest.raises(SealBroken) as caught:
        entry.open_entry(private, bytes(entry.MAX_ENTRY + 82), INFO)
    assert caught.value.reason == "size"


@pytest.mark.parametrize("public", [b"", b"\4" + bytes(64), bytes(65), b"\4" * 64, b"\4" * 66])
def test_a_public_key_that_is_no_point_is_refused(public):
    with pytest.raises(SealBroken) as caught:
        entry.seal_entry(public, INFO, {})
    assert caught.value.__context__ is None


@pytest.mark.parametrize("sealed", [None, "text", bytearray(400), b""])
def test_an_entry_that_is_no_bytes_is_refused(sealed):
    private, _ = entry.new_entry_key()

    with pytest.raises(SealBroken):
        entry.open_entry(private, sealed, INFO)


def test_the_border_between_id_and_kind_is_part_of_the_info():
    assert entry.entry_info("ab", "c") != entry.entry_info("a", "bc")
