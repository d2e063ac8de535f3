"""Which kinds are installed, and which one does a name or an alias mean?

Kinds come from entry points and from the user's own files (`user_files`); behind this door they are all the same.
"""

from __future__ import annotations

import contextlib
import difflib
from pathlib import PurePath

from credmagic.errors import NotFound, UnknownKind, short
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.names import env_name
from credmagic.kinds.user_files import UserFiles
from credmagic.plugins import BrokenPlugin, Registry

kinds: Registry[type[CredentialKind]] = Registry("credmagic.kinds")
"""The entry points `credmagic.kinds`: kind name → class."""

user_files = UserFiles()
"""The kinds of the user's configuration directory."""

_found: dict[str, type[CredentialKind]] = {}
"""What was looked up already, by the name that was asked for."""


def all_kinds() -> list[type[CredentialKind]]:
    """Every kind that can be read, by name. Raises `BrokenPlugin` when two of them claim one name or alias."""
    if user_files.changed():
        _found.clear()
    found = _all()
    _by_any_name(found)
    return sorted(found, key=lambda cls: cls.kind)


def broken_kinds() -> dict[str, str]:
    """The plug-ins and files that should be kinds and are none, with the reason."""
    all_kinds()
    return {**kinds.broken, **user_files.broken}


def find_kind(name: str) -> type[CredentialKind]:
    """The kind of a name or alias (case and `-` do not matter).

    Raises `UnknownKind` with the closest names, `BrokenPlugin` for a kind whose file or package is damaged.
    """
    wanted = name.strip().casefold().replace("-", "_")
    if wanted not in _found:
        _found[wanted] = _look_up(wanted)
    return _found[wanted]


def title_of(name: str) -> str:
    """The title of a stored credential's kind; its name when the kind is not here any more."""
    with contextlib.suppress(NotFound, BrokenPlugin):
        return find_kind(name).title
    return name


def _all() -> list[type[CredentialKind]]:
    installed = [cls for _, cls in kinds.items()]
    return [*installed, *user_files.kinds(_by_any_name(installed))]


def _look_up(wanted: str) -> type[CredentialKind]:
    with contextlib.suppress(NotFound):
        return kinds.get(wanted)  # a canonical name of our own needs no scan of the environment
    table = _by_any_name(_all())
    if wanted in table:
        return table[wanted]
    for file, problem in user_files.broken.items():
        if PurePath(file).stem.casefold().replace("-", "_") == wanted:
            raise BrokenPlugin(f"the kind file {file} {problem}", next_step="Correct it, then: %cred kinds")
    close = difflib.get_close_matches(short(wanted), table, 3, 0.5)
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
                    next_step="Uninstall one of the packages that ship them, or rename the file's kind.",
                )
    return table


__all__ = ["all_kinds", "broken_kinds", "env_name", "find_kind", "kinds", "title_of"]
