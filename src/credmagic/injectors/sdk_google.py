"""How does google-auth renew tokens by itself? As a workload of another cloud: from what a file of settings describes.

Such an account fetches a subject token from an address, exchanges it (RFC 8693) and has the service account
impersonated. Here all three are this process, and the last of them gives the service account's own token.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar
from urllib.parse import quote

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential
from credmagic.injectors.sdk_base import Sdk, ends, token_of, written
from credmagic.injectors.sdk_endpoint import Asked, Route

_SUBJECT, _EXCHANGE = "/google/subject", "/google/token"
_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT, _ACCESS = "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:access_token"
_MIDDLE_LIFE = 3600
"""Seconds; the token in the middle is good for as long as the port is open."""


class Google(Sdk):
    """Tokens of a service account, for the scopes that are stored with it."""

    name: ClassVar[str] = "google"
    called: ClassVar[str] = "google-auth and what is built on it"
    hidden: ClassVar[tuple[str, ...]] = ("CLOUDSDK_AUTH_ACCESS_TOKEN",)

    def __init__(self, credential: Credential) -> None:
        super().__init__(credential)
        self._middle = self.random("sdk_subject")

    def random_values(self) -> dict[str, str]:
        """Also what is shown at the second and the third address."""
        return {**super().random_values(), "sdk_subject": str.__str__(self._middle)}

    def routes(self, url: str) -> list[Route]:
        """The three, in the order in which they are asked."""
        bearer, middle = self.bearer, self._middle
        return [
            Route("GET", _SUBJECT, bearer, Asked.bearer, self._subject, _problem),
            Route("POST", _EXCHANGE, middle, _subject_token, self._exchanged, _problem),
            Route("POST", self._account(), middle, Asked.bearer, self._token, _problem),
        ]

    def variables(self, url: str) -> dict[str, str]:
        """None: the file says it all."""
        return {}

    def files(self, url: str) -> dict[str, str]:
        """The settings, which hold what to show at the first address."""
        headers = {"Authorization": f"Bearer {str.__str__(self.bearer)}"}
        source = {
            "url": url + _SUBJECT,
            "headers": headers,
            "format": {"type": "json", "subject_token_field_name": "token"},
        }
        settings = {
            "type": "external_account",
            "audience": "//credmagic",
            "subject_token_type": _JWT,
            "token_url": url + _EXCHANGE,
            "service_account_impersonation_url": url + self._account(),
            "credential_source": source,
        }
        return {"GOOGLE_APPLICATION_CREDENTIALS": json.dumps(settings)}

    def _account(self) -> str:
        email = str(self.credential.get("client_email") or "service-account")
        return f"/google/serviceAccounts/{quote(email, safe='@')}:generateAccessToken"

    def _subject(self, asked: Asked) -> dict[str, Any]:
        return {"token": str.__str__(self._middle)}

    def _exchanged(self, asked: Asked) -> dict[str, Any]:
        if asked.form.get("grant_type") != _GRANT:
            raise InvalidCredential(f"{self.credential.name}: only a token exchange is answered here")
        middle = {"access_token": str.__str__(self._middle), "issued_token_type": _ACCESS, "token_type": "Bearer"}
        return {**middle, "expires_in": _MIDDLE_LIFE}

    def _token(self, asked: Asked) -> dict[str, Any]:
        credential = self.now()
        return {"accessToken": token_of(credential), "expireTime": written(ends(credential))}


def _subject_token(asked: Asked) -> str:
    return asked.form.get("subject_token", "")


def _problem(text: str) -> dict[str, Any]:
    return {"error": {"code": 400, "message": text, "status": "FAILED_PRECONDITION"}}
