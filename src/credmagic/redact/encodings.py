"""In which forms can a value turn up in output?

The promise: raw, `repr`, JSON- and HTML-escaped, URL-encoded, base64 (both alphabets, at each of the three
alignments inside a longer text), hex, UTF-16 hex, reversed; and all of it for each longer line of a value of several
lines. Anything else is a transformation on purpose, which no filter can promise to see.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Collection, Iterator
from urllib.parse import quote, quote_plus

from credmagic.masking import MIN_LENGTH, why_unmaskable

_PEM_BOUNDARY = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]+-----\s*\Z")
_PUBLIC_HEADS = ("eyJ", "-----BEGIN ", "http://", "https://")
"""The header of every JWT with the same algorithm is the same; it says nothing of this one."""
_URL_SAFE_SETS = ("/", "", "!*'()", " +", " +/")
"""Characters left alone by `quote`, by `quote(safe="")`, by browsers and by SQLAlchemy's URLs (passwords, paths)."""
_OTHER_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"})
_HEX_ESCAPE = re.compile(r"%[0-9A-F]{2}")


def patterns(value: str, public_values: Collection[str] = ()) -> set[str]:
    """Every text that gives `value` away; empty for a value that cannot be masked (see `masking`)."""
    if why_unmaskable(value, public_values):
        return set()
    return {form for piece in pieces(value, public_values) for form in forms(piece)}


def pieces(value: str, public_values: Collection[str] = ()) -> set[str]:
    """The value, without the blanks around it, and each line of it (or each string of a JSON document)."""
    found = {value, value.strip()}
    inner = list(_json_strings(value))
    found.update(line.strip() for text in (inner or [value]) for line in text.splitlines())
    found.update(inner)
    found.update(_ends(value.strip()))
    return {piece for piece in found if piece == value or _gives_away(piece, public_values)}


def _ends(value: str) -> Iterator[str]:
    """What a `%xmode Verbose` traceback shows of a long value: pydoc's `head...tail` in 60 characters."""
    if len(value) > 60:
        if not value.startswith(_PUBLIC_HEADS):
            yield value[:28]
        yield value[-29:]


def _gives_away(piece: str, public_values: Collection[str]) -> bool:
    return not why_unmaskable(piece, public_values) and not _PEM_BOUNDARY.match(piece)


def _json_strings(value: str) -> Iterator[str]:
    """The strings inside a JSON document, except addresses (a key file names public endpoints)."""
    if not value.lstrip().startswith(("{", "[")):
        return
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return
    open_ends = [document]
    while open_ends:
        item = open_ends.pop()
        if isinstance(item, dict):
            open_ends.extend(item.values())
        elif isinstance(item, list):
            open_ends.extend(item)
        elif isinstance(item, str) and not (item.startswith(("http://", "https://")) and "@" not in item):
            yield item


def forms(text: str) -> set[str]:
    """`text` in every promised encoding; none shorter than `MIN_LENGTH` unless `text` is."""
    raw = text.encode("utf-8", "surrogatepass")
    found = {text, text[::-1]}
    found.update(
        (repr(text)[1:-1], ascii(text)[1:-1], repr(raw)[2:-1], repr(text + "'\"")[1:-4], repr(text + "'")[1:-2])
    )
    once = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    found.update((*once, *(json.dumps(form, ensure_ascii=False)[1:-1] for form in once)))  # also JSON within JSON
    found.add(json.dumps(text)[1:-1].replace("/", "\\/"))
    found.update(_html(text))
    found.update(_url(text))
    found.update(_base64(raw))
    for data in (raw, text.encode("utf-16-le", "surrogatepass"), text.encode("utf-16-be", "surrogatepass")):
        found.update((data.hex(), data.hex().upper()))
    return {form for form in found if len(form) >= MIN_LENGTH or form == text}


def _html(text: str) -> Iterator[str]:
    for escaped in (html.escape(text), html.escape(text, quote=False), text.translate(_OTHER_ENTITIES)):
        yield escaped
        if not escaped.isascii():
            yield escaped.encode("ascii", "xmlcharrefreplace").decode()


def _url(text: str) -> Iterator[str]:
    for safe in _URL_SAFE_SETS:
        quoted = quote(text, safe=safe, errors="surrogatepass")
        yield quoted
        yield _HEX_ESCAPE.sub(lambda escape: escape[0].lower(), quoted)
    plus = quote_plus(text, errors="surrogatepass")
    yield plus
    yield _HEX_ESCAPE.sub(lambda escape: escape[0].lower(), plus)


def _base64(raw: bytes) -> Iterator[str]:
    """Base64 of `raw` alone, and the characters that stay the same wherever it lies in a longer text."""
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        alone = encode(raw).decode()
        yield alone
        yield alone.rstrip("=")
        for before in range(3):
            # A character of base64 is 6 bits; those that also hold bits of a neighbour are not ours.
            first, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
            yield encode(b"\0" * before + raw).decode()[first:end]
