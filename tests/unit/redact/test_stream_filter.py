"""What does a stream show, and when?"""

from __future__ import annotations

from credmagic.redact.matcher import Matcher
from credmagic.redact.stream import StreamFilter

MATCHER = Matcher({"hunter2-secret": "[w.p]", "t2-sec": "[w.q]"})


def test_only_what_could_become_a_value_waits() -> None:
    stream = StreamFilter()

    assert stream.feed("my password: hun", MATCHER) == "my password: "
    assert stream.holding
    assert stream.feed("dred\n", MATCHER) == "hundred\n"
    assert not stream.holding


def test_a_few_letters_are_let_go_after_the_pause() -> None:
    stream = StreamFilter()
    stream.feed("hunt", MATCHER)

    assert stream.release(MATCHER, everything=False) == "hunt"


def test_more_than_chance_waits_for_the_next_piece() -> None:
    """Six letters of a value in a row are no accident: they stay until something follows or the cell ends."""
    stream = StreamFilter()
    stream.feed("hunter", MATCHER)

    assert stream.release(MATCHER, everything=False) == ""
    assert stream.release(MATCHER, everything=True) == "hunter"


def test_after_the_beginning_is_out_the_rest_is_masked() -> None:
    stream = StreamFilter()
    first = stream.feed("hunt", MATCHER) + stream.release(MATCHER, everything=True)

    rest = stream.feed("er2-secret and more", MATCHER)

    assert first + rest == "hunt[w.p] and more"


def test_letter_by_letter_with_pauses_shows_only_the_first_letters() -> None:
    stream = StreamFilter()

    shown = "".join(
        part
        for letter in "hunter2-secret\n"
        for part in (stream.feed(letter, MATCHER), stream.release(MATCHER, everything=False))
    )

    assert shown == "hunte[w.p]\n"


def test_half_an_escape_sequence_waits_too() -> None:
    stream = StreamFilter()

    shown = stream.feed("hunter2\x1b[3", MATCHER) + stream.feed("1m-secret\n", MATCHER)

    assert shown == "[w.p]\x1b[31m\n"


def test_a_value_that_never_ends_is_let_go_masked() -> None:
    """The memory that is held has a bound."""
    endless = Matcher({"ab" * 10: "[w.p]"})
    stream = StreamFilter()

    shown = stream.feed("ab" * (1 << 20), endless)

    assert shown == "[w.p]"
    assert not stream.holding
