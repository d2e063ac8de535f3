"""How is a credential bound to a variable of the notebook, and the variable given back afterwards?"""

from __future__ import annotations

import builtins
from collections.abc import MutableMapping
from typing import Any, ClassVar

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential, word
from credmagic.injectors.base import Injector, check_variable

_ABSENT = object()
_RESERVED = frozenset({"In", "Out", "get_ipython", "exit", "quit", "open"})


class NamespaceInjector(Injector):
    """Binds credentials in `namespace` (IPython's `user_ns`; the running shell's when none is given)."""

    name: ClassVar[str] = "namespace"

    def __init__(self, namespace: MutableMapping[str, Any] | None = None) -> None:
        self._namespace = _shell_namespace() if namespace is None else namespace
        self._before: list[tuple[str, object]] = []

    def apply(self, credential: Credential, **options: Any) -> list[str]:
        """Bind to the variable `variable` (option; default: made from the credential's name).

        Raises `InvalidCredential` for a name that is not a legal variable, a builtin or IPython's own.
        """
        variable = options.get("variable") or variable_for(credential.name)
        next_step = f"Choose another: %cred use {word(credential.name)} as my_name"
        check_variable(variable, what="variable name", credential=credential.name, next_step=next_step)
        if variable in _RESERVED or hasattr(builtins, variable) or variable.startswith("_"):
            raise InvalidCredential(
                f"{credential.name}: the name {variable!r} already means something in Python or IPython",
                next_step=next_step,
            )
        self._before.append((variable, self._namespace.get(variable, _ABSENT)))
        self._namespace[variable] = credential
        return [variable]

    def take_back(self) -> None:
        while self._before:
            variable, old = self._before.pop()
            if old is _ABSENT:
                self._namespace.pop(variable, None)
            else:
                self._namespace[variable] = old


def variable_for(name: str) -> str:
    """A variable name made from a credential's: `s3-prod` → `s3_prod`, `2nd` → `c_2nd`."""
    plain = "".join(c if c == "_" or c.isalnum() else "_" for c in name).strip("_") or "credential"
    return plain if plain.isidentifier() else f"c_{plain}"


def _shell_namespace() -> MutableMapping[str, Any]:
    from IPython import get_ipython  # only a notebook asks for this

    shell: Any = get_ipython()
    if shell is None:
        raise InvalidCredential(
            "there is no notebook or IPython here to bind a variable in",
            next_step="In plain Python: cred = credmagic.use(name)",
        )
    namespace: MutableMapping[str, Any] = shell.user_ns
    return namespace
