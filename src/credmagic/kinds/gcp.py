"""The kind `gcp`: the key of a Google service account."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from pydantic import computed_field, field_validator

from credmagic.kinds.adapters import adapter, load
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.fields import field, secret
from credmagic.values import SecretStr

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"

_GOOGLE = (
    "type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "auth_uri", "token_uri",
    "auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain",
)  # fmt: skip


class Gcp(CredentialKind):
    """A service account key, kept in the form Google gave it."""

    kind: ClassVar[str] = "gcp"
    title: ClassVar[str] = "Google service account"
    aliases: ClassVar[tuple[str, ...]] = ("google", "google_service_account", "bigquery")
    help: ClassVar[str] = "The JSON file that Google gave out for a service account; drop it on the field."
    help_url: ClassVar[str] = "https://cloud.google.com/iam/docs/keys-create-delete"
    variables: ClassVar[tuple[str, ...]] = ("GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS")

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
        return cast(dict[str, Any], json.loads(self.gcp_key))

    @computed_field  # type: ignore[prop-decorator]
    @property
    def project_id(self) -> str | None:
        """The project, as the key says."""
        return _public(self._info().get("project_id"))

    @computed_field  # type: ignore[prop-decorator]
    @property
    def client_email(self) -> str | None:
        """The service account, as the key says."""
        return _public(self._info().get("client_email"))

    def environ(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """The project; the key itself goes into a file (`files`)."""
        return {"GOOGLE_CLOUD_PROJECT": self.project_id} if self.project_id else {}

    def files(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """The key file that Google's libraries look for."""
        return {"GOOGLE_APPLICATION_CREDENTIALS": self.gcp_key}

    @adapter
    def google_credentials(self) -> Any:
        """A `google.oauth2.service_account.Credentials` with the scopes of this credential."""
        module = load("google.oauth2.service_account", "google-auth", "google_credentials()")
        return module.Credentials.from_service_account_info(self._info(), scopes=self.scopes)

    @adapter
    def storage_options(self) -> dict[str, Any]:
        """For pandas, fsspec and gcsfs: `pd.read_parquet("gs://…", storage_options=cred.storage_options())`."""
        project = {"project": self.project_id} if self.project_id else {}
        token = {key: SecretStr(item) if key == "private_key" else item for key, item in self._info().items()}
        return {"token": token, **project}


def _squeezed(name: str) -> str:
    """Spelling without case and underscores: `auth_provider_x509_cert_url` is `authProviderX509CertUrl`."""
    return re.sub("_", "", name).casefold()


def _public(value: Any) -> str | None:
    """A line fit to be shown; anything else in the key's JSON is not."""
    return value if isinstance(value, str) and 0 < len(value) <= 256 and value.isprintable() else None
