"""The exchange `client_credentials`: an application signs in as itself (RFC 6749 §4.4)."""

from __future__ import annotations

from typing import ClassVar

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import OAuthRequest
from credmagic.tokens.base import Exchange
from credmagic.tokens.oauth import ask
from credmagic.values import Token


class ClientCredentials(Exchange):
    """The client proves itself by Basic header or in the body, whichever the request says."""

    name: ClassVar[str] = "client_credentials"

    def fetch(self, credential: CredentialKind) -> Token:
        """One form POST."""
        return ask(self, self.request(credential, OAuthRequest))
