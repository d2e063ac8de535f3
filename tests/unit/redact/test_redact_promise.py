"""Is each value found in each promised form, cut anywhere, in each kind of output? (SECURITY row L3)

The encodings are made here a second time, by other means than in the product.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import sysconfig
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from credmagic.redact import registry
from credmagic.redact.content import redact_json
from credmagic.redact.matcher import Matcher
from credmagic.redact.notebook import redact_notebook
from credmagic.redact.stream import StreamFilter

VALUES = {
    "plain": "hunter2-but-longer",
    "short": "k7#Qz!",
    "token": "dGhpcyBpcyBub3QgYSByZWFsIHRva2Vu_ya29.a0ARrdaM9x",
    "quotes": 'it\'s "quoted" \\ back/slash',
    "unicode": "pässwörd-密码-🔑",
    "markup": "<b>&amp;%20+%2F</b>",
    "key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAAo\n-----END PRIVATE KEY-----\n",
    "control": "tab\there\x07bell",
    "spaces": "  blanks around it  ",
    "digits": "8412077391",
}

ENCODERS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "repr": repr,
    "ascii": ascii,
    "bytes": lambda v: repr(v.encode()),
    "nested_repr": lambda v: repr({"k": [v]}),
    "json": json.dumps,
    "json_unicode": lambda v: json.dumps({"k": v}, ensure_ascii=False),
    "html": html.escape,
    "html_text": lambda v: html.escape(v, quote=False),
    "quote": urllib.parse.quote,
    "quote_all": lambda v: urllib.parse.quote(v, safe=""),
    "quote_plus": urllib.parse.quote_plus,
    "urlencode": lambda v: urllib.parse.urlencode({"password": v}),
    "b64": lambda v: base64.b64encode(v.encode()).decode(),
    "b64_1": lambda v: base64.b64encode(b"u" + v.encode() + b"z").decode(),
    "b64_2": lambda v: base64.b64encode(b"u:" + v.encode() + b"zz").decode(),
    "b64_url": lambda v: base64.urlsafe_b64encode(b"usr" + v.encode()).decode(),
    "b64_url_1": lambda v: base64.urlsafe_b64encode(b"user" + v.encode() + b"?").decode(),
    "b64_url_2": lambda v: base64.urlsafe_b64encode(b"user:" + v.encode()).decode(),
    "hex": lambda v: binascii.hexlify(v.encode()).decode(),
    "hex_upper": lambda v: v.encode().hex().upper(),
    "utf16le_hex": lambda v: v.encode("utf-16-le").hex(),
    "utf16be_hex": lambda v: v.encode("utf-16-be").hex().upper(),
    "reversed": lambda v: "".join(reversed(v)),
}  # fmt: skip

MIMES = ("text/plain", "text/html", "application/json", "text/latex", "application/vnd.custom+json")


def in_each_output(text: str) -> Iterator[Any]:
    yield {"name": "stdout", "text": text}
    yield {"ename": "E", "evalue": text, "traceback": ["first", text]}
    yield {"payload": [{"source": "page", "data": {"text/plain": text}}], "status": "ok"}
    yield {"comm_id": "1", "data": {"state": {"value": text}, text: 1}}
    for mime in MIMES:
        yield {"data": {mime: {"deep": [text]} if mime.endswith("json") else text}, "metadata": {mime: {"t": text}}}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (s for pair in value.items() for part in pair for s in strings(part))
    elif isinstance(value, list):
        yield from (s for item in value for s in strings(item))


@pytest.fixture(params=sorted(VALUES))
def value(request: pytest.FixtureRequest) -> str:
    return VALUES[request.param]


@pytest.fixture
def matcher(value: str) -> Matcher:
    registry.register("warehouse", {"password": value})
    found = registry.current()
    assert found is not None
    return found


def secret_part(value: str) -> str:
    """A line of the value that gives it away (the boundary of a PEM file does not)."""
    return max((line for line in value.strip().splitlines() if "-----" not in line), key=len)


@pytest.mark.parametrize("form", sorted(ENCODERS))
def test_each_form_is_masked_in_each_output_at_each_cut(value: str, matcher: Matcher, form: str) -> None:
    """10 values x 24 forms x (9 outputs + 9 cuts) = 4 320 cases."""
    encoded = ENCODERS[form](value)
    essence = ENCODERS["raw" if form in {"raw", "repr", "bytes"} else form](secret_part(value))
    text = f"before {encoded} after"

    for content in in_each_output(text):
        for shown in strings(redact_json(content, matcher.redact_text)):
            assert encoded not in shown
            assert essence not in shown
            assert "[warehouse.password]" in shown or len(shown) < 40

    for cut in {1, 7, 8, 10, len(text) // 3, len(text) // 2, len(text) - 9, len(text) - 7, len(text) - 1}:
        stream = StreamFilter()
        pieces = [stream.feed(text[:cut], matcher), stream.feed(text[cut:], matcher)]
        joined = "".join([*pieces, stream.release(matcher, everything=True)])
        assert joined == matcher.redact_text(text)
        assert encoded not in joined
        assert joined.startswith("before ")
        assert joined.endswith(" after")


def test_the_control_of_this_file_finds_what_is_not_masked(value: str) -> None:
    """Without a matcher every case above would show the value."""
    nothing = Matcher({})

    assert all(encode(value) in nothing.redact_text(encode(value)) for encode in ENCODERS.values())


def test_a_single_line_of_a_key_is_masked() -> None:
    registry.register("git", {"private_key": VALUES["key"]})
    matcher = registry.current()

    assert matcher is not None
    assert matcher.redact_text("x MIIEvQIBADANBgkqhkiG9w0 y") == "x [git.private_key] y"
    assert matcher.redact_text("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_a_long_value_cut_in_the_middle_as_verbose_tracebacks_do_is_masked() -> None:
    import pydoc

    long = "".join(chr(33 + (i * 37) % 90) for i in range(120))
    registry.register("api", {"token": long})
    matcher = registry.current()

    assert matcher is not None
    shown = matcher.redact_text(pydoc.text.repr(long))

    assert long[3:20] not in shown
    assert long[-20:-3] not in shown


def test_the_strings_of_a_key_file_are_masked_but_not_what_every_key_file_says() -> None:
    key_file = {
        "type": "service_account", "project_id": "my-project-1", "private_key_id": "9f86d081884c7d65",
        "private_key": VALUES["key"], "token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com",
    }  # fmt: skip
    registry.register("lake", {"gcp_key": json.dumps(key_file)}, ["my-project-1"])
    matcher = registry.current()

    assert matcher is not None
    assert matcher.redact_text(key_file["private_key_id"]) == "[lake.gcp_key]"
    assert "MIIEvQIBADAN" not in matcher.redact_text(json.dumps(key_file, indent=2))
    for innocent in ("service_account", "my-project-1", "googleapis.com", key_file["token_uri"]):
        assert matcher.redact_text(innocent) == innocent


def test_text_that_has_nothing_to_do_with_the_values_stays_as_it_is() -> None:
    """SECURITY allows one false hit in 10^6 characters; the standard library's own source must have none."""
    for i in range(60):
        registry.register(f"c{i}", {"password": f"{i:02d}{VALUES['token'][i % 20 :]}{i * 7919:06d}"})
    matcher = registry.current()
    assert matcher is not None
    sources = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:80]

    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in sources)

    assert len(text) > 1_000_000
    assert matcher.redact_text(text) is text


def test_a_notebook_loses_the_value_from_every_corner(value: str, matcher: Matcher) -> None:
    line = secret_part(value)
    content = {
        "nbformat": 4,
        "metadata": {"title": value, "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"a": {"state": {"value": value}}}}}},
        "cells": [{
            "cell_type": "code", "source": [line[:3], line[3:]], "metadata": {"x": [value]}, "attachments": {"a.txt": {"text/plain": value}},
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": [f"a\n{line[:4]}", line[4:]]},
                {"output_type": "display_data", "data": {"text/html": ["<b>", html.escape(value)], "application/json": {"v": value}}},
                {"output_type": "error", "ename": "E", "evalue": value, "traceback": [value]},
            ],
        }],
    }  # fmt: skip
    before = json.dumps(content)

    new, count = redact_notebook(content, matcher)

    assert count >= 8
    assert json.dumps(content) == before
    assert not any(line in s or value in s for s in strings(new))
    assert "".join(new["cells"][0]["source"]) == "[warehouse.password]"
