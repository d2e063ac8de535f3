"""What would a kind ask for a token, whom, and with what?

Data only, like `http.HttpCheck`: the exchanges in `credmagic.exchanges` do the asking. A kind with an `exchange` has
`token_request()`, whose result has the class that exchange wants:

| exchange | class |
|---|---|
| `client_credentials`, `password`, `refresh` | `OAuthRequest` |
| `jwt_bearer` | `AssertionRequest` |
| `access_key`, `session` | `LoginRequest` |
| `snowflake_jwt` | `KeyPairRequest` |
| `sts` | `RoleRequest` |
| `token_exchange`, `on_behalf_of` | `SubjectRequest` |
| `direct_access` | `Subject` |

`token_request()` raises `InvalidCredential`, naming the field, when the values do not suffice for a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from credmagic.errors import InvalidCredential
from credmagic.values import SecretStr, Token

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True)
class OAuthRequest:
    """A form POST to a token endpoint (RFC 6749). `form` holds what the grant adds, e.g. `username`, `scope`."""

    token_url: str
    grant_type: str
    client_id: str | None = None
    client_secret: SecretStr | None = None
    send_via: str = "header"
    """How the client authenticates: `header` (Basic) or `body`."""
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    header: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class SignInRequest:
    """What a person signs in to: in a browser (RFC 6749 §4.1 with PKCE), or with a code on another device (RFC 8628).

    `token` is the request that turns what came back into tokens, its `form` and `grant_type` still to be filled in.
    """

    token: OAuthRequest
    keeps: Mapping[str, str]
    """Part of the answer (`access_token`, `refresh_token`) → the field of the credential that stores it."""
    authorization_url: str | None = None
    device_authorization_url: str | None = None
    scope: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further parameters of the authorization URL."""


@dataclass(frozen=True)
class Subject:
    """Somebody who signed in at an identity provider, and what the connection says of requests made for them."""

    token: Token
    """The access token of that sign-in."""
    provider: OAuthRequest | None = None
    """The request to the identity provider that comes before the one to the service, where there is such a step."""
    header: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers of the request to the service."""


@dataclass(frozen=True)
class SubjectRequest:
    """The subject's token is turned into another one (RFC 8693, or RFC 7523 as Entra's on-behalf-of has it).

    `named` is the parameter that carries it, where that is not the usual one of the grant.
    """

    token: OAuthRequest
    subject: Subject
    named: str | None = None


@dataclass(frozen=True)
class AssertionRequest:
    """A JWT signed with `private_key` (PEM) and posted to a token endpoint (RFC 7523).

    The exchange adds `iat`, `exp` (now + `lifetime` seconds) and, with `include_jti`, `jti`; `claims` holds the others.
    """

    token_url: str
    grant_type: str
    private_key: SecretStr
    passphrase: SecretStr | None = None
    algorithm: str = "RS256"
    key_id: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lifetime: int = 3600
    include_jti: bool = False
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    header: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class LoginRequest:
    """A JSON POST whose JSON answer holds the token at `token_at`; `extra_at` says where further facts are."""

    url: str
    body: Mapping[str, Any] = field(repr=False)
    token_at: tuple[str, ...] = ("token",)
    extra_at: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    life: int | None = None
    """Seconds a token is good for when it is no JWT that says so; None: until it is refused."""


@dataclass(frozen=True)
class KeyPairRequest:
    """A JWT that a Snowflake user signs with the own key: no service is asked."""

    account: str
    user: str
    private_key: SecretStr
    passphrase: SecretStr | None = None


@dataclass(frozen=True)
class RoleRequest:
    """STS AssumeRole; without keys the machine's own identity asks.

    The token's `value` is the secret access key, its `extra` holds `aws_access_key_id` and `aws_session_token`.
    """

    role_arn: str
    external_id: str | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None
    aws_session_token: SecretStr | None = None
    region: str | None = None
    endpoint_url: str | None = None


def needed(kind: str, **values: object) -> None:
    """Raise `InvalidCredential` naming what `values` lack for a token to be fetched."""
    missing = [name for name, value in values.items() if not value]
    if missing == ["refresh_token"]:  # the one thing that people do not type
        raise InvalidCredential(
            "nobody has signed in for it yet",
            next_step="Sign in: %cred login NAME",
            errors={"refresh_token": "comes from a sign-in"},
        )
    if missing:
        raise InvalidCredential(
            f"without {' and '.join(missing)} no token can be fetched",
            next_step=f"Add it: %cred edit NAME (what it takes: %cred kinds {kind})",
            errors=dict.fromkeys(missing, "is required to fetch a token"),
        )
