"""The kind `box_jwt`: an application of Box that signs in with a key pair."""

from __future__ import annotations

from typing import ClassVar

from credmagic.kinds.exchange import JWT_GRANT, AssertionRequest
from credmagic.kinds.fields import field, secret
from credmagic.kinds.pem import pem_file, pem_warnings
from credmagic.kinds.token_kind import TokenKind
from credmagic.values import SecretStr

TOKEN_URL = "https://api.box.com/oauth2/token"


class BoxJwt(TokenKind):
    """What the configuration file of a Box application says."""

    kind: ClassVar[str] = "box_jwt"
    title: ClassVar[str] = "Box JWT app"
    aliases: ClassVar[tuple[str, ...]] = ("box",)
    exchange: ClassVar[str | None] = "jwt_bearer"
    token_env: ClassVar[tuple[str, ...]] = ("BOX_ACCESS_TOKEN",)
    probe: ClassVar[str | None] = "token"
    help: ClassVar[str] = "The values are in the JSON file that Box's developer console gives out."
    help_url: ClassVar[str] = "https://developer.box.com/guides/authentication/jwt/"

    client_id: str = field("Client ID", trim=True)
    client_secret: SecretStr = secret("Client secret")
    enterprise_id: str = field("Enterprise ID", trim=True)
    public_key_id: str = field("Public key ID", trim=True)
    private_key_str: SecretStr = secret("Private key", "As in the file.", type="text", aliases=("private_key",))
    passphrase: SecretStr = secret("Passphrase", "Of the private key.")

    def token_request(self) -> AssertionRequest:
        """An assertion for the enterprise, good for less than the minute that Box allows."""
        claims = {"iss": self.client_id, "sub": self.enterprise_id, "box_sub_type": "enterprise", "aud": TOKEN_URL}
        return AssertionRequest(
            token_url=TOKEN_URL,
            grant_type=JWT_GRANT,
            private_key=SecretStr(pem_file(self.private_key_str)),
            passphrase=self.passphrase,
            algorithm="RS512",
            key_id=self.public_key_id,
            claims=claims,
            lifetime=45,
            include_jti=True,
            form={"client_id": self.client_id, "client_secret": self.client_secret},
        )

    def warnings(self) -> list[str]:
        """With a word on a key that does not look like one."""
        return [*super().warnings(), *pem_warnings("private_key_str", self.private_key_str, "PRIVATE KEY")]
