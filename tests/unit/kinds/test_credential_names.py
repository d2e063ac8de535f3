"""The rules for names, environments, tags, descriptions and dates, the same for every kind."""

from datetime import UTC, datetime

import pytest

from credmagic.errors import InvalidCredential
from credmagic.kinds import names


@pytest.mark.parametrize(
    ("given", "kept"),
    [("warehouse", "warehouse"), ("ﬁle", "file"), ("größe", "größe"), ("a b/c", "a b/c"), ("x" * 128, "x" * 128)],
)
def test_a_name_is_kept_in_compatibility_form(given, kept):
    assert names.check_name(given) == kept


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a ", "a\nb", "a\0", "a\u2028b", "a\u202eb", "x" * 129, "ﬁ" * 65, None, 7, "a\ud800", "\u00a0a"]
)
def test_a_bad_name_is_refused_under_its_field(name):
    with pytest.raises(InvalidCredential) as caught:
        names.check_name(name)

    assert list(caught.value.errors) == ["name"]


def test_environments_are_short_words_or_none():
    assert names.check_environment("live-2") == "live-2"
    assert names.check_environment(None) == names.check_environment("") == ""
    for bad in ("a b", "-x", "a\n", "x" * 65, "é", 3):
        with pytest.raises(InvalidCredential):
            names.check_environment(bad)


def test_tags_are_words_without_repetition():
    assert names.check_tags("a, b a") == names.check_tags(["a", " b ", "a", ""]) == ["a", "b"]
    assert names.check_tags(None) == []
    for bad in ([1], ["a\n"], ["x" * 65], 5, [str(n) for n in range(65)]):
        with pytest.raises(InvalidCredential):
            names.check_tags(bad)


def test_a_description_may_have_lines():
    assert names.check_description("a\n\tb") == "a\n\tb"
    assert names.check_description(None) == ""
    for bad in ("\x1b[31m", "x" * 4097, 5):
        with pytest.raises(InvalidCredential):
            names.check_description(bad)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T18:00", datetime(2027, 1, 31, 18, tzinfo=UTC)),
        ("2027-01-31T18:00+02:00", datetime(2027, 1, 31, 16, tzinfo=UTC)),
        ("2027-01-31T18:00:00.000001Z", datetime(2027, 1, 31, 18, 0, 0, 1, tzinfo=UTC)),
        (datetime(2027, 1, 31), datetime(2027, 1, 31, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_moment_in_utc(text, moment):
    assert names.parse_expiry(text) == moment


@pytest.mark.parametrize("text", ["", "soon", "31.1.2027", "2027-13-01", None, 5, "9999-12-31T23:59:59-12:00"])
def test_an_expiry_that_is_none_is_refused_without_a_trace(text):
    with pytest.raises(InvalidCredential) as caught:
        names.parse_expiry(text)

    assert list(caught.value.errors) == ["expires_at"]
    assert caught.value.__context__ is None
