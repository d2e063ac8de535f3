"""The kind `oauth_jwt_bearer`: a signed assertion, for which the provider gives out tokens (RFC 7523)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from credmagic.kinds.exchange import JWT_GRANT, AssertionRequest
from credmagic.kinds.fields import field, secret
from credmagic.kinds.oauth_base import OAuthBase, token_url_field
from credmagic.kinds.pem import pem_file, pem_warnings
from credmagic.values import SecretStr

_OWN_FIELDS = frozenset(("iss", "aud", "exp", "iat", "jti"))
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class OAuthJwtBearer(OAuthBase):
    """A private key whose signature stands in for a secret."""

    kind: ClassVar[str] = "oauth_jwt_bearer"
    sharing: ClassVar[tuple[str, ...]] = ("team",)
    title: ClassVar[str] = "JWT assertion"
    aliases: ClassVar[tuple[str, ...]] = ("oauth2_jwt_bearer", "jwt_bearer")
    wire_kinds: ClassVar[Mapping[str, str]] = {"orchestrate": "oauth_auth_jwt_bearer_flow"}
    exchange: ClassVar[str | None] = "jwt_bearer"
    help: ClassVar[str] = "A key signs a short statement, for which the provider gives out tokens."

    token_url: str = token_url_field()
    private_key: SecretStr = secret("Private key", "The whole PEM file; drop it on the field.", type="text")
    private_key_password: SecretStr | None = secret("Password of the key", "Only if it has one.", default=None)
    iss: str | None = field("Issuer", "The claim iss.", default=None, trim=True)
    aud: str | None = field("Audience", "The claim aud; the token URL unless given.", default=None, trim=True)
    kid: str | None = field("Key ID", default=None, trim=True)
    alg: str = field("Algorithm", default="RS256", type="choice", choices=_ALGORITHMS, more=True)
    exp: int = field(
        "Life of the assertion", "In seconds; more than an hour is cut to one.",
        default=300, type="int", bounds=(1, 31_536_000), more=True,
    )  # fmt: skip
    include_jti: bool = field(
        "With an id", "Each assertion gets an id of its own (jti).", default=False, type="bool", more=True
    )
    custom_claims: dict[str, Any] | None = field(
        "Further claims", "As a JSON object, e.g. sub.", default=None, type="json", more=True
    )
    client_id: str | None = field("Client ID", default=None, trim=True, more=True)
    client_secret: SecretStr | None = secret("Client secret", default=None, more=True)
    grant_type: str = field("Grant type", default=JWT_GRANT, trim=True, more=True)

    def check(self) -> Mapping[str, str]:
        """Claims that have fields of their own are not given twice."""
        problems = dict(super().check())
        if clash := sorted(_OWN_FIELDS & set(self.custom_claims or {})):
            problems["custom_claims"] = f"must not hold {', '.join(clash)}, which credmagic sets"
        return problems

    def token_request(self) -> AssertionRequest:
        """The claims to sign and where they go."""
        along = self.sent_along()
        client = {"client_id": self.client_id, "client_secret": self.client_secret}
        claims = {"iss": self.iss, "aud": self.aud or self.token_url}
        return AssertionRequest(
            token_url=self.token_url,
            grant_type=self.grant_type,
            private_key=SecretStr(pem_file(self.private_key)),
            passphrase=self.private_key_password,
            algorithm=self.alg,
            key_id=self.kid,
            claims={name: value for name, value in claims.items() if value} | (self.custom_claims or {}),
            lifetime=min(self.exp, 3600),
            include_jti=self.include_jti,
            form={name: value for name, value in client.items() if value} | dict(along["form"]),
            header=along["header"],
            query=along["query"],
        )

    def warnings(self) -> list[str]:
        """With a word on a key that does not look like one."""
        return [*super().warnings(), *pem_warnings("private_key", self.private_key, "PRIVATE KEY")]
