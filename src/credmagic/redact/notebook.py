"""What does a notebook or a text file look like without the values?

Pure functions for the guard that stands before every save. Sources, outputs of every type, metadata with widget
state, attachments: the whole document is walked, so a part of the format that is not known yet is covered, too.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from typing import Any

from credmagic.redact.content import is_own_model
from credmagic.redact.matcher import Matcher

_MULTILINE = frozenset({"source", "text"})
"""Keys whose list of strings is one text cut at line ends; so are the non-JSON MIME types."""


def redact_notebook(content: dict[str, Any], matcher: Matcher) -> tuple[dict[str, Any], int]:
    """A copy of the notebook without the values, and how many places were masked (0: the very same object)."""
    walk = _Walk(matcher)
    new: dict[str, Any] = walk.value(content)
    return new, walk.count


def redact_text_file(content: str, matcher: Matcher, *, format: str = "text") -> tuple[str, int]:
    """The same for a file's `content`, as the contents API has it: `format` is `text` or `base64`.

    A notebook that arrives as text is treated as one. Bytes that are no text stay as they are: a binary file
    cannot be masked without breaking it. Raises `ValueError` for base64 that is none.
    """
    if format != "base64":
        return _text_file(content, matcher)
    data = _bytes_of(content)
    for encoding in ("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8", "utf-16"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        new, count = _text_file(text, matcher)
        return (base64.b64encode(new.encode(encoding)).decode(), count) if count else (content, 0)
    return content, 0


def _bytes_of(content: str) -> bytes:
    with contextlib.suppress(binascii.Error):
        return base64.b64decode("".join(content.split()), validate=True)
    raise ValueError("the file's content is not base64")


def _text_file(text: str, matcher: Matcher) -> tuple[str, int]:
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict) and "nbformat" in document:
            new, count = redact_notebook(document, matcher)
            return (json.dumps(new, indent=1, ensure_ascii=False) + "\n", count) if count else (text, 0)
    return matcher.replace(text)


class _Walk:
    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self.count = 0

    def text(self, text: str) -> str:
        new, count = self._matcher.replace(text)
        self.count += count
        return new

    def value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._dict(value)
        if isinstance(value, list):
            return self._list(value, key)
        return value

    def _dict(self, value: dict[Any, Any]) -> dict[Any, Any]:
        if is_own_model(value.get("state")):  # one of our forms in the widget state: public by construction
            return value
        new = {
            (self.text(key) if isinstance(key, str) else key): self.value(inner, str(key))
            for key, inner in value.items()
        }
        same = all(a is b for a, b in zip(new, value, strict=False)) and len(new) == len(value)
        return value if same and all(a is b for a, b in zip(new.values(), value.values(), strict=True)) else new

    def _list(self, value: list[Any], key: str) -> list[Any]:
        if value and _is_cut_text(key) and all(isinstance(item, str) for item in value):
            whole = "".join(value)
            new = self.text(whole)
            return value if new is whole else new.splitlines(keepends=True)
        items = [self.value(item, key) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items


def _is_cut_text(key: str) -> bool:
    return key in _MULTILINE or ("/" in key and not key.endswith("json"))
