"""How does a kind hand itself to other people's libraries?

Methods marked `@adapter` do, each importing its library when called. `HeaderAuth` is what `auth()` returns: one
callable that both requests and httpx accept, so that neither needs to be imported.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from credmagic.errors import AccessDenied, CredmagicError
from credmagic.values import SecretStr

F = TypeVar("F", bound=Callable[..., Any])


class MissingPackage(CredmagicError):
    """A library that an adapter or a probe needs is not installed; `package` is what to install."""

    codes = ("missing_package",)

    def __init__(self, package: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed here",
            next_step=f"%pip install {package}",
            details={"package": package},
        )
        self.package = package


def adapter(method: F) -> F:
    """Mark a method of a kind as one that notebooks may call on a credential, e.g. `db.url()`."""
    method.__credmagic_adapter__ = True  # type: ignore[attr-defined]
    return method


def adapter_names(cls: type) -> tuple[str, ...]:
    """The names of a class's adapters, sorted."""
    marked = (
        name
        for base in cls.__mro__
        for name, method in vars(base).items()
        if getattr(method, "__credmagic_adapter__", False)
    )
    return tuple(sorted(set(marked)))


def load(module: str, package: str, purpose: str) -> ModuleType:
    """Import `module`. Raises `MissingPackage` naming the package that ships it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        pass
    raise MissingPackage(package, purpose)


class HeaderAuth:
    """Sets one header on a request of requests or httpx: `requests.get(url, auth=cred.auth())`.

    `value` may be a function that is asked anew for each request. With `hosts` the header goes to these hosts only; a
    request to another one raises `AccessDenied` unsent.
    """

    def __init__(self, header: str, value: str | Callable[[], str], hosts: Collection[str] = ()) -> None:
        self._header = header
        self._value = SecretStr(value) if isinstance(value, str) else value
        self._hosts = frozenset(hosts)

    def __call__(self, request: Any) -> Any:
        host = urlsplit(str(request.url)).hostname
        if self._hosts and host not in self._hosts:
            raise AccessDenied(
                f"this key belongs to {' or '.join(sorted(self._hosts))}; the request goes to another host",
                next_step="If that host is right, set the credential's url to it: %cred edit NAME",
            )
        value = self._value
        request.headers[self._header] = value if isinstance(value, str) else SecretStr(value())
        return request

    def __repr__(self) -> str:
        return f"<{self._header} header, value hidden>"
