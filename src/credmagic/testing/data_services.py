"""How do storage and warehouse services answer? As Azure Storage, Snowflake and Databricks do, checking what they get.

    services = DataServices(provider)          # adds their endpoints to the authorization server

Blob service (`GET /{account}/?comp=list`, Shared Key and SAS), Snowflake's SQL API (`POST /api/v2/statements`, key-pair
JWT and OAuth), Databricks' "who am I". Written from the services' own documents, apart from the code that asks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from email.utils import parsedate_to_datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Response, jsonify, request
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from credmagic.testing.authorization_server import AuthorizationServer

_LIST = '<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Containers/><NextMarker/></EnumerationResults>'


class DataServices:
    """Who may read what."""

    def __init__(self, provider: AuthorizationServer) -> None:
        self.provider = provider
        self.storage_accounts: dict[str, str] = {}
        """Account → its key (base64)."""
        self.shared_signatures: set[str] = set()
        """The `sig` of those SAS that are good."""
        self.snowflake_users: dict[tuple[str, str], Any] = {}
        """(ACCOUNT, USER) → public key."""
        self.databricks_tokens: set[str] = set()
        app = provider.app
        app.add_url_rule("/<account>/", "blobs", self._blobs)
        app.add_url_rule("/api/v2/statements", "statements", self._statements, methods=["POST"])
        app.add_url_rule("/api/2.0/preview/scim/v2/Me", "who_am_i", self._who_am_i)

    def _blobs(self, account: str) -> Any:
        if request.args.get("comp") != "list" or not request.headers.get("x-ms-version"):
            return _azure_error("InvalidQueryParameterValue", 400)
        if request.args.get("sig") in self.shared_signatures:
            return Response(_LIST, content_type="application/xml")
        sent = parsedate_to_datetime(request.headers.get("x-ms-date", "Thu, 01 Jan 1970 00:00:00 GMT"))
        if abs(sent.timestamp() - time.time()) > 900:
            return _azure_error("AuthenticationFailed", 403)
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        name, _, signature = shown.partition(":")
        if scheme == "SharedKey" and name == account and hmac.compare_digest(signature, self._signature(account)):
            return Response(_LIST, content_type="application/xml")
        return _azure_error("AuthenticationFailed", 403)

    def _signature(self, account: str) -> str:
        """The Shared Key signature this very request should have."""
        key = self.storage_accounts.get(account)
        if key is None:
            return ""
        standard = (
            "Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date",
            "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range",
        )  # fmt: skip
        lines = [request.method, *(request.headers.get(name, "") for name in standard)]
        own = sorted((name.lower(), value.strip()) for name, value in request.headers if name.lower()[:5] == "x-ms-")
        lines += [f"{name}:{value}" for name, value in own]
        lines += [f"/{account}{request.path}"]  # the account stands in the path of emulators, and is signed twice
        lines += [f"{name.lower()}:{','.join(sorted(values))}" for name, values in sorted(request.args.lists())]
        digest = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def _statements(self) -> Any:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        kind = request.headers.get("X-Snowflake-Authorization-Token-Type")
        if not request.headers.get("User-Agent") or "json" not in request.headers.get("Accept", ""):
            return jsonify(code="391902", message="Unsupported Accept header null is specified."), 400
        known = {"KEYPAIR_JWT": self._signed_by_a_user, "OAUTH": self.provider.accepts}.get(kind or "")
        if scheme != "Bearer" or known is None or not known(token):
            return jsonify(code="390144", message=f"JWT token is invalid. [{token}]"), 401
        if "SELECT 1" not in str(request.get_json().get("statement")):
            return jsonify(code="001003", message="SQL compilation error"), 422
        return jsonify(code="090001", message="Statement executed successfully.", data=[["1"]])

    def _signed_by_a_user(self, token: str) -> bool:
        for (account, user), key in self.snowflake_users.items():
            try:
                claims = jwt.decode(token, jwk.RSAKey.import_key(key), algorithms=["RS256"]).claims
            except (JoseError, ValueError):
                continue
            der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
            now = self.provider.now()
            return (
                claims.get("sub") == f"{account}.{user}"
                and claims.get("iss") == f"{account}.{user}.{fingerprint}"
                and now < claims.get("exp", 0) <= claims.get("iat", 0) + 3600
            )
        return False

    def _who_am_i(self) -> Any:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token in self.databricks_tokens or self.provider.accepts(token):
            return jsonify(userName="ada@example.org", id="1")
        return jsonify(error_code=403, message=f"Invalid access token: {token}"), 403


def _azure_error(code: str, status: int) -> Response:
    told = request.headers.get("Authorization")  # as Azure does, which shows what it was given
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{told}</Message></Error>"
    return Response(body, status=status, headers={"x-ms-error-code": code}, content_type="application/xml")
