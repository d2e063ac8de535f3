"""The exchanges `access_key` and `session`: a service's own sign-in, JSON in and JSON out.

Conductor takes a key's id and secret, Unify a name and a password, Tableau a personal access token; the kind says where
to post what and where in the answer the token is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import LoginRequest
from credmagic.tokens.base import Exchange, refused
from credmagic.tokens.web import post_json
from credmagic.values import SecretStr, Token


class Login(Exchange):
    """One JSON POST. The token lives as long as it says itself, else as long as the kind says."""

    def fetch(self, credential: CredentialKind) -> Token:
        """Sign in."""
        request = self.request(credential, LoginRequest)
        body = post_json(request.url, request.body, self.timeout).or_refuse()
        value = _at(body, request.token_at)
        if not value or not value.isprintable():
            raise refused("no_token")
        extra = {name: found for name, path in request.extra_at.items() if (found := _at(body, path))}
        return Token(SecretStr(value), self.end_of(value) or self.moment(request.life), extra)


class AccessKey(Login):
    """Conductor: `POST {server_url}/token`."""

    name: ClassVar[str] = "access_key"


class Session(Login):
    """Unify: `POST {url}/api/sessions`; Tableau: sign-in, of which a second one ends the first."""

    name: ClassVar[str] = "session"


def _at(body: Mapping[str, Any], path: Sequence[str]) -> str | None:
    """The text at `path` inside the answer."""
    found: Any = body
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else None
