"""What does HPKE (RFC 9180, base mode) do, step by step? The sender's half, with an ephemeral key of one's choice.

A second implementation beside the library's, so that entries in the vectors have fixed bytes and independent ones.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEM = b"KEM\x00\x10"  # DHKEM(P-256, HKDF-SHA256)
SUITE = b"HPKE\x00\x10\x00\x01\x00\x02"  # with HKDF-SHA256 and AES-256-GCM


def extract(salt, suite, label, secret):
    return hmac.digest(salt, b"HPKE-v1" + suite + label + secret, "sha256")


def expand(key, suite, label, of, size):
    assert size <= hashlib.sha256().digest_size
    info = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + of
    return hmac.digest(key, info + b"\x01", "sha256")[:size]


def seal(ephemeral, public, info, plaintext):
    """enc ‖ ciphertext for the holder of `public` (a 65-byte point)."""
    enc = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    agreed = extract(b"", KEM, b"eae_prk", ephemeral.exchange(ec.ECDH(), theirs))
    shared = expand(agreed, KEM, b"shared_secret", enc + public, 32)
    of = b"\0" + extract(b"", SUITE, b"psk_id_hash", b"") + extract(b"", SUITE, b"info_hash", info)
    secret = extract(shared, SUITE, b"secret", b"")
    key, nonce = expand(secret, SUITE, b"key", of, 32), expand(secret, SUITE, b"base_nonce", of, 12)
    return enc + AESGCM(key).encrypt(nonce, plaintext, b"")
