"""The exchange `password`: an application signs in a user by name and password (RFC 6749 §4.3)."""

from __future__ import annotations

from typing import ClassVar

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import OAuthRequest
from credmagic.tokens.base import Exchange
from credmagic.tokens.oauth import ask
from credmagic.values import Token


class Password(Exchange):
    """`username` and `password` are in the request's form."""

    name: ClassVar[str] = "password"

    def fetch(self, credential: CredentialKind) -> Token:
        """One form POST."""
        return ask(self, self.request(credential, OAuthRequest))
