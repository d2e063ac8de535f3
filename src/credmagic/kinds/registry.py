"""Which kinds are installed, and which one does a name or an alias mean?"""

from __future__ import annotations

import contextlib
import difflib

from credmagic.errors import NotFound, UnknownKind
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.names import env_name
from credmagic.plugins import BrokenPlugin, Registry

kinds: Registry[type[CredentialKind]] = Registry("credmagic.kinds")
"""The entry points `credmagic.kinds`: kind name → class."""

_found: dict[str, type[CredentialKind]] = {}
"""What was looked up already, by the name that was asked for."""


def all_kinds() -> list[type[CredentialKind]]:
    """Every kind that imports, by name. Raises `BrokenPlugin` when two of them claim one name or alias."""
    found = [cls for _, cls in kinds.items()]
    _by_any_name(found)
    return found


def find_kind(name: str) -> type[CredentialKind]:
    """The kind of a name or alias (case and `-` do not matter). Raises `UnknownKind` with the closest names."""
    wanted = name.strip().casefold().replace("-", "_")
    if wanted not in _found:
        _found[wanted] = _look_up(wanted)
    return _found[wanted]


def _look_up(wanted: str) -> type[CredentialKind]:
    with contextlib.suppress(NotFound):
        return kinds.get(wanted)  # a canonical name of our own needs no scan of the environment
    table = _by_any_name([cls for _, cls in kinds.items()])
    if wanted in table:
        return table[wanted]
    close = difflib.get_close_matches(wanted, table, 3, 0.5)
    names = list(dict.fromkeys(table[word].kind for word in close))
    raise UnknownKind(
        "there is no kind of that name" + (f"; did you mean {' or '.join(names)}?" if names else ""),
        next_step="See them all: %cred kinds",
        details={"closest": names},
    )


def _by_any_name(found: list[type[CredentialKind]]) -> dict[str, type[CredentialKind]]:
    table: dict[str, type[CredentialKind]] = {}
    for cls in found:
        for name in (cls.kind, *cls.aliases, *cls.wire_kinds.values()):
            owner = table.setdefault(name, cls)
            if owner is not cls:
                raise BrokenPlugin(
                    f"two kinds are called {name!r}: {owner.__module__}.{owner.__name__} "
                    f"and {cls.__module__}.{cls.__name__}",
                    next_step="Uninstall one of the packages that ship them.",
                )
    return table


__all__ = ["all_kinds", "env_name", "find_kind", "kinds"]
