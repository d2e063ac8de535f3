"""How does `%cred use` hand a credential to the notebook?

The hot path: nothing here imports Click. Variables set by `--export` stay until the kernel ends, the same credential is
exported again, or the extension is unloaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from credmagic import api
from credmagic.client.credential import Credential
from credmagic.errors import CredentialNotFound, NotUsable

_exported: dict[str, Any] = {}
"""Credential id → the injector that set its variables."""


def hand_over(name: str | None, use: Callable[..., Credential] = api.use, **how: Any) -> Credential:
    """Resolve by `use`. Raises `NotUsable` (`form_open`) for a name whose form waits for its values."""
    try:
        return use(name, **how)
    except CredentialNotFound as error:
        absent = error
    if name is not None:
        refuse_while_open(name)
    raise absent


def refuse_while_open(name: str) -> None:
    """Under *Run All* the cells below a form run before anyone could fill it in: say that instead of "not found"."""
    forms = sys.modules.get("credmagic.forms")
    open_forms = getattr(forms, "open_forms", None)
    if open_forms is None or name.casefold() not in {str(waiting).casefold() for waiting in open_forms()}:
        return
    raise NotUsable(
        f'the form of "{name}" is not submitted yet',
        code="form_open",
        next_step="Fill it in and press Save, then run this cell again.",
    )


def bind(namespace: dict[str, Any], credential: Credential, variable: str) -> None:
    """`as VAR`. Raises `InvalidCredential` for a name that is not a variable of the user's."""
    from credmagic.injectors.namespace import NamespaceInjector

    NamespaceInjector(namespace).apply(credential, variable=variable)


def export(credential: Credential, prefix: str | None = None) -> list[str]:
    """Set the credential's environment variables; the names that were set."""
    from credmagic.injectors.environ import EnvironInjector

    injector = EnvironInjector()
    names = injector.apply(credential, prefix=prefix)
    if (before := _exported.pop(credential.id, None)) is not None:
        before.take_back()
    _exported[credential.id] = injector
    return names


def take_back() -> None:
    """Unset every variable that `export` set."""
    while _exported:
        _exported.popitem()[1].take_back()
