"""Does the demo's service really check who is asking, and does tidying up spare what is not the demo's?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from credmagic.demo import service, tidy
from credmagic.errors import CredentialNotFound

SECRET = "Kanari-ß/+&\"' and a blank"


@pytest.fixture
def url() -> Iterator[str]:
    with service.running(SECRET) as url:
        yield url


def status(url: str, **how: Any) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=10, **how).status_code


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_the_right_user_and_password_are_let_in(url: str, encoding: str) -> None:
    assert status(f"{url}/orders", auth=(b"ada", SECRET.encode(encoding))) == 200


@pytest.mark.parametrize(
    "login", [("ada", ""), ("ada", SECRET[:-1]), ("ada", SECRET + " "), ("bob", SECRET.encode()), ("", "")]
)
def test_wrong_logins_are_not(url: str, login: tuple[str, str]) -> None:
    assert status(f"{url}/orders", auth=login) == 401


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic YQ==", "Bearer x", "nonsense"])
def test_other_headers_are_not(url: str, header: str) -> None:
    assert status(f"{url}/orders", headers={"Authorization": header}) == 401


@pytest.mark.parametrize("name", ["api_key", "X-API-Key"])
def test_the_api_key_is_checked(url: str, name: str) -> None:
    assert status(f"{url}/keys/orders", headers={name: SECRET.encode()}) == 200
    assert status(f"{url}/keys/orders", headers={name: "something else"}) == 401
    assert status(f"{url}/keys/orders") == 401
    assert status(f"{url}/orders", headers={name: SECRET.encode()}) == 401


def test_a_bearer_token_is_an_api_key(url: str) -> None:
    assert status(f"{url}/keys/orders", headers={"Authorization": b"Bearer " + SECRET.encode()}) == 200


def test_there_is_nothing_else(url: str) -> None:
    assert status(url) == 404
    assert status(f"{url}/orders/../secret") == 404


def test_it_ends_with_its_block() -> None:
    with service.running(SECRET) as url:
        assert status(f"{url}/orders") == 401
    with pytest.raises(requests.ConnectionError):
        status(f"{url}/orders")


class Shelf:
    """A client's `show` and `delete` over one credential, for `tidy`."""

    def __init__(self, fields: dict[str, str] | None) -> None:
        self.fields = fields
        self.deleted = False

    def call(self, action: str, /, **parameters: Any) -> dict[str, Any]:
        assert parameters["ref"] == "demo-api"
        if self.fields is None:
            raise CredentialNotFound("no credential of that name")
        self.deleted = self.deleted or action == "delete"
        return {"fields": self.fields}


@pytest.mark.parametrize(
    ("fields", "goes"),
    [
        (None, False),
        ({"user": "ada", "url": "http://127.0.0.1:20001/orders"}, True),
        ({"user": "ada", "url": "https://shop.example"}, False),
        ({"user": "me", "url": "http://127.0.0.1:20001/orders"}, False),
        ({}, False),
    ],
)
def test_only_an_earlier_demos_credential_makes_room(fields: dict[str, str] | None, goes: bool) -> None:
    shelf = Shelf(fields)
    assert tidy.forget(shelf) is goes  # type: ignore[arg-type]
    assert shelf.deleted is goes
