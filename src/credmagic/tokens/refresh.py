"""The exchange `refresh`: a login made earlier is carried on with its refresh token (RFC 6749 §6)."""

from __future__ import annotations

from typing import ClassVar

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import OAuthRequest
from credmagic.tokens.base import Exchange
from credmagic.tokens.oauth import ask
from credmagic.values import Token


class Refresh(Exchange):
    """A provider may answer with a new refresh token, and the old one is dead from then on: `keeps` says so."""

    name: ClassVar[str] = "refresh"
    keeps: ClassVar[tuple[str, ...]] = ("refresh_token",)

    def fetch(self, credential: CredentialKind) -> Token:
        """One form POST; a renewed refresh token is in `extra`."""
        return ask(self, self.request(credential, OAuthRequest))
