"""Where do tests get tokens from? A real authorization server on loopback, built with Authlib, that really checks.

    with AuthorizationServer() as provider:
        provider.clients["app"] = Client("app", secret)
        ... provider.token_url ...

Grants: client_credentials (Basic and body), password, refresh_token with rotation and reuse detection (a second use
takes the whole family away), jwt-bearer (signature, audience, expiry, replayed `jti`), and for somebody who is signed
in (`browser_login`) token exchange and on-behalf-of (`subjects`; see `subject_grants`). Its clock is moved by
`advance`. `asked` counts the requests at each path; `faults` lets a path answer as broken services do (`faults.py`).
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

from authlib.integrations.flask_oauth2 import AuthorizationServer as FlaskServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload
from authlib.oauth2.rfc6749 import InvalidGrantError, OAuth2Request, grants
from authlib.oauth2.rfc7523 import JWTBearerGrant
from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.errors import JoseError
from werkzeug.serving import make_server

from credmagic.testing.browser_login import PKCE, Code, CodeGrant, add_page
from credmagic.testing.oauth_clients import Client, Family
from credmagic.testing.subject_grants import SUBJECT_GRANTS, Person, Subjects


class AuthorizationServer:
    """The server; a context manager. All state is public, so that tests can arrange and look."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}
        self.users: dict[str, str] = {}
        self.families: list[Family] = []
        self.subjects = Subjects(self)
        self.codes: dict[str, Code] = {}
        self.issued: dict[str, float] = {}
        """Access token → when it ends, by this server's clock."""
        self.life = 3600
        self.rotates = self.detects_reuse = True
        self.asked: Counter[str] = Counter()
        self.forms: list[dict[str, str]] = []
        """The form of every token request."""
        self.faults: dict[str, Callable[[], Any]] = {}
        """Path → what answers in place of the endpoint."""
        self.delay = 0.0
        self.seen_ids: set[str] = set()
        self._offset = 0.0
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self.app = self._app()
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="authorization-server", daemon=True
        )

    # ── for tests ────────────────────────────────────────────────────────────────────────────────────────
    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def token_url(self) -> str:
        """Its token endpoint."""
        return f"{self.url}/oauth/token"

    @property
    def authorization_url(self) -> str:
        """Where people sign in."""
        return f"{self.url}/authorize"

    def now(self) -> float:
        """Seconds since 1970 by this server's clock."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move its clock."""
        self._offset += seconds

    def login(self, client_id: str, user: str = "ada") -> str:
        """What a browser login would have left behind: a refresh token."""
        family = Family(client_id, user)
        with self._lock:
            self.families.append(family)
        return self._next(family)

    def accepts(self, token: str) -> bool:
        """Whether a service behind this server would take the access token now."""
        return self.issued.get(token, 0.0) > self.now()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    # ── the inside ───────────────────────────────────────────────────────────────────────────────────────
    def _next(self, family: Family) -> str:
        family.spent.add(family.current)
        family.current = f"refresh-{next(self._numbers)}-{secrets.token_urlsafe(16)}"
        return family.current

    def _app(self) -> Flask:
        app = Flask("authorization-server")
        oauth = _Oauth(self)
        oauth.init_app(app, self.clients.get, self._save)
        for grant in (_Credentials, _Password, _Refresh, _Assertion, *SUBJECT_GRANTS):
            oauth.register_grant(type(grant.__name__, (grant,), {"provider": self}))
        oauth.register_grant(type("_Code", (CodeGrant,), {"provider": self}), [PKCE])

        @app.before_request
        def look() -> Any:
            self.asked[request.path] += 1
            if self.delay:
                time.sleep(self.delay)
            fault = self.faults.get(request.path)
            return fault() if fault else None

        self.app = app
        add_page(self, oauth)

        @app.post("/oauth/token")
        @app.post("/oidc/v1/token")  # Databricks
        @app.post("/<tenant>/oauth2/v2.0/token")  # Azure
        def token(tenant: str = "") -> Any:
            with self._lock:
                self.forms.append(dict(request.form))
                return oauth.create_token_response()

        @app.get("/me")
        def me() -> Any:
            shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return (jsonify(ok=True), 200) if self.accepts(shown) else (jsonify(error="invalid_token"), 401)

        return app

    def _save(self, token: dict[str, Any], asked: Any) -> None:
        token["expires_in"] = self.life
        ends = self.issued[token["access_token"]] = self.now() + self.life
        if asked.user:
            self.subjects.people[token["access_token"]] = Person(asked.user, asked.client.client_id, ends)


class _Request(OAuth2Request):  # type: ignore[misc]
    """The request at hand, as if TLS had ended before us: Authlib takes no plain http, not even on loopback."""

    def __init__(self) -> None:
        super().__init__(request.method, request.url.replace("http://", "https://", 1), headers=request.headers)
        self.payload = FlaskOAuth2Payload(request)

    @property
    def form(self) -> Any:
        return request.form


class _Oauth(FlaskServer):  # type: ignore[misc]
    def __init__(self, provider: AuthorizationServer) -> None:
        super().__init__()
        self.provider = provider

    def create_oauth2_request(self, asked: Any) -> OAuth2Request:
        return _Request()


_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"]
_METHODS = ["client_secret_basic", "client_secret_post"]


class _Credentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS


class _Password(grants.ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    provider: AuthorizationServer

    def authenticate_user(self, username: str, password: str) -> str | None:
        known = self.provider.users.get(username)
        if known is None or not secrets.compare_digest(known.encode(), password.encode()):
            raise InvalidGrantError()
        return username


class _Refresh(grants.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    provider: AuthorizationServer

    def authenticate_refresh_token(self, refresh_token: str) -> Family | None:
        for family in self.provider.families:
            if refresh_token in family.spent and self.provider.detects_reuse:
                family.revoked = True  # somebody has a copy: nobody gets anything any more
            if family.current == refresh_token and not family.revoked:
                return family
        return None

    def authenticate_user(self, family: Family) -> str:
        return family.user

    def issue_token(self, user: str, family: Family) -> dict[str, Any]:
        token: dict[str, Any] = super().issue_token(user, family)
        if self.provider.rotates:
            token["refresh_token"] = self.provider._next(family)
        return token

    def revoke_old_credential(self, family: Family) -> None:
        """Done where the next one is made."""


class _Assertion(JWTBearerGrant):  # type: ignore[misc]
    provider: AuthorizationServer

    @classmethod
    def check_token_endpoint(cls, request: Any) -> bool:
        return bool(super().check_token_endpoint(request)) and "requested_token_use" not in request.form

    def process_assertion_claims(self, assertion: str) -> Any:
        """As Authlib does it, which knows fewer algorithms than services take."""
        claims = self.extract_assertion(assertion)[1]
        client = self.resolve_issuer_client(str(claims.get("iss")))
        try:
            signed = jwt.decode(assertion, client.key, algorithms=_ALGORITHMS) if client else None
        except (JoseError, ValueError):
            signed = None
        if signed is None:
            raise InvalidGrantError()
        self.verify_claims(signed.claims)
        return signed.claims

    def resolve_issuer_client(self, issuer: str) -> Client | None:
        return self.provider.clients.get(issuer)

    def resolve_client_public_key(self, client: Client) -> Any:
        return client.key

    def get_audiences(self) -> list[str]:
        return [self.provider.token_url, self.provider.url]

    def verify_claims(self, claims: Any) -> None:
        """With this server's clock and no leeway, and each `jti` once."""
        options: dict[str, Any] = {**self.CLAIMS_OPTIONS, "aud": {"essential": True, "values": self.get_audiences()}}
        try:
            jwt.JWTClaimsRegistry(now=int(self.provider.now()), leeway=0, **options).validate(claims)
        except JoseError:
            raise InvalidGrantError() from None
        if claims.get("jti") in self.provider.seen_ids:
            raise InvalidGrantError()
        self.provider.seen_ids |= {claims["jti"]} if "jti" in claims else set()

    def authenticate_user(self, subject: str) -> str:
        return subject

    def has_granted_permission(self, client: Client, user: str) -> bool:
        return True


__all__ = ["AuthorizationServer", "Client"]
