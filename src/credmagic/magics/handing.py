"""How does `%cred use` hand a credential to the notebook?

The hot path: nothing here imports Click. Variables set by `--export` stay until the kernel ends, the same credential is
exported again, or the extension is unloaded.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from credmagic import api
from credmagic.client.credential import Credential
from credmagic.errors import CredentialNotFound, CredmagicError, NotUsable


class Held(NamedTuple):
    """What is injected: the credential, the injector that did it, and how it was asked to."""

    credential: Credential
    injector: Any
    options: dict[str, Any]
    ends: str | None
    """When what is injected ends; the credential itself may have been renewed since."""


_held: dict[tuple[str, str], Held] = {}
"""By way (of `--inject`) and credential id."""


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
    before = _held.pop(("export", credential.id), None)
    keep("export", credential, injector, prefix=prefix)
    if before is not None:
        before.injector.take_back()
    _notify(credential, held=True)
    return names


def inject(way: str, credential: Credential) -> list[str]:
    """Hand over by one of the ways of `--inject`, until the kernel ends; the names to show."""
    from credmagic.plugins import Registry

    before = _held.pop((way, credential.id), None)
    injector = before.injector.successor() if before else Registry[Any]("credmagic.injectors").get(way)()
    if before is not None:
        before.injector.take_back()
    names: list[str] = injector.apply(credential, **injector.asks(api.client(credential.remote).call, credential))
    keep(way, credential, injector)
    _notify(credential, held=True)
    return names


def good_until(credential: Credential) -> str:
    """When what was just fetched ends: how soon an SDK asks again. Empty where nobody knows."""
    if credential.expires_at is None:
        return ""
    from datetime import datetime

    return f" (the first one ends {datetime.fromisoformat(credential.expires_at).astimezone():%Y-%m-%d %H:%M})"


def keep(way: str, credential: Credential, injector: Any, **options: Any) -> None:
    """Remember what is injected until the kernel ends, so that `reload` can refresh it."""
    _held[way, credential.id] = Held(credential, injector, options, credential.expires_at)


def held() -> dict[tuple[str, str], Held]:
    """What is injected now, by way and credential id."""
    return dict(_held)


def apply_again(key: tuple[str, str], held: Held) -> list[str]:
    """Inject the values the credential has now in place of the earlier ones, which last until then; the names."""
    injector = held.injector.successor()
    asked = injector.asks(api.client(held.credential.remote).call, held.credential)
    names: list[str] = injector.apply(held.credential, **{**held.options, **asked})
    keep(key[0], held.credential, injector, **held.options)
    held.injector.take_back()
    return names


def take_back() -> None:
    """Take back everything that is injected."""
    while _held:
        (way, credential_id), item = _held.popitem()
        _returned(way, credential_id, item)


def _returned(way: str, credential_id: str, held: Held) -> None:
    """Taken back, and the server told when no other way holds it in this kernel."""
    held.injector.take_back()
    if way in ("export", "wxo", "sdk") and not any(other == credential_id for _, other in _held):
        _notify(held.credential, held=False)


def reload() -> list[str]:
    """Inject again what is injected, with the values as they are now; a line about each.

    The credentials themselves are refreshed too. One that is not handed out any more is taken back.
    """
    return [_reloaded(key, held) for key, held in list(_held.items())]


def _reloaded(key: tuple[str, str], held: Held) -> str:
    name, before = held.credential.name, held.credential.version
    try:
        held.credential.refresh()
        names = apply_again(key, held)
    except CredmagicError as error:
        del _held[key]
        _returned(*key, held)
        return f"▲ {name}: {error.message}; what was injected is taken back"
    now = held.credential.version
    changed = f"version {before} → {now}" if now != before else f"still version {now}"
    return f"✓ {name} ({changed}): {' '.join(names)}"


def _notify(credential: Credential, *, held: bool) -> None:
    """Tell the server, which refuses to delete what a running kernel holds. Its absence stops no cell."""
    client = api.client()
    if client.plane == "kernel" and not credential.remote:  # another server does not know this kernel
        with contextlib.suppress(CredmagicError):
            client.call("note_injected", ref=credential.id, held=held)
