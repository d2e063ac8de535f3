"""Which words does a magic line consist of, and where does each stand in it?

Quotes group, nothing escapes (a Windows path stays whole), a backslash at the end of a line continues it, and `# …`
ends it, as in any line of Python. The places let a refused value be cut out of the text it was typed in, whatever
quotes it wore.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_WORD = re.compile(r"""(?:\\\n|\s)*((?:"[^"]*"|'[^']*'|\\(?!\n)|[^\s"'\\]|["'])+)""")
_QUOTED = re.compile(r"""\"([^"]*)\"|'([^']*)'""")

COMMAND = re.compile(
    r"^[ \t]*(?:[^\n=#'\"]*=\s*)?(?P<command>%%?cred|!+\s*credmagic|cred)(?=[ \t\\]|$)(?P<words>(?:\\\n|[^\n])*)",
    re.MULTILINE,
)
"""A `%cred` line (also assigned, `%%cred`, automagic `cred`, or `!credmagic`) with the words that follow."""


class Word(NamedTuple):
    """A word without its quotes, and its place with them."""

    text: str
    start: int
    end: int


def words(line: str) -> list[Word]:
    """The words of `line`, in order. An open quote is an ordinary character."""
    return list(_words(line))


def _words(line: str) -> Iterator[Word]:
    for match in _WORD.finditer(line):
        if not match[1].strip("#"):  # `#` on its own; a value may begin with one
            return
        text = _QUOTED.sub(lambda quoted: quoted[1] if quoted[1] is not None else quoted[2], match[1])
        yield Word(text, match.start(1), match.end(1))


def quoted(text: str) -> str:
    """`text` as one word of a magic line."""
    if text and not re.search(r"[\s\"']", text):
        return text
    return f"'{text}'" if '"' in text else f'"{text}"'


def replaced(line: str, instead: dict[int, str]) -> str:
    """`line` with some of its words (by index) replaced; an empty text takes the blank before it along."""
    found = words(line)
    for index in sorted(instead, reverse=True):
        word = found[index]
        text = instead[index]
        before = line[: word.start] if text else line[: word.start].rstrip(" \t")
        line = before + text + line[word.end :]
    return line
