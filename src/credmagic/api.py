"""How does Python code get credentials? `credmagic.use("warehouse")`.

This module is the hot path of a notebook: it imports the standard library and credmagic's light modules only.
Values it hands out are known to the output filter from that moment on.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from credmagic import settings
from credmagic.client import access_key, expiry, token
from credmagic.client.base import Client
from credmagic.client.credential import Credential, Reference
from credmagic.errors import CredentialNotFound
from credmagic.plugins import Registry
from credmagic.redact import registry

__all__ = ["Credential", "client", "list", "scope", "use"]

_Views = list[dict[str, Any]]  # before `list` becomes ours

_lock = threading.Lock()
_client: Client | None = None


def client(remote: str = "") -> Client:
    """This process's one way to the vault: the server that started the kernel, else the one `CREDMAGIC_URL` names, else
    a vault in this process.

    With `remote`, the way to the other server of that nickname. Safe in several threads; a forked child makes its own.
    """
    if remote:
        from credmagic.client import remotes  # few ever ask another server

        return remotes.connect(client(), remote, hand_over)
    global _client
    if _client is None:
        with _lock:
            if _client is None:
                _client = _connect()
    return _client


def close() -> None:
    """Drop the client. The next call makes a new one, from the settings then in force."""
    global _client
    with _lock:
        old, _client = _client, None
    if (remotes := sys.modules.get("credmagic.client.remotes")) is not None:
        remotes.forget()
    if old is not None:
        old.close()


def _connect() -> Client:
    path, kernel_token = settings.socket_path(), token.take()
    hide_access_key()
    clients: Registry[Any] = Registry("credmagic.clients")
    if path and kernel_token:
        return cast(Client, clients.get("socket")(path, kernel_token))
    if (given := access_key.take()) is not None:
        _mask(given.secret)
        return cast(Client, clients.get("remote")(given))
    return cast(Client, clients.get("local")())


def hide_access_key() -> None:
    """Take the secret of an access key out of the environment: child processes and output shall not have it."""
    if (secret := access_key.hide()) is not None:
        _mask(secret)


def _mask(secret: str) -> None:
    registry.register("access-key", {"secret": secret})


def _forget_after_fork() -> None:
    # The parent's connection and its lock may be in use at this very moment: neither is touched, both are left.
    global _client, _lock
    _client, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def use(
    name: str | None = None,
    environment: str | None = None,
    *,
    kind: str | None = None,
    version: int | None = None,
    remote: str | None = None,
    scope: str | None = None,
) -> Credential:
    """The credential `name` (or id) in `environment` (default: the active one), its use recorded first.

    Without a name, the default association of this notebook for `kind`. `version` asks for an older one, `remote` for
    one of another server by its nickname (default: the one of `%cred remote use`; "" is none), `scope` for a token for
    that one, where a credential lists several.
    Raises `CredentialNotFound`, `NotUsable`, `VaultLocked` and what else the vault refuses with.
    """
    if environment is None:  # this process's, not the server's
        environment = settings.active_environment()
    if remote is None:
        remote = settings.active_remote()
    asked = {} if scope is None else {"scope": scope}
    resolved = client(remote).resolve(name, environment=environment, version=version, kind=kind, **asked)
    return hand_over(resolved, pinned=version is not None, remote=remote)


def hand_over(resolved: Mapping[str, Any], *, pinned: bool = False, remote: str = "") -> Credential:
    """Make the `Credential` of a *resolved* and tell the output filter its values first."""
    credential = Credential.from_resolved(resolved, again=resolve_again, pinned=pinned, remote=remote)
    registry.register(credential.name, credential.secrets(), credential.public().values())
    if resolved.get("expires_at"):
        expiry.warn_once(resolved)
    return credential


def resolve_again(reference: Reference) -> Credential:
    """Find what a pickle or a refresh refers to: by id, and in another store by name and environment."""
    how: dict[str, Any] = {"version": reference.version, "remote": reference.remote, "scope": reference.scope}
    try:
        return use(reference.id, **how)
    except CredentialNotFound:
        pass
    return use(reference.name, reference.environment or None, **how)


def list(**filters: Any) -> _Views:
    """Views of the credentials (never values). Filters: `kind`, `environment`, `limit`, `after`, `offset`."""
    return cast(_Views, client(settings.active_remote()).call("list", **filters)["credentials"])


@contextmanager
def scope(name: str, export: bool = False, environment: str | None = None) -> Iterator[Credential]:
    """`with scope("s3-prod", export=True) as c:` — its variables exist inside the block only."""
    credential = use(name, environment)
    if not export:
        yield credential
        return
    # Imported here because most uses never export.
    from credmagic.injectors.environ import EnvironInjector

    with EnvironInjector() as injector:
        injector.apply(credential)
        yield credential
