"""Do AWS keys work, at AWS or at a service that speaks S3?

AWS is asked whom the keys belong to, which every key may ask. Another service is asked for the bucket, or for the list
of buckets. What botocore says may quote the request, so it is only classified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from credmagic.errors import CredmagicError, VerificationFailed
from credmagic.kinds.adapters import load
from credmagic.kinds.base import CredentialKind
from credmagic.verify.base import Probe, Result, no_answer, unreachable
from credmagic.verify.fetching import NotTried, with_token

if TYPE_CHECKING:
    from credmagic.kinds.s3 import S3

REGION = "us-east-1"
"""Where AWS answers those who name no region."""
_CLASSES = {
    "InvalidAccessKeyId": "it does not know the access key id",
    "InvalidClientTokenId": "it does not know the access key id",
    "UnrecognizedClientException": "it does not know the access key id",
    "SignatureDoesNotMatch": "the secret access key does not fit the access key id",
    "ExpiredToken": "the temporary keys have ended",
    "ExpiredTokenException": "the temporary keys have ended",
    "InvalidToken": "the session token does not fit the keys",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "NoSuchBucket": "there is no bucket of that name",
    "404": "there is no bucket of that name",
    "403": "forbidden: the keys, or what they may do with the bucket",
    "AccessDenied": "the keys may not do that",
}


class AwsProbe(Probe):
    """STS GetCallerIdentity; with an `endpoint_url` HeadBucket or ListBuckets there."""

    def __init__(self, sts_url: str | None = None) -> None:
        self._sts_url = sts_url

    def check(self, credential: CredentialKind, *, timeout: float) -> Result:
        """One signed request. Raises as `Probe.check`."""
        errors = load("botocore.exceptions", "boto3", "asking AWS")
        failure: CredmagicError
        try:
            keys = cast("S3", with_token(credential)[0])
            return self._ask(keys, timeout)
        except NotTried as reason:
            return Result("unverifiable", str(reason))
        except errors.ClientError as error:
            failure = _refused(str(error.response.get("Error", {}).get("Code", "")))
        except (errors.NoCredentialsError, errors.PartialCredentialsError):
            failure = _refusal("without keys, this machine has no role of its own here")
        except (errors.ConnectTimeoutError, errors.ReadTimeoutError):
            failure = no_answer(timeout)
        except errors.ConnectionError:
            failure = unreachable("no connection to that host and port")
        except errors.BotoCoreError:
            failure = _refusal("the request could not be made; are region, endpoint and bucket right?")
        raise failure

    def _ask(self, keys: S3, timeout: float) -> Result:
        if not keys.endpoint_url:
            _client("sts", keys, self._sts_url, timeout).get_caller_identity()
            return Result("ok", "AWS knows whom the keys belong to")
        s3 = _client("s3", keys, keys.endpoint_url, timeout)
        if keys.bucket:
            s3.head_bucket(Bucket=keys.bucket)
            return Result("ok", "the bucket is there, and the keys may use it")
        s3.list_buckets()
        return Result("ok", "the service accepted the keys")


def _client(service: str, keys: S3, url: str | None, timeout: float) -> Any:
    config = load("botocore.config", "boto3", "asking AWS").Config(
        connect_timeout=timeout * 0.9,
        read_timeout=timeout * 0.9,
        retries={"total_max_attempts": 1},
        proxies={},
        ignore_configured_endpoint_urls=True,
        s3={"addressing_style": "path"},
    )
    session = load("botocore.session", "boto3", "asking AWS").get_session()
    return session.create_client(
        service,
        region_name=keys.region or REGION,
        endpoint_url=url,
        aws_access_key_id=keys.aws_access_key_id,
        aws_secret_access_key=keys.aws_secret_access_key and str.__str__(keys.aws_secret_access_key),
        aws_session_token=keys.aws_session_token and str.__str__(keys.aws_session_token),
        config=config,
    )


def _refused(code: str) -> VerificationFailed:
    return _refusal(_CLASSES.get(code, "it answered with an error of its own"))


def _refusal(reason: str) -> VerificationFailed:
    return VerificationFailed(
        f"the service did not accept it: {reason}",
        next_step="Correct it and verify again; or save unverified (--no-verify).",
    )
