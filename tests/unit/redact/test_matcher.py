"""Does the matcher hide every match, whatever the patterns and the text?"""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from credmagic.redact.matcher import Matcher
from credmagic.redact.stream import StreamFilter

LETTERS = "abé密\n"
patterns = st.dictionaries(st.text(LETTERS, min_size=1, max_size=8), st.sampled_from(["[X.Y]", "[Z.W]"]), max_size=6)
texts = st.text(LETTERS, max_size=40)
pieces = st.lists(st.text(LETTERS, max_size=7), max_size=12)


def hidden(matcher: Matcher, text: str) -> set[int]:
    return {i for hit in matcher.find(text) for i in range(hit.start, hit.end)}


def hidden_by_looking(labels: dict[str, str], text: str) -> set[int]:
    """The same, the slow and plain way."""
    return {
        i
        for pattern in labels
        for start in range(len(text))
        if text.startswith(pattern, start)
        for i in range(start, start + len(pattern))
    }


@settings(deadline=None)
@given(patterns, texts)
def test_exactly_the_occurrences_of_all_patterns_are_hidden(labels: dict[str, str], text: str) -> None:
    assert hidden(Matcher(labels), text) == hidden_by_looking(labels, text)


@settings(deadline=None)
@given(patterns, patterns, texts)
def test_adding_a_pattern_never_reveals_more(labels: dict[str, str], more: dict[str, str], text: str) -> None:
    assert hidden(Matcher(labels), text) <= hidden(Matcher({**labels, **more}), text)


@settings(max_examples=300, deadline=None)
@given(patterns, pieces)
@example({"a": "[X.Y]", "aa": "[X.Y]", "\na\n": "[X.Y]"}, ["\na", "\n"])
def test_cutting_a_text_anywhere_changes_nothing(labels: dict[str, str], parts: list[str]) -> None:
    """What a stream shows in the end is what the whole text would have shown at once."""
    matcher, stream = Matcher(labels), StreamFilter()

    shown = "".join([*(stream.feed(part, matcher) for part in parts), stream.release(matcher, everything=True)])

    assert shown == matcher.redact_text("".join(parts))


@settings(max_examples=300, deadline=None)
@given(patterns, pieces)
def test_letting_go_early_hides_the_end_of_a_value_still(labels: dict[str, str], parts: list[str]) -> None:
    """With pauses between the pieces the beginning may be out; no whole value ever is."""
    matcher, stream = Matcher(labels), StreamFilter()

    shown = "".join(
        text for part in parts for text in (stream.feed(part, matcher), stream.release(matcher, everything=False))
    ) + stream.release(matcher, everything=True)

    for pattern in labels:
        assert shown.count(pattern) == 0


def test_overlapping_values_leave_no_rest() -> None:
    """Leftmost-longest matching would leave `def`."""
    matcher = Matcher({"abc": "[x.short]", "bcdef": "[x.long]"})

    assert matcher.redact_text("-abcdef-") == "-[x.long]-"


def test_neighbours_are_named_one_by_one() -> None:
    assert Matcher({"abc": "[x.a]", "def": "[x.d]"}).redact_text("abcdef") == "[x.a][x.d]"


def test_text_without_a_match_is_returned_as_the_same_object() -> None:
    text = "nothing to see"

    assert Matcher({"abc": "[x.a]"}).redact_text(text) is text


def test_a_value_across_terminal_colours_is_found_and_the_colours_stay() -> None:
    matcher = Matcher({"secret": "[x.p]"})

    assert matcher.redact_text("a \x1b[1mse\x1b[31mcret\x1b[0m b") == "a \x1b[1m[x.p]\x1b[31m\x1b[0m b"
    assert matcher.redact_text("\x1b]8;;http://h/secret\x1b\\link\x1b]8;;\x1b\\").count("secret") == 0


def test_a_value_across_two_windows_is_found() -> None:
    """Texts are scanned in windows of 256 KiB."""
    matcher = Matcher({"needle-in-it": "[x.p]"})

    for at in range((1 << 18) - 14, (1 << 18) + 2):
        text = "." * at + "needle-in-it" + "." * 5
        assert matcher.redact_text(text) == "." * at + "[x.p]" + "." * 5


def test_lone_surrogates_do_not_stop_it() -> None:
    assert Matcher({"secret": "[x.p]"}).redact_text("\udcff secret \ud800") == "\udcff [x.p] \ud800"


def test_a_text_full_of_matches_is_one_mask() -> None:
    assert Matcher({"aaaaaa": "[x.p]"}).redact_text("a" * 600_000) == "[x.p]"
