"""The exchange `snowflake_jwt`: a Snowflake user signs a token with the own key; nobody is asked."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import ClassVar

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import KeyPairRequest
from credmagic.tokens.base import Exchange
from credmagic.tokens.signing import load_key, sign
from credmagic.values import SecretStr, Token

LIFE = 3540
"""Seconds. Snowflake takes at most an hour, counted by its own clock: a minute is left for clocks that differ."""


class SnowflakeJwt(Exchange):
    """`iss` names the account, the user and the SHA-256 of the public key, `sub` account and user, in capitals."""

    name: ClassVar[str] = "snowflake_jwt"

    def fetch(self, credential: CredentialKind) -> Token:
        """Sign."""
        request = self.request(credential, KeyPairRequest)
        subject = f"{locator(request.account)}.{request.user}".upper()
        issued = int(self.clock())
        claims = {
            "iss": f"{subject}.{_fingerprint(request.private_key, request.passphrase)}",
            "sub": subject,
            "iat": issued,
            "exp": issued + LIFE,
        }
        token = sign(request.private_key, request.passphrase, {"alg": "RS256"}, claims)
        return Token(SecretStr(token), datetime.fromtimestamp(issued + LIFE, UTC))


def locator(account: str) -> str:
    """The account without region and cloud, as Snowflake's tokens name it."""
    return account.partition("-" if ".global" in account.casefold() else ".")[0]


def _fingerprint(pem: str, passphrase: str | None) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = load_key(pem, passphrase).public_key()
    digest = hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return "SHA256:" + base64.b64encode(digest).decode()
