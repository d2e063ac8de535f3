"""credmagic: typed credentials for notebooks. `%load_ext credmagic`, then `%cred`.

This root only hands out names lazily, so that `import credmagic` and `%load_ext credmagic` cost next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from credmagic.api import Credential, list, scope, use
    from credmagic.errors import (
        AccessDenied,
        ChangedMeanwhile,
        CredentialInUse,
        CredentialNotFound,
        CredmagicError,
        InvalidCredential,
        NameTaken,
        NotSignedIn,
        NotUsable,
        RateLimited,
        RollbackDetected,
        SealBroken,
        StoreUnusable,
        TokenRefused,
        UnknownKind,
        Unreachable,
        VaultLocked,
        VerificationFailed,
    )
    from credmagic.values import SecretStr

__version__ = "0.1.0"

_API = ("Credential", "list", "scope", "use")
_VALUES = ("SecretStr",)

__all__ = [
    "AccessDenied",
    "ChangedMeanwhile",
    "Credential",
    "CredentialInUse",
    "CredentialNotFound",
    "CredmagicError",
    "InvalidCredential",
    "NameTaken",
    "NotSignedIn",
    "NotUsable",
    "RateLimited",
    "RollbackDetected",
    "SealBroken",
    "SecretStr",
    "StoreUnusable",
    "TokenRefused",
    "UnknownKind",
    "Unreachable",
    "VaultLocked",
    "VerificationFailed",
    "list",
    "scope",
    "use",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'credmagic' has no attribute {name!r}")
    module = "api" if name in _API else "values" if name in _VALUES else "errors"
    return getattr(import_module(f"credmagic.{module}"), name)


def __dir__() -> Any:
    return sorted([*globals(), *__all__])


def load_ipython_extension(ip: Any) -> None:
    """`%load_ext credmagic`: the `%cred` magics, masked output and a clean history."""
    import_module("credmagic.magics.extension").load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """`%unload_ext credmagic`: take all of it back."""
    import_module("credmagic.magics.extension").unload(ip)


def _jupyter_server_extension_points() -> Any:
    return [{"module": "credmagic.server.extension"}]
