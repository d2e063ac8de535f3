"""How do boto3 and the other AWS SDKs renew keys by themselves? As in a container: from the address in a variable.

`AWS_CONTAINER_CREDENTIALS_FULL_URI` may be plain http on loopback; `AWS_CONTAINER_AUTHORIZATION_TOKEN` is sent as it is
in `Authorization`. This place comes after keys in variables and in profiles, which are out of sight meanwhile.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential, word
from credmagic.injectors.sdk_base import Sdk, ends, written
from credmagic.injectors.sdk_endpoint import Asked, Route

_PATH = "/aws"
_ID, _SECRET, _SESSION = "aws_access_key_id", "aws_secret_access_key", "aws_session_token"


class Aws(Sdk):
    """Keys with a session token: a role's, or stored ones that are themselves temporary."""

    name: ClassVar[str] = "aws"
    called: ClassVar[str] = "boto3 and the other AWS SDKs"
    hidden: ClassVar[tuple[str, ...]] = (
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CREDENTIAL_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    )  # fmt: skip

    def check(self, credential: Credential) -> None:
        """Also taken: keys with a session token, which end though nobody may know when."""
        if credential.is_short_lived or credential.get(_SESSION):
            return
        name = word(credential.name)
        if not credential.get(_SECRET):
            raise InvalidCredential(
                f"{credential.name} holds no keys: AWS SDKs find what the machine itself may do without it",
                next_step=f"Give it a role to take: %cred edit {name}",
            )
        raise InvalidCredential(
            f"{credential.name} holds keys that do not end, and only those that do are given to SDKs this way",
            next_step=f"Give it a role to take (role_arn): %cred edit {name}. "
            f"As they are, in variables: %cred use {name} --export",
        )

    def routes(self, url: str) -> list[Route]:
        """One, for whatever may be asked of AWS."""
        return [Route("GET", _PATH, self.bearer, _shown, self._keys, lambda text: {"code": "refused", "message": text})]

    def variables(self, url: str) -> dict[str, str]:
        """The address and what to show there; files of profiles, also the older kind, are empty ones meanwhile."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": url + _PATH,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.bearer,
            **dict.fromkeys(("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG"), os.devnull),
        }

    def _keys(self, asked: Asked) -> dict[str, Any]:
        credential = self.now()
        return {
            "AccessKeyId": str.__str__(credential[_ID]),
            "SecretAccessKey": str.__str__(credential[_SECRET]),
            "Token": str.__str__(credential[_SESSION]),
            "Expiration": written(ends(credential)),
        }


def _shown(asked: Asked) -> str:
    return asked.headers.get("Authorization", "")
