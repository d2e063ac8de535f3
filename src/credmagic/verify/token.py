"""Does a credential that becomes a token still become one?

A token is fetched, and with it the service itself is asked, if the kind says how.
"""

from __future__ import annotations

from dataclasses import replace

from credmagic.kinds.base import CredentialKind
from credmagic.verify.base import Result
from credmagic.verify.fetching import NotTried, renewed, with_token
from credmagic.verify.http import HttpProbe


class TokenProbe(HttpProbe):
    """Fetches a token; then asks the service what the kind's `http_check` says, if it says anything."""

    def check(self, credential: CredentialKind, *, timeout: float) -> Result:
        """Raises as `Probe.check`."""
        try:
            usable, token = with_token(credential)
        except NotTried as reason:
            return Result("unverifiable", str(reason))
        if getattr(usable, "http_check", lambda: None)() is not None:
            result = super().check(usable, timeout=timeout)
        elif token is None:
            result = Result("unverifiable", "not verifiable without an address to try it at")
        else:
            result = Result("ok", "the service gave out a token")
        return replace(result, renewed=renewed(credential, token))
