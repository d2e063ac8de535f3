"""How do services answer that have a sign-in of their own? As Conductor, Unify and Tableau do, checking what they get.

    services = SignInServices(provider)        # adds their endpoints to the authorization server

`POST /api/token` (Conductor), `POST /api/sessions` (Unify), `POST /api/{version}/auth/signin` (Tableau, where a second
sign-in with one token ends the first session).
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import jsonify, request
from joserfc import jwk, jwt

from credmagic.testing.authorization_server import AuthorizationServer


class SignInServices:
    """Who may sign in where, and which sessions are alive."""

    def __init__(self, provider: AuthorizationServer) -> None:
        self.provider = provider
        self.conductor_keys: dict[str, str] = {}
        self.unify_users: dict[str, str] = {}
        self.tableau_tokens: dict[str, str] = {}
        self.tableau_sessions: dict[str, str] = {}
        """Token name → the one session that is alive."""
        self._key = jwk.OctKey.generate_key(256)
        for rule, view in (
            ("/api/token", self._conductor),
            ("/api/sessions", self._unify),
            ("/api/<version>/auth/signin", self._tableau),
        ):
            provider.app.add_url_rule(rule, view.__name__, view, methods=["POST"])

    def _jwt(self, subject: str) -> str:
        ends = int(self.provider.now()) + self.provider.life
        token = jwt.encode({"alg": "HS256"}, {"sub": subject, "exp": ends}, self._key)
        self.provider.issued[token] = float(ends)
        return token

    def _conductor(self) -> Any:
        body = request.get_json()
        if not _same(self.conductor_keys.get(body.get("keyId")), body.get("keySecret")):
            return jsonify(status=401, error="INVALID_CREDENTIALS", message="no"), 401
        return jsonify(token=self._jwt(body["keyId"]))

    def _unify(self) -> Any:
        body = request.get_json()
        if not _same(self.unify_users.get(body.get("email")), body.get("password")):
            return jsonify(message=f"wrong: {body.get('password')}"), 401
        return jsonify(authToken=self._jwt(body["email"]), userId=7)

    def _tableau(self, version: str) -> Any:
        shown = request.get_json()["credentials"]
        name, value = shown.get("personalAccessTokenName"), shown.get("personalAccessTokenSecret")
        if not _same(self.tableau_tokens.get(name), value):
            detail = {"summary": "Signin Error", "detail": "Error signing in", "code": "401001"}
            return jsonify(error=detail), 401
        self.tableau_sessions[name] = f"{secrets.token_urlsafe(12)}|{secrets.token_urlsafe(16)}"
        site = {"id": "9a8b7c6d", "contentUrl": shown["site"]["contentUrl"]}
        return jsonify(credentials={"site": site, "user": {"id": "u-1"}, "token": self.tableau_sessions[name]})


def _same(known: str | None, given: object) -> bool:
    return known is not None and isinstance(given, str) and secrets.compare_digest(known.encode(), given.encode())
