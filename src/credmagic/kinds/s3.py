"""The kind `s3`: AWS keys, for S3 and everything else that signs like AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from credmagic.kinds.adapters import adapter, load
from credmagic.kinds.configured import ConfiguredKind
from credmagic.kinds.exchange import RoleRequest, needed
from credmagic.kinds.fields import field, secret
from credmagic.kinds.oauth_base import needs_tls
from credmagic.values import SecretStr, Token


class S3(ConfiguredKind):
    """An AWS access key; without one, what the machine itself may do."""

    kind: ClassVar[str] = "s3"
    title: ClassVar[str] = "AWS keys / S3"
    group: ClassVar[str] = "Amazon S3"
    aliases: ClassVar[tuple[str, ...]] = ("aws",)
    exchange: ClassVar[str | None] = "sts"
    lent: ClassVar[tuple[str, ...]] = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    token_field: ClassVar[str] = "aws_secret_access_key"
    sdk: ClassVar[str | None] = "aws"
    runtime_scheme: ClassVar[str] = "key_value_creds"
    token_env: ClassVar[tuple[str, ...]] = ()
    probe: ClassVar[str | None] = "aws"
    help: ClassVar[str] = "Access key id and secret belong together; leave both empty to use the machine's own role."
    help_url: ClassVar[str] = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html"

    aws_access_key_id: str | None = field(
        "Access key ID", default=None, trim=True, placeholder="AKIA…", env=("AWS_ACCESS_KEY_ID",)
    )
    aws_secret_access_key: SecretStr | None = secret("Secret access key", default=None, env=("AWS_SECRET_ACCESS_KEY",))
    aws_session_token: SecretStr | None = secret(
        "Session token", "Only with temporary keys.", default=None, env=("AWS_SESSION_TOKEN",)
    )
    region: str | None = field(
        "Region", default=None, trim=True, placeholder="eu-central-1", env=("AWS_DEFAULT_REGION", "AWS_REGION")
    )
    endpoint_url: str | None = field(
        "Endpoint URL",
        "For services that speak S3 but are not AWS.",
        default=None,
        type="url",
        more=True,
        env=("AWS_ENDPOINT_URL",),
    )
    bucket: str | None = field("Bucket", "The bucket these keys are for.", default=None, trim=True, more=True)
    role_arn: str | None = field(
        "Role ARN", "Notebooks get keys of this role for an hour in place of the stored ones.",
        default=None, trim=True, more=True, placeholder="arn:aws:iam::123456789012:role/reader",
    )  # fmt: skip
    external_id: str | None = field(
        "External ID", "If the role's owner asks for one.", default=None, trim=True, more=True
    )

    def check(self) -> Mapping[str, str]:
        """Id and secret: both or neither; a session token only with them."""
        problems = {**super().check(), **needs_tls(endpoint_url=self.endpoint_url if self.role_arn else None)}
        if problems:
            return problems
        if self.external_id and not self.role_arn:
            problems["role_arn"] = "is required with an external_id"
        if self.aws_access_key_id and not self.aws_secret_access_key:
            problems |= {"aws_secret_access_key": "is required with an access key id"}
        if not self.aws_access_key_id and (self.aws_secret_access_key or self.aws_session_token):
            problems["aws_access_key_id"] = "is required with a secret access key"
        return problems

    def needs_exchange(self) -> bool:
        """Only for a role; otherwise the keys are handed over."""
        return self.role_arn is not None

    def token_request(self) -> RoleRequest:
        """Who asks for which role."""
        needed(self.kind, role_arn=self.role_arn)
        return RoleRequest(
            self.role_arn or "", self.external_id, self.aws_access_key_id, self.aws_secret_access_key,
            self.aws_session_token, self.region, self.endpoint_url,
        )  # fmt: skip

    def placed(self, token: Token) -> Mapping[str, Any]:
        """The role's keys in the place of the stored ones."""
        return {
            "aws_access_key_id": str.__str__(token.extra["aws_access_key_id"]),
            "aws_secret_access_key": token.value,
            "aws_session_token": SecretStr(token.extra["aws_session_token"]),
        }

    def warnings(self) -> list[str]:
        """With a word on temporary keys, whose end cannot be read from them."""
        found = super().warnings()
        if self.aws_session_token:
            found.append("these are temporary keys: set expires_at to be reminded before they end")
        if not self.aws_access_key_id and not self.config_id:
            found.append("without keys, whatever the machine itself may do is used")
        return found

    @adapter
    def boto3_session(self) -> Any:
        """A `boto3.Session`; with an `endpoint_url`, its clients and resources go there. Keys of a role are renewed."""
        boto3 = load("boto3", "boto3", "boto3_session()")
        endpoint = self.endpoint_url

        class Session(boto3.Session):  # type: ignore[misc, name-defined]
            def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
                if not args and kwargs.get("endpoint_url") is None:
                    kwargs["endpoint_url"] = endpoint
                return super().client(service_name, *args, **kwargs)

        if self.role_arn and self._token and self._token.expires_at:
            botocore_session = load("botocore.session", "boto3", "boto3_session()").get_session()
            credentials = load("botocore.credentials", "boto3", "boto3_session()")
            botocore_session._credentials = credentials.RefreshableCredentials.create_from_metadata(
                self.current()._for_botocore(), lambda: self.current()._for_botocore(), "credmagic"
            )
            return Session(botocore_session=botocore_session, region_name=self.region)
        return Session(
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=self.aws_secret_access_key,
            aws_session_token=self.aws_session_token,
            region_name=self.region,
        )

    def _for_botocore(self) -> dict[str, str | None]:
        """Keys and their end as botocore's renewable credentials want them."""
        ends = self._token.expires_at if self._token else None
        return {
            "access_key": self.aws_access_key_id,
            "secret_key": self.aws_secret_access_key,
            "token": self.aws_session_token,
            "expiry_time": ends.isoformat() if ends else None,
        }

    @adapter
    def storage_options(self) -> dict[str, Any]:
        """For pandas, fsspec and s3fs: `pd.read_parquet("s3://…", storage_options=cred.storage_options())`."""
        keys = self.current()
        place = {"endpoint_url": self.endpoint_url, "region_name": self.region}
        options = {
            "key": keys.aws_access_key_id,
            "secret": keys.aws_secret_access_key,
            "token": keys.aws_session_token,
            "client_kwargs": {key: value for key, value in place.items() if value},
        }
        return {key: value for key, value in options.items() if value}
