"""The token itself: its shape, its keys and its clock, without a vault."""

from __future__ import annotations

import base64
import hmac
import json
import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from credmagic.crypto import jwt
from credmagic.crypto.keyset import Keyset, new_root_key
from credmagic.errors import NotSignedIn, VaultLocked

NOW = 1_900_000_000
CLAIMS = {"sub": "ab" * 16, "jti": "j", "akid": "", "akv": 3, "plane": "M"}
KEYSET, _ = Keyset.generate(b"0123456789abcdef", new_root_key())


def parts(token: str) -> list[bytes]:
    return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]


def code(token: str, now: int = NOW) -> str:
    """With which code it is refused; empty when it is read."""
    try:
        jwt.read(KEYSET, token, now)
    except NotSignedIn as error:
        return error.code
    return ""


def test_a_token_is_read_as_it_was_issued() -> None:
    claims = jwt.read(KEYSET, jwt.issue(KEYSET, NOW, 900, **CLAIMS), NOW)

    store = "urn:credmagic:30313233343536373839616263646566"
    assert claims == {**CLAIMS, "iss": store, "aud": f"{store}:api", "iat": NOW, "nbf": NOW, "exp": NOW + 900}


def test_its_header_is_the_one_that_is_compared() -> None:
    header = json.loads(parts(jwt.issue(KEYSET, NOW, 900, **CLAIMS))[0])
    assert header == {"alg": "EdDSA", "kid": str(NOW // (30 * 86_400)), "typ": "at+jwt"}


def test_an_independent_reader_derives_the_key_and_verifies() -> None:
    """docs/format.md §9: HKDF-Expand of the jwt key, then Ed25519."""
    token = jwt.issue(KEYSET, NOW, 900, **CLAIMS)
    period = NOW // (30 * 86_400)
    info = b"credmagic/v1/jwt/" + period.to_bytes(8, "big") + b"/" + b"0123456789abcdef"
    seed = hmac.digest(bytes(KEYSET._others["jwt"]), info + b"\x01", "sha256")

    said, _, signature = token.rpartition(".")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    public.verify(base64.urlsafe_b64decode(signature + "=="), said.encode())


def test_each_period_and_each_store_has_a_key_of_its_own() -> None:
    other, _ = Keyset.generate(os.urandom(16), new_root_key())
    keys = {keyset.signing_key(period).private_bytes_raw() for keyset in (KEYSET, other) for period in range(50)}
    assert len(keys) == 100


@pytest.mark.parametrize(
    ("periods", "expected"), [(-2, "token_invalid"), (-1, "token_expired"), (0, ""), (1, "token_invalid")]
)
def test_the_current_and_the_previous_key_verify(periods: int, expected: str) -> None:
    middle = (NOW // jwt.PERIOD) * jwt.PERIOD + 1000
    assert code(jwt.issue(KEYSET, middle + periods * jwt.PERIOD, 900, **CLAIMS), middle) == expected


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (-31, "token_invalid"),
        (-30, ""),
        (0, ""),
        (900, ""),
        (929, ""),
        (930, "token_expired"),
        (10_000, "token_expired"),
    ],
)
def test_clocks_may_differ_by_half_a_minute(ahead: int, expected: str) -> None:
    assert code(jwt.issue(KEYSET, NOW, 900, **CLAIMS), NOW + ahead) == expected


@pytest.mark.parametrize(("life", "expected"), [(1, ""), (3600, ""), (3601, "token_invalid"), (0, "token_invalid")])
def test_no_token_lives_longer_than_an_hour(life: int, expected: str) -> None:
    assert code(jwt.issue(KEYSET, NOW, life, **CLAIMS)) == expected


@given(text=st.text(max_size=300))
def test_any_other_text_is_refused_and_nothing_breaks(text: str) -> None:
    assert code(text) == "token_invalid"


@given(at=st.integers(0, 400), character=st.characters(max_codepoint=0x2FF))
def test_no_character_can_be_changed(at: int, character: str) -> None:
    token = jwt.issue(KEYSET, NOW, 900, **CLAIMS)
    changed = token[:at] + character + token[at + 1 :]
    assert code(changed) == ("" if changed == token else "token_invalid")


@pytest.mark.parametrize("part", ["QQ", "QUI", "QUJD", "", "-_-_"])
def test_base64_in_its_one_spelling_is_taken(part: str) -> None:
    assert jwt._is_canonical(part)


@pytest.mark.parametrize("part", ["QR", "QQ==", "Q", "QUJ", "QUJ D", "+/+/", "QUJD\n", "QU.D", "====", "QQ=", "é"])
def test_base64_in_any_other_spelling_is_not(part: str) -> None:
    """Whatever the library beneath takes: it has changed its mind before."""
    assert not jwt._is_canonical(part)


def test_a_locked_vault_says_that_it_is_locked() -> None:
    keyset, _ = Keyset.generate(os.urandom(16), new_root_key())
    token = jwt.issue(keyset, NOW, 900, **CLAIMS)
    keyset.wipe()
    with pytest.raises(VaultLocked):
        jwt.read(keyset, token, NOW)
    with pytest.raises(VaultLocked):
        jwt.issue(keyset, NOW, 900, **CLAIMS)
