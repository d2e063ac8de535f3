"""Which bytes does a JSON object have, and which bytes are one?

Written: UTF-8, names sorted, no white space, so that the same object always gives the same bytes. Read: any
JSON object in UTF-8, but none in which a name occurs twice: two readers could disagree about its meaning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from credmagic.errors import InvalidCredential, SealBroken


def dump(obj: Mapping[str, Any]) -> bytes:
    """The object's bytes. `InvalidCredential` for what UTF-8 JSON cannot carry: lone surrogates, NaN."""
    try:
        return json.dumps(obj, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode(
            "utf-8"
        )
    except ValueError:  # UnicodeEncodeError among them: it would quote the value
        pass
    raise InvalidCredential(
        "a field holds half a character (a lone surrogate) or a number that is not finite",
        next_step="Read the value as UTF-8 and store it again.",
    )


def load(data: bytes) -> dict[str, Any]:
    """The object. `SealBroken` for anything else: other JSON, no JSON, no UTF-8, a name that occurs twice."""
    try:
        found = _decoder.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):  # deep nesting is somebody's attempt, not a record of ours
        found = None
    if not isinstance(found, dict):
        raise SealBroken(reason="json")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError("not a JSON number")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
