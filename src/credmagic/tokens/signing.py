"""How is a statement signed with a private key that a person stored as text?

For the exchanges that prove a key instead of sending a secret. A key that cannot be read, or does not fit its algorithm
is refused in our words: what a library says about a key may quote it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from credmagic.tokens.base import refused

ALGORITHMS = frozenset(
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
)
"""Signatures with a private key only: no `none`, no shared secret."""


def load_key(pem: str, passphrase: str | None) -> Any:
    """The private key in `pem` (PEM or OpenSSH's form). Raises `TokenRefused` (`bad_key`)."""
    from cryptography.hazmat.primitives import serialization

    data = str.__str__(pem).encode()
    secret = str.__str__(passphrase).encode() if passphrase else None
    for load in (serialization.load_pem_private_key, serialization.load_ssh_private_key):
        try:
            return load(data, secret)
        except Exception:  # noqa: S112  (ValueError, TypeError, UnsupportedAlgorithm; the next form is tried)
            continue
    raise refused("bad_key")


def sign(pem: str, passphrase: str | None, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A compact JWT. Raises `TokenRefused` (`bad_key`, `bad_algorithm`)."""
    if header.get("alg") not in ALGORITHMS:
        raise refused("bad_algorithm")
    key = load_key(pem, passphrase)
    try:
        return _encode(key, dict(header), dict(claims))
    except Exception:  # noqa: S110  (what joserfc says of a key is not repeated)
        pass
    raise refused("bad_key")


def _encode(key: Any, header: dict[str, Any], claims: dict[str, Any]) -> str:
    from joserfc import jwk, jwt

    wrap: Any = {"R": jwk.RSAKey, "P": jwk.RSAKey, "ES": jwk.ECKey, "Ed": jwk.OKPKey}
    kind = wrap.get(header["alg"][:1]) or wrap[header["alg"][:2]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a short key is the provider's business: it decides what it accepts
        return jwt.encode(header, claims, kind.import_key(key), algorithms=[header["alg"]])
