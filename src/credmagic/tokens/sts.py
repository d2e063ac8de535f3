"""The exchange `sts`: AWS keys take a role and get keys for an hour (STS AssumeRole)."""

from __future__ import annotations

import getpass
import re
from typing import Any, ClassVar

from credmagic.errors import CredmagicError
from credmagic.kinds.adapters import load
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.exchange import RoleRequest
from credmagic.tokens.base import Exchange, code_of, no_answer, refused, unreachable
from credmagic.tokens.web import check_place
from credmagic.values import SecretStr, Token

LIFE = 3600
"""Seconds; a role may allow more, but every role allows an hour."""
REGION = "us-east-1"
"""Where AWS answers for those who name no region."""


class Sts(Exchange):
    """Signed and sent by botocore, which is part of the package boto3."""

    name: ClassVar[str] = "sts"

    def fetch(self, credential: CredentialKind) -> Token:
        """One AssumeRole. `value` is the secret key, `extra` holds the id and the session token."""
        request = self.request(credential, RoleRequest)
        if request.endpoint_url:
            check_place(request.endpoint_url)
        errors = load("botocore.exceptions", "boto3", "taking a role")
        who: dict[str, Any] = {"RoleArn": request.role_arn, "RoleSessionName": _session_name(), "DurationSeconds": LIFE}
        if request.external_id:
            who["ExternalId"] = request.external_id
        failure: CredmagicError
        try:
            return _token(_client(request, self.timeout).assume_role(**who)["Credentials"])
        except errors.ClientError as error:
            failure = refused(code_of(error.response.get("Error", {}).get("Code"), "no_code"))
        except errors.NoCredentialsError:
            failure = refused("no_identity")
        except (errors.ConnectTimeoutError, errors.ReadTimeoutError):
            failure = no_answer(self.timeout)
        except errors.ConnectionError:
            failure = unreachable("no connection to that host and port")
        except (errors.BotoCoreError, KeyError):
            failure = refused("bad_request")
        raise failure


def _client(request: RoleRequest, timeout: float) -> Any:
    config = load("botocore.config", "boto3", "taking a role").Config(
        connect_timeout=timeout * 0.45,
        read_timeout=timeout * 0.45,
        retries={"total_max_attempts": 1},
        proxies={},
        ignore_configured_endpoint_urls=True,
    )
    session = load("botocore.session", "boto3", "taking a role").get_session()
    return session.create_client(
        "sts",
        region_name=request.region or REGION,
        endpoint_url=request.endpoint_url,
        aws_access_key_id=request.aws_access_key_id,
        aws_secret_access_key=request.aws_secret_access_key and str.__str__(request.aws_secret_access_key),
        aws_session_token=request.aws_session_token and str.__str__(request.aws_session_token),
        config=config,
    )


def _token(keys: dict[str, Any]) -> Token:
    names = {"aws_access_key_id": "AccessKeyId", "aws_session_token": "SessionToken"}
    extra = {ours: SecretStr(keys[theirs]) for ours, theirs in names.items()}
    return Token(SecretStr(keys["SecretAccessKey"]), keys["Expiration"], extra)


def _session_name() -> str:
    """`credmagic-{user}`: what AWS writes into its own logs beside each call."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = "user"
    return ("credmagic-" + re.sub(r"[^\w+=,.@-]", "_", user, flags=re.ASCII))[:64]
