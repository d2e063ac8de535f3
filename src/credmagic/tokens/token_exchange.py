"""The exchange `token_exchange`: the token of whoever is signed in becomes one for a service (RFC 8693).

The same request, with the grant of RFC 7523, is what Microsoft Entra calls on behalf of: the subject's token is the
`assertion` then, and `requested_token_use` says what is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from credmagic.errors import CredmagicError, TokenRefused, Unreachable
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import JWT_GRANT, OAuthRequest, SubjectRequest
from credmagic.tokens.base import Asking, Exchange, refused, tellable
from credmagic.tokens.oauth import ask
from credmagic.values import Token

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
SAML_GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  (a type of tokens, no token)
"""What a subject's token is unless the provider that gave it out says otherwise (`issued_token_type`)."""

PROVIDER, SERVICE = "identity provider", "service"
"""The steps, as people are told about them."""

_USUAL = {JWT_GRANT: "assertion", SAML_GRANT: "assertion"}
"""Grant → the parameter that carries the subject's token; of all others `subject_token`."""


class TokenExchange(Exchange):
    """One form POST to the service's token endpoint."""

    name: ClassVar[str] = "token_exchange"

    def fetch(self, credential: CredentialKind) -> Token:
        """Raises as `Exchange.fetch`, with `details["step"]`."""
        request = self.request(credential, SubjectRequest)
        return exchanged(self, request.token, request.subject.token, request.named, step=SERVICE)


def exchanged(asking: Asking, request: OAuthRequest, subject: Token, named: str | None = None, *, step: str) -> Token:
    """The token that `request` gives for the subject's. What the request says of the subject itself stays unheard.

    Raises `TokenRefused` and `Unreachable`, with `details["step"]`; neither quotes what was sent.
    """
    grant = request.grant_type
    sent = {named or _USUAL.get(grant, "subject_token"): str.__str__(subject.value)}
    asked = replace(request, form={**_said_of(grant, subject), **request.form, **sent})
    failure: CredmagicError
    try:
        return ask(asking, asked)
    except TokenRefused as error:
        secrets = [request.client_secret, *asked.form.values(), *asked.header.values(), *asked.query.values()]
        code = tellable(str(error.details.get("error", "")), [text for text in secrets if text and text != grant])
        failure = refused(code, step)
    except Unreachable as error:
        failure = Unreachable(
            error.message, code=error.code, next_step=error.next_step, details={**error.details, "step": step}
        )
    raise failure


def _said_of(grant: str, subject: Token) -> Mapping[str, str]:
    """What has to be said beside the token, unless the request says it otherwise."""
    if grant == GRANT:
        return {"subject_token_type": subject.extra.get("issued_token_type") or ACCESS_TOKEN}
    return {"requested_token_use": "on_behalf_of"} if grant == JWT_GRANT else {}
