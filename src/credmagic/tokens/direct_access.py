"""The exchange `direct_access`: the token of whoever is signed in is the token. Nobody is asked."""

from __future__ import annotations

from typing import ClassVar

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import Subject
from credmagic.tokens.base import Exchange
from credmagic.values import Token


class DirectAccess(Exchange):
    """What came along with the sign-in, a refresh token say, stays behind."""

    name: ClassVar[str] = "direct_access"

    def fetch(self, credential: CredentialKind) -> Token:
        """The subject's token and its end."""
        token = self.request(credential, Subject).token
        return Token(token.value, token.expires_at)
