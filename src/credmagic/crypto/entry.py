"""How do a form's fields reach the vault unread by the kernel between them? (docs/format.md §8)

One HPKE message (RFC 9180) to a key that is used once: enc ‖ ciphertext, `info` = entry id and kind. The
browser seals, the vault opens; `seal_entry` is the browser's half, for clients in Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from credmagic.crypto import canonical
from credmagic.crypto.tlv import text, tlv
from credmagic.errors import InvalidCredential, SealBroken

MAX_ENTRY = 1 << 20
_STEP = 256
_OVERHEAD = 65 + 16
_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def new_entry_key() -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """A key pair for one entry; the public half as a 65-byte uncompressed point."""
    private = ec.generate_private_key(ec.SECP256R1())
    return private, private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def entry_info(entry_id: str, kind: str) -> bytes:
    """What ties a sealed entry to its id (the base64url text) and its kind."""
    return b"credmagic/entry/v1" + tlv(text(entry_id), text(kind))


def reveal_info(reveal_id: str) -> bytes:
    """What ties a value that is shown once to its offer: the way back, from the vault to the browser's key."""
    return b"credmagic/reveal/v1" + tlv(text(reveal_id))


def open_entry(private_key: ec.EllipticCurvePrivateKey, sealed: bytes, info: bytes) -> dict[str, Any]:
    """The fields of an entry that was sealed to this key and this `info`, else `SealBroken`."""
    if not isinstance(sealed, bytes) or not _OVERHEAD < len(sealed) <= MAX_ENTRY + _OVERHEAD:
        raise SealBroken(reason="size")
    try:
        return canonical.load(_SUITE.decrypt(sealed, private_key, info))
    except (InvalidTag, ValueError):  # which of them a bad point gets is the library's affair
        pass  # raised below, so that the error carries no second one
    raise SealBroken(reason="tag")


def seal_entry(public_key: bytes, info: bytes, obj: Mapping[str, Any]) -> bytes:
    """What a browser sends: `obj` sealed to the entry's key. `SealBroken` if that is no point of P-256."""
    plain = canonical.dump(obj)
    plain += b" " * (-len(plain) % _STEP)
    if len(plain) > MAX_ENTRY:
        raise InvalidCredential(
            f"a form is larger than {MAX_ENTRY >> 20} MiB",
            next_step="Store large files elsewhere and keep only the key to them here.",
        )
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    except ValueError:
        point = None
    if point is None:
        raise SealBroken(reason="key")
    return _SUITE.encrypt(plain, point, info)
