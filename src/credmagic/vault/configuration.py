"""What may stand in a configuration beside its kind, and what makes an identity provider?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from credmagic.errors import InvalidCredential
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.names import has_control
from credmagic.kinds.oauth_base import needs_tls
from credmagic.store.rows import ConfigurationRow

LONGEST = 4096
"""Characters of one text."""


_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\Z")


def _text(value: Any) -> str:
    fits = isinstance(value, str) and len(value) <= LONGEST and not has_control(value)
    return "" if fits else "must be a line of text"


def _header(value: Any) -> str:
    return _text(value) or ("" if _HEADER.match(value) else "must be the name of a header, e.g. X-Key")


def _url(value: Any) -> str:
    if _text(value):
        return _text(value)
    try:
        parts = urlsplit(value)
        plain = parts.scheme in ("http", "https") and parts.hostname and not (parts.username or parts.password)
    except ValueError:
        plain = False
    return "" if plain else "must be an http or https URL with a host, without a login in it"


def _address(value: Any) -> str:
    """What is wrong with an address that a secret is sent to, or at which people sign in."""
    return _url(value) or needs_tls(url=value).get("url", "")


def _texts(value: Any) -> str:
    fits = isinstance(value, Mapping) and all(not _text(text) for pair in value.items() for text in pair)
    return "" if fits else "must be texts by name"


def _token_request(value: Any) -> str:
    known = {"header": _texts, "body": _texts}
    if not isinstance(value, Mapping) or set(value) - set(known):
        return "has header and body only"
    return next((f"{key} {problem}" for key, part in value.items() if (problem := known[key](part))), "")


def _entry_names(value: Any) -> str:
    if problem := _texts(value):
        return problem
    legal = all(key and "=" not in key and "\0" not in key for key in value)
    return "" if legal else "keys must be parts of variable names"


SETTINGS: dict[str, Callable[[Any], str]] = {
    "server_url": _url,
    "name": _header,
    "custom_config_entries": _entry_names,
    "app_config": lambda value: _token_request(value) or ("has header only" if "body" in value else ""),
    "idp_config": _token_request,
}
"""Each setting, and what is wrong with a value (nothing, if it fits)."""

ONLY_FOR: dict[str, Callable[[type[CredentialKind]], bool]] = {
    "name": lambda cls: "name" in cls.configured,
    "app_config": lambda cls: cls.runtime_scheme == "oauth2",
    "idp_config": lambda cls: cls.sso,
}


def check_settings(settings: Mapping[str, Any], cls: type[CredentialKind]) -> dict[str, Any]:
    """The settings that are set. What another kind had and this one cannot have is left out, unless it is given now.

    Raises `InvalidCredential`; no message quotes a value.
    """
    kept = {key: value for key, value in settings.items() if value not in (None, "", {})}
    provider = kept.pop("identity_provider", None)
    errors = {key: "unknown setting" for key in kept if key not in SETTINGS}
    errors |= {key: problem for key, value in kept.items() if key in SETTINGS and (problem := SETTINGS[key](value))}
    if errors:
        raise InvalidCredential(
            "the connection cannot be configured like this",
            errors=errors,
            next_step="Help: %cred connection configure --help",
        )
    kept = {key: value for key, value in kept.items() if key not in ONLY_FOR or ONLY_FOR[key](cls)}
    return kept | ({"identity_provider": provider} if provider else {})


_PROVIDER = ("idp_url", "client_id", "client_secret", "scope", "grant_type")
_OURS = ("authorization_url", "device_authorization_url", "sign_in_scope")
"""Where members sign in, and for what if not for `scope`: what other systems know without being told."""
_CUSTOM = ("custom_token_header", "custom_token_body", "custom_token_query")


def identity_provider(
    configuration: ConfigurationRow, before: Mapping[str, Any], fields: Mapping[str, Any]
) -> dict[str, Any]:
    """The identity provider with `fields` changed (None clears). Raises `InvalidCredential`."""
    merged = {key: value for key, value in {**before, **fields}.items() if value not in (None, "", {})}
    errors = {key: "unknown field" for key in merged if key not in (*_PROVIDER, *_OURS, *_CUSTOM)}
    errors |= {key: "is required" for key in _PROVIDER if key not in merged}
    errors |= {key: "must be text" for key in (*_PROVIDER, *_OURS) if not isinstance(merged.get(key, ""), str)}
    errors |= {key: "must be texts by name" for key in _CUSTOM if key in merged and _texts(merged[key])}
    places = [key for key in ("idp_url", *_OURS[:2]) if key in merged and key not in errors]
    errors |= {key: problem for key in places if (problem := _address(merged[key]))}
    if not configuration.sso:
        errors = {"kind": f"a connection of kind {configuration.kind} has no identity provider"}
    if errors:
        raise InvalidCredential(
            "the identity provider cannot be set like this",
            errors=errors,
            next_step="Help: %cred connection set-identity-provider --help",
        )
    return merged
