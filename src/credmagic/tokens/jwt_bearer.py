"""The exchange `jwt_bearer`: a signed statement instead of a secret (RFC 7523), as Google and Box want it too."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import AssertionRequest, OAuthRequest
from credmagic.tokens.base import Exchange
from credmagic.tokens.oauth import ask
from credmagic.tokens.signing import sign
from credmagic.values import Token

LONGEST = 3600
"""Seconds an assertion may live; RFC 7523 leaves it to the provider, and no provider we know takes more."""


class JwtBearer(Exchange):
    """Signs `claims` with `iat`, `exp` and, if asked, `jti`; none of these three can be overwritten."""

    name: ClassVar[str] = "jwt_bearer"

    def fetch(self, credential: CredentialKind) -> Token:
        """Sign, then one form POST."""
        request = self.request(credential, AssertionRequest)
        form = {**request.form, "assertion": self._assertion(request)}
        posted = OAuthRequest(
            request.token_url, request.grant_type, form=form, header=request.header, query=request.query
        )
        return ask(self, posted)

    def _assertion(self, request: AssertionRequest) -> str:
        header = {"alg": request.algorithm} | ({"kid": request.key_id} if request.key_id else {})
        return sign(request.private_key, request.passphrase, header, self._claims(request))

    def _claims(self, request: AssertionRequest) -> Mapping[str, Any]:
        issued = int(self.clock())
        lifetime = max(1, min(request.lifetime, LONGEST))
        ours: dict[str, Any] = {"iat": issued, "exp": issued + lifetime}
        if request.include_jti:
            ours["jti"] = secrets.token_urlsafe(24)
        return {**request.claims, **ours}
