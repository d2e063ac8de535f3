"""What do the OAuth kinds share? Where tokens come from, what is sent along, and how a client proves itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from credmagic.kinds.exchange import OAuthRequest
from credmagic.kinds.fields import field, secret
from credmagic.kinds.review import LOOPBACK
from credmagic.kinds.token_kind import TokenKind
from credmagic.values import SecretStr


def needs_tls(**urls: str | None) -> dict[str, str]:
    """What is wrong with addresses that a secret is sent to: plain http is for this machine only."""
    return {
        name: "must begin with https:// (plain http is for this machine only)"
        for name, url in urls.items()
        if url and urlsplit(url).scheme != "https" and urlsplit(url).hostname not in LOOPBACK
    }


def token_url_field(*, required: bool = True) -> Any:
    """The field `token_url`, as every OAuth kind has it."""
    return field(
        "Token URL",
        "Where tokens are given out.",
        type="url",
        aliases=("access_token_url",),
        placeholder="https://login.example.org/oauth2/token",
        **({} if required else {"default": None}),
    )


class OAuthBase(TokenKind):
    """What may be asked for, and what some providers want to be sent along."""

    group: ClassVar[str] = "OAuth"
    probe: ClassVar[str | None] = "token"

    scope: list[str] = field("Scope", "What the token may be used for.", default=[], type="list", more=True)
    resource_url: str | None = field(
        "Resource URL", "The service that the tokens are for.", default=None, type="url", more=True, common=True
    )
    custom_token_header: SecretStr | None = secret(
        "Token request headers", "Further headers, as a JSON object.", default=None, type="json", more=True, common=True
    )
    custom_token_body: SecretStr | None = secret(
        "Token request body",
        "Further form fields, as a JSON object.",
        default=None,
        type="json",
        more=True,
        common=True,
    )
    custom_token_query: SecretStr | None = secret(
        "Token request query",
        "Further parameters of the URL, as a JSON object.",
        default=None,
        type="json",
        more=True,
        common=True,
    )

    def check(self) -> Mapping[str, str]:
        """Secrets travel over TLS, and what is sent along is text."""
        customs = ("custom_token_header", "custom_token_body", "custom_token_query")
        bad = [name for name in customs if not all(map(_is_text, _object(getattr(self, name)).values()))]
        text = "must hold texts, numbers, true or false only"
        return needs_tls(token_url=getattr(self, "token_url", None)) | dict.fromkeys(bad, text)

    def sent_along(self) -> dict[str, Mapping[str, str]]:
        """`form`, `header` and `query` of every token request."""
        form = {"scope": " ".join(self.scope)} if self.scope else {}
        return {
            "form": form | _texts(self.custom_token_body),
            "header": _texts(self.custom_token_header),
            "query": _texts(self.custom_token_query),
        }

    def oauth_request(self, grant_type: str, form: Mapping[str, str], **client: Any) -> OAuthRequest:
        """A request with `form` and what is sent along; `client` are further fields of `OAuthRequest`."""
        along = self.sent_along()
        return OAuthRequest(
            grant_type=grant_type,
            form={**form, **along["form"]},
            header=along["header"],
            query=along["query"],
            **client,
        )


class OAuthClient(OAuthBase):
    """An application that proves itself with a secret of its own."""

    client_part: ClassVar[tuple[str, ...]] = (
        "client_id", "client_secret", "token_url", "scope", "grant_type", "send_via",
        "custom_token_header", "custom_token_body", "custom_token_query",
    )  # fmt: skip

    client_id: str = field("Client ID", trim=True, aliases=("oauth_client_id",))
    client_secret: SecretStr = secret("Client secret", aliases=("oauth_client_secret",))
    token_url: str = token_url_field()


def _object(text: SecretStr | None) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}


def _texts(text: SecretStr | None) -> dict[str, str]:
    return {key: item if isinstance(item, str) else json.dumps(item) for key, item in _object(text).items()}


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, int, float))
