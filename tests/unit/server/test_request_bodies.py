"""Which bodies and headers are read, and in which words the others are refused."""

import json

import pytest

from credmagic.errors import AccessDenied, InvalidCredential
from credmagic.server import requests

SECRET = "canary-body-91f3"


def test_a_json_object_is_read():
    assert requests.parse_object(b'{"a": [1, {"b": "\xc3\xbc \\ud83d\\udcbe"}]}') == {"a": [1, {"b": "ü 💾"}]}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff\xfe{}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1, "a": 2}', b"{}{}", b'{"a": "\\uD800"}',
        b'{"' + SECRET.encode() + b'": "' + SECRET.encode() + b'"', b"1" * 5_000,
    ],
)  # fmt: skip
def test_what_is_no_json_is_400_and_not_quoted(body):
    with pytest.raises(InvalidCredential) as error:
        requests.parse_object(body)

    assert error.value.http_status == 400
    assert SECRET not in repr(error.value) + str(error.value) + json.dumps(error.value.to_json())
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true"])
def test_json_that_is_no_object_is_422(body):
    with pytest.raises(InvalidCredential) as error:
        requests.parse_object(body)

    assert error.value.http_status == 422


@pytest.mark.parametrize(("levels", "fits"), [(19, True), (20, False), (21, False), (500, False)])
def test_twenty_levels_are_deep_enough(levels, fits):
    body = b'{"a": ' + b"[" * levels + b"]" * levels + b"}"
    if fits:
        assert requests.parse_object(body)
        return
    with pytest.raises(InvalidCredential, match="nested deeper"):
        requests.parse_object(body)


def test_nesting_beyond_what_the_parser_follows_is_too_deep():
    """Whether or not it would be JSON in the end: nobody reads that far."""
    with pytest.raises(InvalidCredential, match="nested deeper"):
        requests.parse_object(b"[" * 10_000)


def test_many_flat_brackets_are_not_deep():
    assert len(requests.parse_object(json.dumps({"a": [[], {}] * 1000}).encode())["a"]) == 2000


def test_a_mebibyte_is_the_limit():
    assert requests.parse_object(b'{"a": "' + b"x" * ((1 << 20) - 9) + b'"}')
    with pytest.raises(InvalidCredential, match="1 MiB"):
        requests.parse_object(b'{"a": "' + b"x" * (1 << 20) + b'"}')


@pytest.mark.parametrize("name", ["Cookie", "origin", "REFERER", "Sec-Fetch-Site", "sec-fetch-user"])
def test_a_browsers_header_is_named_in_the_refusal(name):
    with pytest.raises(AccessDenied, match=name):
        requests.refuse_browsers({name: SECRET, "Host": "localhost"})


def test_two_identities_are_one_too_many():
    with pytest.raises(AccessDenied, match="two identities"):
        requests.refuse_browsers({"Authorization": "token x"})


def test_other_headers_are_nobodys_business():
    requests.refuse_browsers({"Host": "localhost", "User-Agent": "x", "X-Original": "y"})


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_is_json_however_it_is_spelled(kind):
    requests.check_content_type({"Content-Type": kind, "Content-Length": "2"})


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json5", "text/plain; application/json"])
def test_a_body_of_another_type_is_415(kind):
    for sent in ({"Content-Length": "2"}, {"Transfer-Encoding": "chunked"}):
        with pytest.raises(InvalidCredential) as error:
            requests.check_content_type({"Content-Type": kind, **sent})
        assert error.value.http_status == 415


def test_no_body_needs_no_type():
    requests.check_content_type({})
    requests.check_content_type({"Content-Length": "0"})
