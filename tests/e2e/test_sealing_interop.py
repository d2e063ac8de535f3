"""Does what a browser seals open in Python, by our own code and by the plain HPKE of `cryptography`?"""

from __future__ import annotations

import base64
import json
import struct
from importlib.resources import files
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from credmagic.crypto.entry import entry_info, new_entry_key, open_entry

pytestmark = pytest.mark.e2e

ENTRY_ID = "Zm9ybQ-_x"
SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
PEM = "-----BEGIN KEY-----\r\nAA==\r\n-----END KEY-----\n"
SEAL = "([source, entry, kind, value]) => new Function(source + '; return seal')()(entry, kind, value)"


@pytest.fixture(scope="module")
def page(browser: Any) -> Any:
    """An empty page in a secure context."""
    context = browser.new_context()
    page = context.new_page()
    page.route("http://localhost/**", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
    page.goto("http://localhost/")
    yield page
    context.close()


def seal_in(page: Any, public_key: bytes, kind: str, value: dict[str, Any]) -> bytes:
    source = (files("credmagic.forms") / "sealing.js").read_text("utf-8")
    key = base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
    sealed = page.evaluate(SEAL, [source, {"entry_id": ENTRY_ID, "public_key": key}, kind, value])
    return base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))


def length_prefixed(text: str) -> bytes:
    return struct.pack(">I", len(text.encode())) + text.encode()


def test_what_the_browser_seals_opens_in_the_vault(page: Any) -> None:
    private, public = new_entry_key()
    value = {"name": "größe", "fields": {"key": PEM, "password": "  blank at both ends "}, "verify": True}

    sealed = seal_in(page, public, "ssh_key", value)

    assert open_entry(private, sealed, entry_info(ENTRY_ID, "ssh_key")) == value


def test_it_is_plain_hpke_with_the_documented_info(page: Any) -> None:
    """Opened without any code of ours, from the parameters in docs/architecture.md."""
    private, public = new_entry_key()

    sealed = seal_in(page, public, "database", {"a": 1})

    info = b"credmagic/entry/v1" + length_prefixed(ENTRY_ID) + length_prefixed("database")
    assert json.loads(SUITE.decrypt(sealed, private, info)) == {"a": 1}


@pytest.mark.parametrize("length", [0, 1, 200, 241, 242, 243, 1000])
def test_lengths_are_hidden_in_steps_of_256_bytes(page: Any, length: int) -> None:
    private, public = new_entry_key()

    sealed = seal_in(page, public, "basic", {"password": "x" * length})

    plain = SUITE.decrypt(sealed, private, entry_info(ENTRY_ID, "basic"))
    assert len(plain) % 256 == 0
    assert len(plain) - len(plain.rstrip(b" ")) < 256
    assert open_entry(private, sealed, entry_info(ENTRY_ID, "basic")) == {"password": "x" * length}


def test_another_kind_another_entry_or_another_key_opens_nothing(page: Any) -> None:
    private, public = new_entry_key()
    sealed = seal_in(page, public, "basic", {"a": 1})

    for key, info in (
        (private, entry_info(ENTRY_ID, "bearer")),
        (private, entry_info(ENTRY_ID + "x", "basic")),
        (new_entry_key()[0], entry_info(ENTRY_ID, "basic")),
    ):
        with pytest.raises(InvalidTag):
            SUITE.decrypt(sealed, key, info)


def test_sealing_twice_gives_different_bytes(page: Any) -> None:
    _, public = new_entry_key()

    assert seal_in(page, public, "basic", {"a": 1}) != seal_in(page, public, "basic", {"a": 1})


def test_a_key_that_is_no_point_is_refused(page: Any) -> None:
    with pytest.raises(Exception, match="Error"):
        seal_in(page, b"\x04" + b"\x01" * 64, "basic", {"a": 1})
