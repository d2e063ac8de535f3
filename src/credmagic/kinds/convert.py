"""How does what was typed, sent or piped in become the value of a field?

One function per field type. Each takes text as a shell gives it, or the JSON value as a face sends it, and
returns the value or raises `Problem` with our own words. No message quotes the value: it may be a secret in the
wrong field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from credmagic.kinds.fields import FieldSpec
from credmagic.kinds.names import BLANKS, has_control, read_datetime
from credmagic.masking import looks_like_mask
from credmagic.values import UNNAMED, SecretStr

MAX_BYTES = 128 * 1024
"""The longest value of a field, in bytes of UTF-8."""
MAX_JSON_BYTES = 64 * 1024
"""The longest public JSON value, in bytes of UTF-8."""
MAX_ENTRIES = 1024
"""The most entries of a map or a list."""

_LINES = "\n\r\t"
_NEVER_IN_SECRETS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TRUE = frozenset(("true", "yes", "on", "1"))
_FALSE = frozenset(("false", "no", "off", "0"))


class Problem(ValueError):
    """Why a value does not fit its field, in words without the value. Never leaves `kinds`."""


def convert(spec: FieldSpec, value: Any) -> Any:
    """The value of the field `spec` made from `value`; None for "not given". Raises `Problem`."""
    if value is None or (isinstance(value, str) and value == ""):
        return None
    if spec.secret and spec.type not in ("json", "map"):
        return secret_text(value)
    converted = _BY_TYPE[spec.type](spec, value)
    return None if converted in ("", [], {}) else converted


def secret_text(value: Any) -> SecretStr:
    """A secret exactly as given: nothing is trimmed, line breaks stay as they are."""
    text = _limited(value)
    if looks_like_mask(text) or text == UNNAMED:
        raise Problem("is the mask that is shown in place of a value; give the value itself")
    if _NEVER_IN_SECRETS.search(text):
        raise Problem("contains control characters (only line breaks and tabs may be in a secret)")
    return SecretStr(text)


def _limited(value: Any, limit: int = MAX_BYTES) -> str:
    if not isinstance(value, str):
        raise Problem("must be text")
    if len(value) > limit:
        raise Problem(f"must be at most {limit // 1024} KiB")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Problem("is not valid text (it cannot be written as UTF-8)") from None
    if size > limit:
        raise Problem(f"must be at most {limit // 1024} KiB")
    return value


def _line(spec: FieldSpec, value: Any) -> str:
    text = _limited(value)
    if spec.trim:
        text = text.strip(BLANKS)
    if has_control(text):
        raise Problem("must be one line without control characters")
    return text


def _text(spec: FieldSpec, value: Any) -> str:
    text = _limited(value)
    if has_control(text, _LINES):
        raise Problem("must be text without control characters (line breaks are fine)")
    return text


def _url(spec: FieldSpec, value: Any) -> str:
    text = _limited(value).strip(BLANKS)
    if has_control(text) or re.search(r"\s", text):
        raise Problem("must not contain blanks or line breaks")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError:
        raise Problem("is not a URL like https://example.org/path") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Problem("must begin with https:// or http:// and name a host")
    if "@" in parts.netloc:
        raise Problem("must not contain a user or a password; they have fields of their own")
    return text


def _int(spec: FieldSpec, value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,15}\s*", value, re.ASCII):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Problem("must be a whole number")
    low, high = spec.bounds or (-(2**53), 2**53)
    if not low <= value <= high:
        raise Problem(f"must be between {low} and {high}")
    return value


def _bool(spec: FieldSpec, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise Problem("must be true or false")


def _datetime(spec: FieldSpec, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    moment = read_datetime(value.strip()) if isinstance(value, str) else None
    if moment is None:
        raise Problem("must be a date like 2027-01-31 or 2027-01-31T18:00+01:00")
    return moment


def _choice(spec: FieldSpec, value: Any) -> str:
    text = _line(spec, value).strip()
    for choice in spec.choices:
        if text.casefold() == choice.casefold():
            return choice
    if spec.open_choice:
        return text
    raise Problem(f"must be one of {', '.join(spec.choices)}")


def _list(spec: FieldSpec, value: Any) -> list[str]:
    if isinstance(value, str):
        text = _limited(value)
        value = json_value(text) if text.lstrip().startswith("[") else re.split(r"[\s,]+", text.strip())
    if not isinstance(value, (list, tuple)):
        raise Problem("must be a list of words")
    if len(value) > MAX_ENTRIES:
        raise Problem(f"must have at most {MAX_ENTRIES} entries")
    return [item for item in (_line(spec, item).strip() for item in value) if item]


def _json(spec: FieldSpec, value: Any) -> Any:
    limit = MAX_BYTES if spec.secret else MAX_JSON_BYTES
    parsed = json_value(_limited(value, limit)) if isinstance(value, str) else value
    if not isinstance(parsed, Mapping):
        raise Problem("must be a JSON object: {…}")
    if not spec.secret:
        json_text(parsed, limit)
        return dict(parsed)
    return secret_text(value if isinstance(value, str) else json_text(parsed, limit))


def _map(spec: FieldSpec, value: Any) -> dict[str, Any]:
    parsed = json_value(_limited(value)) if isinstance(value, str) else value
    if not isinstance(parsed, Mapping):
        raise Problem('must be a JSON object of texts: {"key": "value"}')
    if len(parsed) > MAX_ENTRIES:
        raise Problem(f"must have at most {MAX_ENTRIES} entries")
    return {map_key(key): secret_text(item) for key, item in parsed.items()}


def map_key(key: Any) -> str:
    """A key of a map: short, one word, without `=`. Raises `Problem`."""
    if not isinstance(key, str) or not key or len(key) > 256:
        raise Problem("must have keys of 1 to 256 characters")
    if "=" in key or has_control(key) or re.search(r"\s", key):
        raise Problem("must have keys without '=', blanks and control characters")
    return key


def json_value(text: str) -> Any:
    """`text` parsed as JSON. Raises `Problem` with the line and column, never with the content."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):
        where = "too deep, or with a number that is none"
    raise Problem(f"is not valid JSON ({where})")


def json_text(value: Any, limit: int = MAX_BYTES) -> str:
    """A JSON value as text. Raises `Problem` if it is none or too long."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        text = None
    if text is None:
        raise Problem("must hold JSON values only")
    return _limited(text, limit)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_BY_TYPE: Mapping[str, Callable[[FieldSpec, Any], Any]] = {
    "str": _line,
    "text": _text,
    "url": _url,
    "int": _int,
    "bool": _bool,
    "datetime": _datetime,
    "choice": _choice,
    "list": _list,
    "json": _json,
    "map": _map,
}
