"""How is one record sealed to its place, and opened again? (docs/format.md §2)

    "CM" 01 01 ‖ key_id u32 ‖ salt 32 ‖ commit 32 ‖ AES-256-GCM(K_e, nonce 0, padded plaintext, AAD) ‖ tag 16

Each record has keys of its own, derived from the store's key and a salt; the commitment ties it to one key;
the AAD ties it to its place. Whatever is wrong, the caller sees the same `SealBroken`; its `reason` is for
the audit. The context is made in `context.py`. Randomness comes in through `urandom`, for tests and vectors.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from credmagic.crypto.tlv import tlv, u32
from credmagic.errors import InvalidCredential, SealBroken

ROOT_SUBKEY_ID = 0
SLOT_KEY_ID = 0xFFFFFFFF
KEY_SIZE = 32
MAX_PLAINTEXT = 1 << 20

_START = b"CM\x01\x01"
_SALT_AT, _COMMIT_AT, _BODY_AT, _TAG_SIZE = 8, 40, 72, 16
_MIN_SEALED = _BODY_AT + _TAG_SIZE
_MIN_PADDED = 64
_NONCE = bytes(12)
_SHA256 = SHA256()
_KEY_ID = Struct(">I").unpack_from


def seal(
    key: bytes | bytearray,
    key_id: int,
    plaintext: bytes | bytearray,
    context: bytes,
    *,
    urandom: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """The record. `InvalidCredential` if the plaintext is over 1 MiB, `SealBroken` for a key that is none."""
    if len(plaintext) > MAX_PLAINTEXT:
        raise InvalidCredential(
            f"a credential is larger than {MAX_PLAINTEXT >> 20} MiB",
            next_step="Store large files elsewhere and keep only the key to them here.",
        )
    if len(key) != KEY_SIZE:
        raise SealBroken(reason="key")
    padded = _pad(plaintext)
    start = _START + u32(key_id) + _salt(key, urandom(32), context, padded)
    cipher_key, commit_key = _record_keys(key, start)
    header = start + _commitment(commit_key, start)
    return header + AESGCM(cipher_key).encrypt(_NONCE, padded, _aad(header, context))


def unseal(key: bytes | bytearray, sealed: bytes, context: bytes) -> bytes:
    """The plaintext of a record of this key and this place, else `SealBroken`."""
    check_header(sealed)
    if len(key) != KEY_SIZE:
        raise SealBroken(reason="key")
    start = sealed[:_COMMIT_AT]
    cipher_key, commit_key = _record_keys(key, start)
    header = sealed[:_BODY_AT]
    if not hmac.compare_digest(_commitment(commit_key, start), header[_COMMIT_AT:]):
        raise SealBroken(reason="commit")
    try:
        return _unpad(AESGCM(cipher_key).decrypt(_NONCE, sealed[_BODY_AT:], _aad(header, context)))
    except InvalidTag:
        pass  # raised below, so that the error carries no second one
    raise SealBroken(reason="tag")


def key_id_of(sealed: bytes) -> int:
    """Which key opens this record. `SealBroken` when it is not a record of format 1."""
    check_header(sealed)
    key_id: int = _KEY_ID(sealed, len(_START))[0]
    return key_id


def check_header(sealed: bytes) -> None:
    """Length, magic, format and suite, in the order of the format's table; else `SealBroken`."""
    if not isinstance(sealed, bytes) or not _MIN_SEALED <= len(sealed) <= _MAX_SEALED:
        raise SealBroken(reason="size")
    if sealed[:4] != _START:
        wrong = "magic" if sealed[:2] != _START[:2] else "format" if sealed[2] != _START[2] else "suite"
        raise SealBroken(reason=wrong)


def subkey(key: bytes | bytearray, label: bytes, store_id: bytes = b"") -> bytes:
    """A key derived for one purpose (SUB of the format)."""
    return HKDFExpand(_SHA256, KEY_SIZE, b"credmagic/v1/" + label + store_id).derive(key)


def _salt(key: bytes | bytearray, fresh: bytes, context: bytes, padded: bytes) -> bytes:
    # Hedged: under a generator that repeats itself, different records still get different salts.
    return hmac.digest(subkey(key, b"hedge"), tlv(fresh, context, padded), "sha256")


def _record_keys(key: bytes | bytearray, start: bytes) -> tuple[bytes, bytes]:
    both = HKDFExpand(_SHA256, 2 * KEY_SIZE, b"credmagic/rec/v1" + start).derive(key)
    return both[:KEY_SIZE], both[KEY_SIZE:]


def _commitment(commit_key: bytes, start: bytes) -> bytes:
    return hmac.digest(commit_key, b"credmagic/commit/v1" + start, "sha256")


def _aad(header: bytes, context: bytes) -> bytes:
    return tlv(b"credmagic/aad/v1", header, context)


def _padded_size(length: int) -> int:
    """Padmé: at most 12 % more, and only O(log log n) bits of the length remain to be seen."""
    size = length + 4
    if size <= _MIN_PADDED:
        return _MIN_PADDED
    exponent = size.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (size + mask) & ~mask


def _pad(plaintext: bytes | bytearray) -> bytes:
    length = len(plaintext)
    return b"".join((u32(length), plaintext, bytes(_padded_size(length) - length - 4)))


def _unpad(padded: bytes) -> bytes:
    length = int.from_bytes(padded[:4], "big")
    end = 4 + length
    right_size = length <= MAX_PLAINTEXT and len(padded) == _padded_size(length)
    if not right_size or padded.count(0, end) != len(padded) - end:
        raise SealBroken(reason="padding")
    return padded[4:end]


_MAX_SEALED = _BODY_AT + _padded_size(MAX_PLAINTEXT) + _TAG_SIZE
