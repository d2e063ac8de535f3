"""Which request bodies does credmagic read at all?

JSON objects (arrays, where a client sends one) in UTF-8, at most 1 MiB and 20 levels deep, sent as
`application/json`. Bodies are parsed here and not by Jupyter's `get_json_body`, which logs what it cannot parse.
Nothing of a body is ever quoted in an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from credmagic.client.socket import TOKEN_HEADER
from credmagic.errors import AccessDenied, InvalidCredential

MAX_BODY = 1 << 20
MAX_DEPTH = 20
_NEXT = "See docs/architecture.md for the parameters of each call."


class MalformedBody(InvalidCredential):
    """The body is not JSON."""

    status = 400


class WrongContentType(InvalidCredential):
    """The body is not said to be JSON."""

    status = 415


def shown_browser_headers(headers: Mapping[str, str]) -> list[str]:
    """Names of the headers only a browser sends: planes with values refuse requests that carry one."""
    return [name for name in headers if name.lower().startswith(("cookie", "origin", "referer", "sec-fetch-"))]


def refuse_browsers(headers: Mapping[str, str]) -> None:
    """Raise `AccessDenied` when a browser sent this, or when it carries a second identity."""
    if found := shown_browser_headers(headers):
        raise AccessDenied(
            f"values are not given to browsers (the request carries {', '.join(sorted(found))})",
            next_step="Ask from a kernel: %cred use NAME",
        )
    if "Authorization" in headers:
        raise AccessDenied(
            "the request shows two identities", next_step=f"Send {TOKEN_HEADER} only, without Authorization."
        )


def check_content_type(headers: Mapping[str, str]) -> None:
    """Refuse a body that is not said to be JSON before a byte of it is read. Raises `WrongContentType`."""
    length = headers.get("Content-Length", "0")
    has_body = length != "0" or "Transfer-Encoding" in headers
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if has_body and kind != "application/json":
        raise WrongContentType(
            "a body must be sent as application/json",
            next_step="Set the header Content-Type: application/json",
        )


def is_short(headers: Mapping[str, str]) -> bool:
    """Whether no more is announced than a body may hold."""
    length = headers.get("Content-Length", "0")
    return "Transfer-Encoding" not in headers and length.isdecimal() and int(length) <= MAX_BODY


def too_large() -> InvalidCredential:
    """The error for a body of more than 1 MiB.

    422, because some clients repeat a 413 for minutes; and only after the rest was read and thrown away, because
    they would see a broken connection instead.
    """
    return InvalidCredential("the request is larger than 1 MiB", next_step="A single field may have up to 128 KiB.")


def parse_object(body: bytes | bytearray) -> dict[str, Any]:
    """The JSON object in `body`. Raises `MalformedBody` (400) or `InvalidCredential` (422)."""
    parsed = _parsed(body)
    if not isinstance(parsed, dict):
        raise InvalidCredential("the body must be a JSON object", next_step=_NEXT)
    return parsed


def parse_array(body: bytes | bytearray) -> list[Any]:
    """The JSON array in `body`. Raises `MalformedBody` (400) or `InvalidCredential` (422)."""
    parsed = _parsed(body)
    if not isinstance(parsed, list):
        raise InvalidCredential("the body must be a JSON array", next_step=_NEXT)
    return parsed


def _parsed(body: bytes | bytearray) -> Any:
    if len(body) > MAX_BODY:
        raise too_large()
    parsed, readable, too_deep = None, True, False
    try:
        parsed = _DECODER.decode(body.decode("utf-8"))
        if b"\\ud" in body.lower():
            json.dumps(parsed, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except RecursionError:
        too_deep = True
    except ValueError:
        readable = False
    if not readable:
        raise MalformedBody("the body is not JSON in UTF-8", next_step=_NEXT)
    if too_deep or (body.count(b"{") + body.count(b"[") > MAX_DEPTH and _depth(parsed) > MAX_DEPTH):
        raise InvalidCredential(f"the body is nested deeper than {MAX_DEPTH} levels", next_step=_NEXT)
    return parsed


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return made


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates)


def _depth(value: Any) -> int:
    """How many objects and lists lie in one another."""
    level, deep = [value] if isinstance(value, dict | list) else [], 0
    while level:
        deep += 1
        children = (child for node in level for child in (node.values() if isinstance(node, dict) else node))
        level = [child for child in children if isinstance(child, dict | list)]
    return deep
