"""Which names, environments, tags, descriptions and expiry dates may a credential have?

The same for every kind. Each check returns the value as it is stored, or raises `InvalidCredential` with
the field in `errors`; no message quotes what was typed.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from typing import NoReturn

from credmagic.errors import InvalidCredential

NAME_LENGTH = 128
DESCRIPTION_LENGTH = 4096
TAG_LENGTH = 64
TAG_COUNT = 64
ENVIRONMENT = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A regular expression; this and those below are for JSON Schema too, so they use what every language has."""
_NOT_IN_LINES = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
ONE_LINE = f"^[^{_NOT_IN_LINES}]*$"
"""What `has_control` lets pass."""
BLANKS = " \t\r\n"
"""What is taken off the ends of a value whose blanks are typing accidents."""
ONE_LINE_TRIMMED = rf"^[ \t\r\n]*[^{_NOT_IN_LINES}]*[ \t\r\n]*$"
SOME_LINES = f"^([\\t\\n\\r]|[^{_NOT_IN_LINES}])*$"
NAME = rf"^[^\s{_NOT_IN_LINES}]([^{_NOT_IN_LINES}]*[^\s{_NOT_IN_LINES}])?$"

_CORRECT = "Correct it, then repeat the command. Help: %cred add --help"
_ENVIRONMENT = re.compile(ENVIRONMENT + r"\Z")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def has_control(text: str, allowed: str = "") -> bool:
    """True if `text` has a control character, line separator, half a surrogate pair or a reordering mark."""
    if text.isascii() and text.isprintable():
        return False
    return any((unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _BIDI) and c not in allowed for c in text)


def check_name(name: object) -> str:
    """The name in Unicode's compatibility form (NFKC)."""
    if not isinstance(name, str) or not name.strip():
        _refuse("name", "is required", "Give it a name: %cred new KIND warehouse")
    if has_control(name):
        _refuse("name", "must not contain control characters or line breaks")
    name = unicodedata.normalize("NFKC", name)
    if name != name.strip():
        _refuse("name", "must not begin or end with a blank")
    if len(name) > NAME_LENGTH:
        _refuse("name", f"must have at most {NAME_LENGTH} characters")
    return name


def check_environment(environment: object) -> str:
    """The environment; the empty string means "serves every environment"."""
    if environment is None or environment == "":
        return ""
    if not isinstance(environment, str) or not _ENVIRONMENT.match(environment):
        _refuse(
            "environment",
            "must be a short word of letters, digits, '.', '_' or '-'",
            "Usual ones are draft and live: --env live",
        )
    return environment


def check_tags(tags: object) -> list[str]:
    """Tags in the order given, without repetitions; a string is split at blanks and commas."""
    if tags is None:
        return []
    parts = re.split(r"[\s,]+", tags.strip()) if isinstance(tags, str) else tags
    if not isinstance(parts, Iterable):
        _refuse("tags", "must be a list of words")
    found: dict[str, None] = {}
    for tag in parts:
        if not isinstance(tag, str) or has_control(tag):
            _refuse("tags", "must be words without control characters")
        if len(tag) > TAG_LENGTH:
            _refuse("tags", f"must have at most {TAG_LENGTH} characters each")
        if tag.strip():
            found[tag.strip()] = None
    if len(found) > TAG_COUNT:
        _refuse("tags", f"must be at most {TAG_COUNT}")
    return list(found)


def check_description(description: object) -> str:
    """The description; line breaks and tabs are kept."""
    if description is None:
        return ""
    if not isinstance(description, str) or has_control(description, "\n\r\t"):
        _refuse("description", "must be text without control characters")
    if len(description) > DESCRIPTION_LENGTH:
        _refuse("description", f"must have at most {DESCRIPTION_LENGTH} characters")
    return description


def read_datetime(text: str) -> datetime | None:
    """An ISO 8601 date (midnight UTC) or date and time (UTC unless it says otherwise); None if it is neither."""
    try:
        if len(text) <= 10:
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def parse_expiry(text: object) -> datetime:
    """The moment after which the credential is not handed out any more, in UTC.

    Takes an ISO 8601 date (`2027-01-31`, midnight UTC) or date and time; raises `InvalidCredential`.
    """
    if isinstance(text, datetime):
        return text.astimezone(UTC) if text.tzinfo else text.replace(tzinfo=UTC)
    moment = read_datetime(text.strip()) if isinstance(text, str) else None
    if moment is None:
        _refuse("expires_at", "must be a date like 2027-01-31 or 2027-01-31T18:00+01:00")
    return moment


def next_name(kind: str, count: int, is_taken: Callable[[str], bool]) -> str:
    """`KIND-N` for a credential that got no name, where there are `count` of that kind already."""
    return next(name for number in itertools.count(count + 1) if not is_taken(name := f"{kind}-{number}"))


def env_name(name: str) -> str:
    """The part of variable names that stands for a credential: upper case, `_` for all but letters and digits.

    A letter of another script than Latin is written by its number, else all names of one length would be one.
    """
    stem = re.sub(r"[^A-Z0-9]", _in_ascii, name.upper())
    return f"_{stem}" if stem[:1].isdigit() else stem


def _in_ascii(match: re.Match[str]) -> str:
    letter = match[0]
    latin = unicodedata.normalize("NFKD", letter)[:1].isascii()  # with an accent, as in "größe"
    return f"U{ord(letter):04X}" if letter.isalnum() and not latin else "_"


def env_stem(name: str, prefix: str | None) -> str:
    """What stands in variables for `NAME`: the credential's name, or the prefix that was asked for."""
    if not prefix:
        return env_name(name)
    stem = re.sub(r"[^A-Za-z0-9_]", "_", prefix).rstrip("_")
    return f"_{stem}" if stem[:1].isdigit() else stem


def _refuse(field: str, problem: str, next_step: str = "") -> NoReturn:
    words = {"expires_at": "the expiry", "tags": "tags"}.get(field, f"the {field}")
    raise InvalidCredential(f"{words} {problem}", next_step=next_step or _CORRECT, errors={field: problem})
