"""The kind `gcp`: the key of a Google service account."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import computed_field, field_validator

from credmagic.errors import InvalidCredential
from credmagic.kinds.adapters import adapter, load
from credmagic.kinds.exchange import JWT_GRANT, AssertionRequest
from credmagic.kinds.fields import field, secret
from credmagic.kinds.token_kind import TokenKind
from credmagic.values import SecretStr

if TYPE_CHECKING:
    from sqlalchemy import URL

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URI = "https://oauth2.googleapis.com/token"

_GOOGLE = (
    "type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "auth_uri", "token_uri",
    "auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain",
)  # fmt: skip


class Gcp(TokenKind):
    """A service account key, kept in the form Google gave it."""

    kind: ClassVar[str] = "gcp"
    title: ClassVar[str] = "Google service account"
    aliases: ClassVar[tuple[str, ...]] = ("google", "google_service_account", "bigquery")
    help: ClassVar[str] = "The JSON file that Google gave out for a service account; drop it on the field."
    help_url: ClassVar[str] = "https://cloud.google.com/iam/docs/keys-create-delete"
    variables: ClassVar[tuple[str, ...]] = ("GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS")
    exchange: ClassVar[str | None] = "jwt_bearer"
    sdk: ClassVar[str | None] = "google"
    token_env: ClassVar[tuple[str, ...]] = ("CLOUDSDK_AUTH_ACCESS_TOKEN",)
    probe: ClassVar[str | None] = "token"

    gcp_key: SecretStr = secret("Service account key", "The whole JSON file.", type="json")
    scopes: list[str] = field(
        "Scopes", "What tokens may be used for.", default=[CLOUD_PLATFORM], type="list", more=True
    )

    @field_validator("gcp_key")
    @classmethod
    def _as_google_writes_it(cls, value: SecretStr) -> SecretStr:
        """Field names of a face that camelises everything are turned back; anything else stays byte for byte."""
        info = json.loads(value)
        names = {_squeezed(name): name for name in _GOOGLE}
        renamed = {names.get(_squeezed(name), name): item for name, item in info.items()}
        return value if list(renamed) == list(info) else SecretStr(json.dumps(renamed, ensure_ascii=False, indent=2))

    def check(self) -> Mapping[str, str]:
        """The key must be one of a service account, with what signing needs."""
        info = self._info()
        if info.get("type") != "service_account":
            return {"gcp_key": 'must be the key of a service account: "type" must be "service_account"'}
        names = ("client_email", "private_key")
        missing = [name for name in names if not isinstance(info.get(name), str) or not info[name]]
        return {"gcp_key": f"lacks {' and '.join(missing)}"} if missing else {}

    def _info(self) -> dict[str, Any]:
        """What the key says; nothing in a notebook that has only a token."""
        return cast(dict[str, Any], json.loads(self.gcp_key)) if self.gcp_key else {}

    def _token_uri(self) -> str:
        uri = self._info().get("token_uri")
        return uri if isinstance(uri, str) and uri else TOKEN_URI

    def token_request(self) -> AssertionRequest:
        """An assertion of the service account, for its scopes."""
        info = self._info()
        claims = {"iss": info["client_email"], "aud": self._token_uri(), "scope": " ".join(self.scopes)}
        key_id = info.get("private_key_id")
        return AssertionRequest(
            token_url=self._token_uri(),
            grant_type=JWT_GRANT,
            private_key=SecretStr(info["private_key"]),
            key_id=key_id if isinstance(key_id, str) else None,
            claims=claims,
        )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def project_id(self) -> str | None:
        """The project, as the key says."""
        return _public(self._info().get("project_id") or self._derived.get("project_id"))

    @computed_field  # type: ignore[prop-decorator]
    @property
    def client_email(self) -> str | None:
        """The service account, as the key says."""
        return _public(self._info().get("client_email") or self._derived.get("client_email"))

    def exports(self) -> dict[str, str]:
        """The project and the token; the key itself goes into a file (`files`), if it may leave the vault."""
        return super().exports() | ({"GOOGLE_CLOUD_PROJECT": self.project_id} if self.project_id else {})

    def files(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """The key file that Google's libraries look for."""
        key: SecretStr | None = self.shown().gcp_key
        return {"GOOGLE_APPLICATION_CREDENTIALS": key} if key else {}

    @adapter
    def google_credentials(self) -> Any:
        """For Google's libraries: credentials with the scopes of this one, renewed through the vault.

        Raises `InvalidCredential` for a key that does not open.
        """
        if self.gcp_key:
            signing = load("google.oauth2.service_account", "google-auth", "google_credentials()")
            return self._signing(signing)
        module = load("google.oauth2.credentials", "google-auth", "google_credentials()")
        value, ends = self._for_google()
        return module.Credentials(
            value, expiry=ends, scopes=self.scopes, refresh_handler=lambda request, scopes: self._for_google()
        )

    def _signing(self, module: Any) -> Any:
        try:
            return module.Credentials.from_service_account_info(self._info(), scopes=self.scopes)
        except Exception:  # noqa: S110  (what a library says of a key is not repeated)
            pass
        text = "holds a private_key that is none, or lacks what Google's library needs"
        raise InvalidCredential("the key does not open", errors={"gcp_key": text}, next_step="%cred edit NAME")

    def _for_google(self) -> tuple[str, datetime | None]:
        """Token and end (UTC without a zone) as google-auth wants them."""
        token = self.fresh()
        return str.__str__(token.value), token.expires_at and token.expires_at.astimezone(UTC).replace(tzinfo=None)

    @adapter
    def storage_options(self) -> dict[str, Any]:
        """For pandas, fsspec and gcsfs: `pd.read_parquet("gs://…", storage_options=cred.storage_options())`."""
        project = {"project": self.project_id} if self.project_id else {}
        if not self.gcp_key:
            return {"token": self.google_credentials(), **project}
        token = {key: SecretStr(item) if key == "private_key" else item for key, item in self._info().items()}
        return {"token": token, **project}

    @adapter
    def url(self) -> URL:
        """For sqlalchemy-bigquery, without secrets: `create_engine(cred.url(), connect_args=…)`."""
        from sqlalchemy import URL  # an adapter's library is imported when the adapter is used

        return URL.create("bigquery", host=self.project_id)


def _squeezed(name: str) -> str:
    """Spelling without case and underscores: `auth_provider_x509_cert_url` is `authProviderX509CertUrl`."""
    return re.sub("_", "", name).casefold()


def _public(value: Any) -> str | None:
    """A line fit to be shown; anything else in the key's JSON is not."""
    return value if isinstance(value, str) and 0 < len(value) <= 256 and value.isprintable() else None
