"""How is a credential handed to code, and taken back again?

One subclass per way, found through the entry-point group `credmagic.injectors`. An injector is made for one
hand-over scope (a cell, a `with` block, a kernel's life); `take_back` undoes all it did, newest first.
"""

from __future__ import annotations

import keyword
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential


class Injector(ABC):
    """A way of handing over. `name` is the word of `--inject`."""

    name: ClassVar[str]
    renews: ClassVar[bool] = False
    """Whether what is handed over stays fresh without being handed over again."""

    def asks(self, call: Callable[..., dict[str, Any]], credential: Credential) -> dict[str, Any]:
        """What it must know from the vault beside the values (`call` is the client's), as options of `apply`."""
        return {}

    @abstractmethod
    def apply(self, credential: Credential, **options: Any) -> list[str]:
        """Hand `credential` over and return the names to show. All or nothing: on an error nothing is changed."""

    def successor(self) -> Injector:
        """The one that hands the same credential over again, before this one takes back what it did."""
        return type(self)()

    @abstractmethod
    def take_back(self) -> None:
        """Undo every `apply` of this injector. Calling it twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.take_back()


def check_variable(name: str, *, what: str, credential: str, next_step: str) -> str:
    """`name` if it is a legal identifier. Raises `InvalidCredential` naming it, never a value."""
    if name.isidentifier() and not keyword.iskeyword(name):
        return name
    raise InvalidCredential(f"{credential}: {name!r} is not a legal {what}", next_step=next_step)
