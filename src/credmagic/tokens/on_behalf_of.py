"""The exchange `on_behalf_of`: first the identity provider gives a token for the service, then the service its own.

Both steps are token exchanges. What comes of the first, which may be no access token but a SAML assertion, say, is the
subject of the second and leaves this process for nobody else.
"""

from __future__ import annotations

from typing import ClassVar

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import SubjectRequest, needed
from credmagic.tokens.base import Exchange
from credmagic.tokens.token_exchange import PROVIDER, SERVICE, exchanged
from credmagic.values import Token


class OnBehalfOf(Exchange):
    """Two form POSTs, together within the time that one may take."""

    name: ClassVar[str] = "on_behalf_of"

    def fetch(self, credential: CredentialKind) -> Token:
        """Raises as `Exchange.fetch`, with `details["step"]`."""
        request = self.request(credential, SubjectRequest)
        provider = request.subject.provider
        needed(credential.kind, identity_provider=provider)
        assert provider is not None
        first = exchanged(self, provider, request.subject.token, step=PROVIDER)
        return exchanged(self, request.token, first, request.named, step=SERVICE)
