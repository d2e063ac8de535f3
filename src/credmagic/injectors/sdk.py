"""How do cloud SDKs get credentials that they renew by themselves?

A port of this process answers in the place of the cloud's own metadata service (`sdk_endpoint`), in the words of the
vendor (`sdk_aws`, `sdk_azure`, `sdk_google`). Unmodified libraries find it through variables, which are taken back.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar, NamedTuple

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential, StoreUnusable, word
from credmagic.injectors.base import Injector
from credmagic.injectors.environ import EnvironInjector
from credmagic.injectors.file import FileInjector
from credmagic.injectors.sdk_base import Sdk
from credmagic.injectors.sdk_endpoint import HOST, Endpoint
from credmagic.kinds.registry import all_kinds, find_kind
from credmagic.plugins import Registry
from credmagic.redact import registry
from credmagic.values import SecretStr

sdks: Registry[type[Sdk]] = Registry("credmagic.sdks")

_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_NO_PROXY = ("no_proxy", "NO_PROXY")


class _Opened(NamedTuple):
    """A port, and what answers there."""

    sdk: Sdk
    endpoint: Endpoint


class SdkInjector(Injector):
    """Opens the port for one credential and points its vendor's libraries there."""

    name: ClassVar[str] = "sdk"
    renews: ClassVar[bool] = True

    def __init__(self) -> None:
        self._environ = EnvironInjector()
        self._files = FileInjector()
        self._opened: _Opened | None = None

    def apply(self, credential: Credential, **options: Any) -> list[str]:
        """Set the variables and return their names.

        Raises `InvalidCredential` for a kind without an SDK, or for what does not end by itself.
        """
        try:
            if self._opened is None or self._opened.sdk.credential.id != credential.id:
                self.take_back()
                self._opened = _open(credential)
            opened = self._opened
            opened.sdk.check(credential)
            opened.sdk.credential = credential
            return self._set(*opened)
        except BaseException:
            self.take_back()
            raise

    def successor(self) -> SdkInjector:
        """One that keeps the port: clients that exist already go on asking there."""
        other = SdkInjector()
        other._opened, self._opened = self._opened, None
        return other

    def take_back(self) -> None:
        if self._opened is not None:
            self._opened.endpoint.close()
        self._opened = None
        self._environ.take_back()
        self._files.take_back()

    def _set(self, sdk: Sdk, endpoint: Endpoint) -> list[str]:
        contents = sdk.files(endpoint.url)
        paths = self._files.write(sdk.credential, contents) if contents else {}
        found = {**_public(sdk), **sdk.variables(endpoint.url), **paths}
        self._environ.set(_around_proxies())
        self._environ.hide(name for name in sdk.hidden if name not in found)
        return self._environ.set(found)


def sdk_of(credential: Credential) -> type[Sdk]:
    """Who can be served with it. Raises `InvalidCredential` naming the kinds that can."""
    name = find_kind(credential.kind).sdk
    if name is not None:
        return sdks.get(name)
    able, ref = [cls.kind for cls in all_kinds() if cls.sdk], word(credential.name)
    in_code = f"In code its token is always fresh: cred = %cred use {ref}, then cred.token"
    raise InvalidCredential(
        f"{credential.name} is of kind {credential.kind}, which no SDK renews by itself; it does {' or '.join(able)}",
        next_step=in_code if credential.is_short_lived else f"In variables, as it is: %cred use {ref} --export",
    )


def _open(credential: Credential) -> _Opened:
    sdk = sdk_of(credential)(credential)
    sdk.check(credential)
    registry.register(credential.name, sdk.random_values())
    try:
        return _Opened(sdk, Endpoint(sdk.routes))
    except OSError as error:
        problem = error.strerror
    raise StoreUnusable(
        f"{credential.name}: no port of this machine can be opened on {HOST} ({problem})",
        next_step=f"Hand it over in another way: %cred use {word(credential.name)} --export",
    )


def _public(sdk: Sdk) -> dict[str, str]:
    """What is no secret, such as a region or a project, is set as by `--export`."""
    found = sdk.credential.environ().items()
    return {name: value for name, value in found if not isinstance(value, SecretStr) and name not in sdk.hidden}


def _around_proxies() -> dict[str, str]:
    """Libraries that use a proxy must not show it what only this process should see."""
    if not any(os.environ.get(name) for name in _PROXIES):
        return {}
    return {name: ",".join(filter(None, (os.environ.get(name), HOST))) for name in _NO_PROXY}
