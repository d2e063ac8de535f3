"""Whose machine token does a request show, and is it still believed when the body has come?

Shared by every handler that takes one. Nobody's token is good for a store that is yet to be made: asking must not make
it. What was found is believed for half a second; a body may trickle in for much longer, and what was paused meanwhile
asks for nothing.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, ClassVar

from credmagic.errors import NotSignedIn
from credmagic.server.gate import store_exists

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

    from credmagic.server.extension import Credmagic
    from credmagic.vault.sign_in import Identity

BELIEVED = 0.5
"""Seconds for which an identity is believed."""
_AUTHORIZATION = re.compile(r"(?:bearer|token) +(\S+)\s*\Z", re.IGNORECASE)


class Identifying:
    """Mixed into handlers; `credmagic` is the extension they belong to."""

    credmagic: Credmagic
    request: HTTPServerRequest

    how_to_sign_in: ClassVar[str] = "Sign in for a token first."
    _identity: Identity | None = None
    _identified_at = 0.0

    @property
    def identity(self) -> Identity:
        """Who is asking. Raises `NotSignedIn` where nobody has said."""
        if self._identity is None:
            raise self._unidentified()
        return self._identity

    def shown_token(self) -> str:
        """The token as this face's clients show it, "" when there is none. Here: `Authorization: Bearer …`."""
        shown = _AUTHORIZATION.match(self.request.headers.get("Authorization", ""))
        return shown[1] if shown else ""

    async def identify(self) -> None:
        """Find out who is asking. Raises `NotSignedIn`, `RateLimited`, and `AccessDenied` for who may not come here."""
        first = self._identity is None
        self._identity, self._identified_at = await self._identified(), time.monotonic()
        self.check_identity(self._identity)
        if first and self._identity.principal is not None:  # whatever address its requests come from
            self.credmagic.machine_requests.count(self._identity.principal.hex())

    async def identify_again(self) -> None:
        """The same once more when the body took its time."""
        if time.monotonic() - self._identified_at > BELIEVED:
            await self.identify()

    def check_identity(self, found: Identity) -> None:
        """Whether this identity may come here at all. Raises `AccessDenied`."""

    async def _identified(self) -> Identity:
        token = self.shown_token()
        if not token or not store_exists():
            raise self._unidentified()
        found: Identity = await self.credmagic.gate.run(self._who, token)
        return found

    def _unidentified(self) -> NotSignedIn:
        return NotSignedIn(
            "this request carries no token that is known here", code="token_invalid", next_step=self.how_to_sign_in
        )

    def _who(self, token: str) -> Identity:
        from credmagic.vault import sign_in  # cryptography: not while the server starts

        return sign_in.who(self.credmagic.gate.vault(), token)
