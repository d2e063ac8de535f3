"""How do environment variables appear for a while, and disappear without a trace?

Each variable has a pile of layers, the first value at its bottom. Taking a layer back shows the one beneath it, or
what was there before us, or nothing. So nested scopes may end in any order.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any, ClassVar

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential, word
from credmagic.injectors.base import Injector
from credmagic.injectors.file import FileInjector

_PROTECTED = frozenset({"PATH", "HOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "PYTHONPATH"})
"""Variables that decide which code runs: a credential that is called so is a mistake or an attack."""

_lock = threading.RLock()
_piles: dict[str, list[tuple[object, str | None]]] = {}
"""Per variable: (owner, value), the bottom one being (None, what stood there before us)."""


class EnvironInjector(Injector):
    """Puts a credential's variables into `os.environ` of this process."""

    name: ClassVar[str] = "export"

    def __init__(self) -> None:
        self._names: list[str] = []
        self._files = FileInjector()

    def apply(self, credential: Credential, **options: Any) -> list[str]:
        """Set the variables; option `prefix` replaces the credential's name in theirs. Files are written too.

        Raises `InvalidCredential` for a variable that cannot or must not be set.
        """
        prefix = options.get("prefix")
        variables, contents = credential.environ(prefix), credential.files(prefix)
        for variable in (*variables, *contents):
            _check(variable, credential.name)
        paths = self._files.write(credential, contents) if contents else {}
        return self.set({**variables, **paths})

    def set(self, variables: dict[str, str]) -> list[str]:
        """Set plain variables and return their names."""
        with _lock:
            for variable, value in variables.items():
                _push(variable, self, str(value))
                self._names.append(variable)
        return sorted(variables)

    def hide(self, variables: Iterable[str]) -> None:
        """Unset variables that are set, until they are taken back."""
        with _lock:
            for variable in variables:
                if variable in os.environ:
                    _push(variable, self, None)
                    self._names.append(variable)

    def take_back(self) -> None:
        with _lock:
            while self._names:
                _pop(self._names.pop(), self)
        self._files.take_back()


def _check(variable: str, credential: str) -> None:
    legal = variable and "=" not in variable and "\0" not in variable
    if not legal or variable.upper() in _PROTECTED:
        raise InvalidCredential(
            f"{credential}: will not set the environment variable {variable!r}",
            next_step="Rename the field, or read it in code: cred = %cred use " + word(credential),
        )


def _push(variable: str, owner: object, value: str | None) -> None:
    pile = _piles.setdefault(variable, [(None, os.environ.get(variable))])
    pile.append((owner, value))
    _show(variable, value)


def _pop(variable: str, owner: object) -> None:
    pile = _piles.get(variable, [])
    newest_of_owner = next((i for i in range(len(pile) - 1, 0, -1) if pile[i][0] is owner), None)
    if newest_of_owner is None:
        return
    del pile[newest_of_owner]
    _show(variable, pile[-1][1])
    if len(pile) == 1:
        del _piles[variable]


def _show(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value
