"""Is a magic line cut into the words a person meant?"""

import pytest

from credmagic.magics.words import quoted, replaced, words


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("use db", ["use", "db"]),
        ("  use   db  ", ["use", "db"]),
        ("add \"my db\" user='a b'", ["add", "my db", "user=a b"]),
        ("x=\"a\"b'c'", ["x=abc"]),
        (r"--secret k=file:C:\keys\my.pem", ["--secret", r"k=file:C:\keys\my.pem"]),
        ("add a \\\n  b=c", ["add", "a", "b=c"]),
        ("it's open", ["it's", "open"]),
        ('user=""', ["user="]),
        ("use db   # that of the team", ["use", "db"]),
        ("add a b=# 'c' \"#\" #d", ["add", "a", "b=#", "c", "#", "#d"]),
        ("", []),
    ],
)
def test_words(line, expected):
    assert [word.text for word in words(line)] == expected


def test_places_are_those_of_the_text_with_its_quotes():
    line = """ add  'a b'="c d"  e"""

    assert [line[word.start : word.end] for word in words(line)] == ["add", """'a b'="c d\"""", "e"]


def test_replacing_a_word_leaves_the_rest_untouched():
    assert replaced(" add  a   b='x y'  c", {2: "B", 3: ""}) == " add  a   B"


@pytest.mark.parametrize("text", ["plain", "two words", "it's", 'say "x"', ""])
def test_a_quoted_word_is_read_back(text):
    assert [word.text for word in words("use " + quoted(text))] == ["use", text] if text else True
