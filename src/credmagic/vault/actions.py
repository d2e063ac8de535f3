"""Which actions does the vault offer, to whom, with which parameters?

The one table: `LocalClient` calls it, the kernel plane serves it as `POST /v1/{action}`, the REST faces translate to
it. Parameter names and types are those of the functions; an unknown or mistyped one is refused before anything runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from credmagic.errors import AccessDenied, InvalidCredential, NotFound
from credmagic.kinds.registry import find_kind
from credmagic.vault import (
    access,
    access_keys,
    applications,
    associations,
    connection_credentials,
    connection_files,
    connections,
    creating,
    credentials,
    guarding,
    lifecycle,
    listing,
    log,
    logins,
    machines,
    overview,
    protection,
    sealed_forms,
    usages,
    user_token,
    verification,
)
from credmagic.vault.audit import Caller, Event
from credmagic.vault.vault import Vault


class _Objects(list[Any]):
    """How the table says: a list of objects, where other lists are of words."""


_TYPES: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "str | None": str,
    "int": int,
    "int | None": int,
    "bool": bool,
    "bool | None": bool,
    "Mapping[str, Any]": dict,
    "Mapping[str, Any] | None": dict,
    "Sequence[str]": (list, tuple),
    "Sequence[str] | None": (list, tuple),
    "str | Sequence[str] | None": (str, list, tuple),
    "Sequence[Mapping[str, Any]] | None": _Objects,
}
_WORDS = {
    str: "text", int: "a whole number", bool: "true or false", dict: "an object", list: "a list of words",
    _Objects: "a list of objects",
}  # fmt: skip
_MOST = 2**53
"""No count, page or version comes near; a database would stumble over one beyond 63 bits."""


@dataclass(frozen=True)
class Action:
    """One row of the table. `permission` is one of `access.RIGHTS`; with none of them nobody may."""

    name: str
    run: Callable[..., dict[str, Any]]
    permission: str

    @property
    def local_only(self) -> bool:
        """Operator actions are never served by a socket or a port."""
        return access.is_local_only(self.permission)

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """What it takes beyond the vault and the caller; looked up once, `resolve` is called often."""
        return dict(list(inspect.signature(self.run).parameters.items())[2:])

    def check(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The given parameters without Nones. Raises `InvalidCredential` naming what is wrong."""
        known = self.parameters
        given = {key: value for key, value in params.items() if value is not None}
        errors = {key: "unknown parameter" for key in given if key not in known}
        for key, parameter in known.items():
            if key not in given:
                if parameter.default is parameter.empty:
                    errors[key] = "missing"
            elif not _fits(given[key], _TYPES[parameter.annotation]):
                expected = _TYPES[parameter.annotation]
                first = expected[0] if isinstance(expected, tuple) else expected
                errors[key] = f"must be {_WORDS[first]}"
        if errors:
            raise InvalidCredential(
                f"cannot {self.name.replace('_', ' ')} with these parameters",
                errors=errors,
                next_step="See docs/architecture.md, the table of actions.",
            )
        return given


def _fits(value: Any, expected: type | tuple[type, ...]) -> bool:
    if expected is int:  # True is an int only to Python
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
    items, expected = (dict, list) if expected is _Objects else (str, expected)
    if isinstance(value, list | tuple) and not all(isinstance(item, items) for item in value):
        return False
    return isinstance(value, expected)


def resolve(
    vault: Vault,
    caller: Caller,
    ref: str | None = None,
    environment: str | None = None,
    version: int | None = None,
    kind: str | None = None,
    scope: str | None = None,
) -> dict[str, Any]:
    """The values of one credential; without `ref`, of this notebook's default of `kind`; the token for `scope`."""
    canonical = find_kind(kind).kind if kind else None
    if ref is None:
        if canonical is None:
            raise InvalidCredential("name a credential or a kind", next_step="%cred use NAME")
        ref = associations.default_of(vault, caller, canonical)
    return vault.resolver.resolve(
        caller, ref, environment=environment, version=version, kind=canonical, scope=scope, describe=True,
        reach=vault.acting.reach,
    )  # fmt: skip


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action("kinds", overview.kinds, "read"),
        Action("overview", overview.overview, "read"),
        Action("list", listing.page, "read"),
        Action("names", listing.known_names, "read"),
        Action("show", listing.show, "read"),
        Action("versions", listing.versions, "read"),
        Action("uses", usages.uses, "trace"),
        Action("associated", associations.associated, "trace"),
        Action("status", overview.status, "read"),
        Action("why", overview.why, "read"),
        Action("audit", log.audit, "audit"),
        Action("create", creating.create, "write"),
        Action("update", credentials.update, "write"),
        Action("rotate", lifecycle.rotate, "write"),
        Action("generate", lifecycle.generate, "write"),
        Action("rollback", lifecycle.rollback, "write"),
        Action("pause", lifecycle.pause, "write"),
        Action("resume", lifecycle.resume, "write"),
        Action("rename", credentials.rename, "write"),
        Action("delete", credentials.delete, "write"),
        Action("verify", verification.check, "verify"),
        Action("attach", associations.attach, "attach"),
        Action("detach", associations.detach, "attach"),
        Action("begin_entry", sealed_forms.begin_entry, "write"),
        Action("submit_entry", sealed_forms.submit_entry, "write"),
        Action("login_begin", logins.begin, "login"),
        Action("login_check", logins.check, "login"),
        Action("login_finish", logins.finish, "login"),
        Action("login_cancel", logins.cancel, "login"),
        Action("resolve", resolve, "use"),
        Action("injections", associations.injections, "use"),
        Action("note_injected", usages.note_injected, "use"),
        Action("reveal", lifecycle.reveal, "use"),
        Action("connections", connections.connections, "read"),
        Action("connection", connections.show, "read"),
        Action("connection_add", connections.add, "manage"),
        Action("connection_configure", connections.configure, "manage"),
        Action("connection_credentials", connection_credentials.entered, "read"),
        Action("connection_set_credentials", connection_credentials.set_credentials, "fill"),
        Action("connection_drop_credentials", connection_credentials.drop_credentials, "fill"),
        Action("connection_set_identity_provider", connections.set_identity_provider, "manage"),
        Action("connection_remove", connections.remove, "manage"),
        Action("connection_import", connection_files.read_in, "manage"),
        Action("connection_export", connection_files.write_out, "read"),
        Action("machines", machines.machines, "read"),
        Action("machine_add", machines.add, "manage"),
        Action("machine_set_password", machines.set_password, "manage"),
        Action("machine_pause", machines.pause, "manage"),
        Action("machine_resume", machines.resume, "manage"),
        Action("machine_remove", machines.remove, "manage"),
        Action("apps", applications.apps, "read"),
        Action("app", applications.show, "read"),
        Action("app_add", applications.add, "manage"),
        Action("app_update", applications.update, "manage"),
        Action("app_remove", applications.remove, "manage"),
        Action("keys", access_keys.keys, "read"),
        Action("key_create", access_keys.create, "manage"),
        Action("key_pause", access_keys.pause, "manage"),
        Action("key_resume", access_keys.resume, "manage"),
        Action("key_remove", access_keys.remove, "manage"),
        Action("key_owner", access_keys.owner, "read"),
        Action("guard", guarding.guard, "guard"),
        Action("grant", guarding.grant, "guard"),
        Action("revoke", guarding.revoke, "guard"),
        Action("protect", protection.protect, "operate"),
        Action("recovery_key", protection.recovery_key, "operate"),
        Action("user_token", user_token.user_token, "operate"),
    )
}


def dispatch(vault: Vault, caller: Caller, action: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Run one action for `caller`.

    Raises `NotFound` for an unknown action, `NotSignedIn`, `AccessDenied` for what `access` has no rule for.
    """
    found = ACTIONS.get(action)
    if found is None:
        raise NotFound(f"no action {action!r}", next_step="See docs/architecture.md, the table of actions.")
    seen = vault.seen_by(caller, found.permission)
    try:
        access.check(seen.acting, caller.plane, action)
    except AccessDenied:
        seen.record(Event(action, caller, "denied"))
        raise
    return found.run(seen, caller, **found.check(params))


__all__ = ["ACTIONS", "Action", "Caller", "dispatch"]
