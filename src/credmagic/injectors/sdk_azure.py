"""How does azure-identity renew tokens by itself? As in App Service: from the managed identity at an address.

`IDENTITY_ENDPOINT` is asked with `X-IDENTITY-HEADER` for a token of one resource: the scope without `/.default`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from credmagic.errors import InvalidCredential, word
from credmagic.injectors.sdk_base import Sdk, ends, token_of
from credmagic.injectors.sdk_endpoint import Asked, Route

_PATH = "/azure"
_VERSION = "2019-08-01"
_OTHERS = ("principal_id", "object_id", "mi_res_id", "resource_id")


class Azure(Sdk):
    """Tokens of an application, one per resource."""

    name: ClassVar[str] = "azure"
    called: ClassVar[str] = "azure-identity"
    hidden: ClassVar[tuple[str, ...]] = (
        "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME", "AZURE_PASSWORD",
        "AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET",
    )  # fmt: skip

    def routes(self, url: str) -> list[Route]:
        """One, with the resource in the query."""
        return [Route("GET", _PATH, self.bearer, _shown, self._token, _problem)]

    def variables(self, url: str) -> dict[str, str]:
        """`prod`: where this identity is refused, nobody's own sign-in on this machine takes its place."""
        return {
            "IDENTITY_ENDPOINT": url + _PATH,
            "IDENTITY_HEADER": self.bearer,
            "AZURE_TOKEN_CREDENTIALS": "prod",
        }

    def _token(self, asked: Asked) -> dict[str, Any]:
        name, resource = self.credential.name, asked.query.get("resource")
        if asked.query.get("api-version") != _VERSION or not resource:
            raise InvalidCredential(f"{name}: a question names a resource, in api-version {_VERSION}")
        own, wanted = self.credential.get("client_id"), asked.query.get("client_id")
        if (wanted and wanted != own) or any(other in asked.query for other in _OTHERS):
            raise InvalidCredential(
                f"{name} is one identity, and another one was asked for",
                next_step=f"Leave it out, or use that one: %cred use NAME --sdk in place of {word(name)}",
            )
        credential = self.now(f"{resource.removesuffix('/.default')}/.default")
        return {
            "access_token": token_of(credential),
            "expires_on": str(int(ends(credential).timestamp())),
            "resource": resource,
            "token_type": "Bearer",
            **({"client_id": own} if own else {}),
        }


def _shown(asked: Asked) -> str:
    return asked.headers.get("X-IDENTITY-HEADER", "")


def _problem(text: str) -> dict[str, Any]:
    return {"statusCode": 400, "message": text}
