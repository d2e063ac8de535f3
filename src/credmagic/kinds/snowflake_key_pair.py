"""The kind `snowflake_key_pair_user_account`: a Snowflake user who signs with a private key."""

from __future__ import annotations

from typing import Any, ClassVar

from credmagic.errors import AccessDenied, InvalidCredential
from credmagic.kinds.adapters import HeaderAuth, adapter
from credmagic.kinds.exchange import KeyPairRequest, needed
from credmagic.kinds.fields import field, secret
from credmagic.kinds.pem import pem_file, pem_warnings
from credmagic.kinds.snowflake_base import SnowflakeBase
from credmagic.values import SecretStr


class SnowflakeKeyPair(SnowflakeBase):
    """User and private key. The connector signs by itself, so the key is handed over unless told otherwise."""

    kind: ClassVar[str] = "snowflake_key_pair_user_account"
    title: ClassVar[str] = "Snowflake key pair"
    aliases: ClassVar[tuple[str, ...]] = ("snowflake", "snowflake_key_pair")
    exchange: ClassVar[str | None] = "snowflake_jwt"
    lent: ClassVar[tuple[str, ...]] = ("user", "private_key_str", "passphrase")
    inline: ClassVar[tuple[str, ...]] = ("user", "private_key_str")
    token_type: ClassVar[str] = "KEYPAIR_JWT"
    help: ClassVar[str] = "A user with a key of its own. Verify asks the account for a sign of life."
    help_url: ClassVar[str] = "https://docs.snowflake.com/en/user-guide/key-pair-auth"
    variables: ClassVar[tuple[str, ...]] = ("SNOWFLAKE_AUTHENTICATOR", "SNOWFLAKE_PRIVATE_KEY_FILE")

    user: str | None = field("User", default=None, aliases=("username",), env=("SNOWFLAKE_USER",))
    private_key_str: SecretStr | None = secret(
        "Private key", "The whole PEM file; drop it on the field.", default=None, type="text",
        aliases=("private_key",), placeholder="-----BEGIN PRIVATE KEY-----",
    )  # fmt: skip
    passphrase: SecretStr | None = secret(
        "Passphrase", "Only if the key has one.", default=None, env=("SNOWFLAKE_PRIVATE_KEY_FILE_PWD",)
    )
    exportable: bool = field(
        "Exportable", "Notebooks may also have the key itself, which the connector needs.",
        default=True, type="bool", more=True, common=True,
    )  # fmt: skip

    def needs_exchange(self) -> bool:
        """A token names the account; without one the key is all there is."""
        return bool(self.account or self.config_id)

    def token_request(self) -> KeyPairRequest:
        """What is signed, and with which key."""
        needed(self.kind, account=self.account, user=self.user, private_key_str=self.private_key_str)
        key = SecretStr(pem_file(self.private_key_str or ""))
        return KeyPairRequest(self.account or "", self.user or "", key, self.passphrase)

    def exports(self) -> dict[str, str]:
        """How the connector signs in."""
        return super().exports() | {"SNOWFLAKE_AUTHENTICATOR": "SNOWFLAKE_JWT"}

    def files(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """The key, if it may leave the vault."""
        key = self.shown().private_key_str
        return {"SNOWFLAKE_PRIVATE_KEY_FILE": SecretStr(pem_file(key))} if key else {}

    @adapter
    def snowflake_args(self) -> dict[str, Any]:
        """For the connector: `snowflake.connector.connect(**cred.snowflake_args())`.

        Raises `AccessDenied` when the key stays in the vault, `InvalidCredential` when it does not open.
        """
        if self.private_key_str is None:
            raise AccessDenied(
                "the connector signs by itself, and this credential's key stays in the vault",
                next_step="Let it out: %cred edit NAME, exportable yes; or use the SQL API with cred.auth()",
            )
        key = _der(self.private_key_str, self.passphrase)
        return {**self.session_args(), "user": self.user, "authenticator": "SNOWFLAKE_JWT", "private_key": key}

    @adapter
    def auth(self) -> HeaderAuth:
        """For requests and httpx on the SQL API; send `X-Snowflake-Authorization-Token-Type: KEYPAIR_JWT` along."""
        return super().auth()

    def warnings(self) -> list[str]:
        """With a word on a key that does not look like one."""
        key = self.private_key_str
        return [*super().warnings(), *(pem_warnings("private_key_str", key, "PRIVATE KEY") if key else [])]


def _der(pem: str, passphrase: str | None) -> bytes:
    """The key as the connector takes it: unencrypted PKCS#8."""
    from cryptography.hazmat.primitives import serialization

    password = str.__str__(passphrase).encode() if passphrase else None
    der: bytes | None = None
    try:
        key = serialization.load_pem_private_key(pem_file(pem).encode(), password)
        der = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    except Exception:  # noqa: S110  (what a library says of a key is not repeated)
        pass
    if der is None:
        text = "is no private key, or the passphrase does not open it"
        raise InvalidCredential("the key does not open", errors={"private_key_str": text}, next_step="%cred edit NAME")
    return der
