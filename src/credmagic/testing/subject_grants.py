"""How does the tests' authorization server turn somebody's token into another one? Two grants, which Authlib has not.

`Exchange` is RFC 8693 §2.1: a subject's token and its type, for an audience or a resource; what is wrong with the
subject is `invalid_request`, with the target `invalid_target` (§2.2.2). `OnBehalfOf` is Microsoft Entra's form of RFC
7523: the assertion must be meant for the very client that sends it, and what is wrong with it is `invalid_grant`.
"""

from __future__ import annotations

import base64
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, OAuth2Error, TokenEndpointMixin
from authlib.oauth2.rfc6749.grants import BaseGrant

if TYPE_CHECKING:
    from credmagic.testing.authorization_server import AuthorizationServer

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TYPES = "urn:ietf:params:oauth:token-type:"
_METHODS = ["client_secret_basic", "client_secret_post", "none"]


@dataclass(frozen=True)
class Person:
    """For whom a token is good, and where: `audience` is who may take it, `may_act` who may act with it (all: None)."""

    user: str
    audience: str
    ends: float
    may_act: frozenset[str] | None = None


@dataclass
class Subjects:
    """What the server knows of subjects; all public, so that tests can arrange and look."""

    provider: AuthorizationServer
    people: dict[str, Person] = field(default_factory=dict)
    """Token → for whom it is: of those that `session` and the two grants gave out."""
    elsewhere: Callable[[str], Person | None] = lambda token: None
    """Who else is trusted: for whom a token of another server is."""
    targets: set[str] = field(default_factory=lambda: {"api", "https://api.example"})
    """Audiences and resources that tokens are given out for."""
    without_consent: set[str] = field(default_factory=set)
    """Users who would have to agree first."""

    def session(self, user: str, audience: str, life: float = 3600, may_act: frozenset[str] | None = None) -> str:
        """What a sign-in would have left behind: an access token for the application `audience`."""
        token = f"session-{user}-{secrets.token_urlsafe(16)}"
        self.people[token] = Person(user, audience, self.provider.now() + life, may_act)
        return token

    def good(self, token: str) -> Person | None:
        """For whom the token is, while it lives."""
        person = self.people.get(token) or self.elsewhere(token)
        return person if person and person.ends > self.provider.now() else None

    def user(self, token: str) -> str:
        """For whom a token was given out."""
        return self.people[token].user


class SubjectGrant(BaseGrant, TokenEndpointMixin, ABC):  # type: ignore[misc]
    """One request with a subject, one token for it."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    provider: AuthorizationServer

    def validate_token_request(self) -> None:
        """Client, subject, target and scope, in this order. Raises `OAuth2Error`."""
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise OAuth2Error("not for this client", status_code=400, error="unauthorized_client")
        self.request.client = client
        form = self.request.form
        self.person, self.target = self.subject(form, client), self.aim(form)
        asked = form.get("scope")
        if asked and client.get_allowed_scope(asked).split() != asked.split():
            raise OAuth2Error("too much", status_code=400, error="invalid_scope")

    @abstractmethod
    def subject(self, form: Any, client: Any) -> Person:
        """Whom it is for. Raises `OAuth2Error`."""

    @abstractmethod
    def aim(self, form: Any) -> str:
        """For which service. Raises `OAuth2Error`."""

    def create_token_response(self) -> Any:
        """The token, and what it is."""
        form = self.request.form
        token = self.generate_token(user=self.person.user, scope=form.get("scope"), include_refresh_token=False)
        wanted = form.get("requested_token_type") or f"{TYPES}access_token"
        if wanted == f"{TYPES}saml2":
            token["access_token"] = base64.urlsafe_b64encode(f"<saml {token['access_token']}/>".encode()).decode()
            token["token_type"] = "N_A"
        self.save_token(token)
        token["issued_token_type"] = wanted
        subjects = self.provider.subjects
        ends = self.provider.issued[token["access_token"]]
        subjects.people[token["access_token"]] = Person(self.person.user, self.target, ends)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class Exchange(SubjectGrant):
    """RFC 8693."""

    GRANT_TYPE = EXCHANGE

    def subject(self, form: Any, client: Any) -> Person:
        """Any token of this server, or of one it trusts, that lives and with which the client may act."""
        kinds = {f"{TYPES}{kind}" for kind in ("access_token", "jwt", "saml2")}
        if form.get("subject_token_type") not in kinds or bool(form.get("actor_token")) != ("actor_token_type" in form):
            raise InvalidRequestError()
        if form.get("requested_token_type", f"{TYPES}access_token") not in kinds:
            raise InvalidRequestError()
        person = self.provider.subjects.good(form.get("subject_token", ""))
        if person is None or (person.may_act is not None and client.client_id not in person.may_act):
            raise InvalidRequestError()
        return person

    def aim(self, form: Any) -> str:
        """`audience`, else `resource`, else the first there is."""
        targets = self.provider.subjects.targets
        asked = [form[name] for name in ("audience", "resource") if form.get(name)]
        if not set(asked) <= targets:
            raise OAuth2Error("unknown target", status_code=400, error="invalid_target")
        return str(asked[0] if asked else sorted(targets)[0])


class OnBehalfOf(SubjectGrant):
    """Entra's: only a confidential client, only with a token that is meant for it."""

    GRANT_TYPE = BEARER
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS[:2]

    @classmethod
    def check_token_endpoint(cls, request: Any) -> bool:
        """Told from a signed assertion of the client's own by what is to be done with it."""
        return request.form.get("grant_type") == BEARER and "requested_token_use" in request.form

    def subject(self, form: Any, client: Any) -> Person:
        """Whose token it is, which must be for this client."""
        if form.get("requested_token_use") != "on_behalf_of" or not form.get("assertion") or not form.get("scope"):
            raise InvalidRequestError()
        person = self.provider.subjects.good(form["assertion"])
        if person is None or person.audience not in (client.client_id, f"api://{client.client_id}"):
            raise InvalidGrantError()
        if person.user in self.provider.subjects.without_consent:
            raise OAuth2Error("consent", status_code=400, error="interaction_required")
        return person

    def aim(self, form: Any) -> str:
        """What the scope is of."""
        return str(form["scope"].rpartition("/")[0] or "api")


SUBJECT_GRANTS = (Exchange, OnBehalfOf)
