"""What does `connect` know of a client: what to show, and what to write?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from credmagic.cli.running import Server
from credmagic.cli.usage import UsageError
from credmagic.values import SecretStr

KEY, SECRET = "KEY_ID", "SECRET"
"""What stands for an access key that was not given."""


@dataclass(frozen=True)
class Wanted:
    """Who is to be connected with what. `user_token` makes a token of the signed-in user when it is called."""

    server: Server
    name: str
    """What the client shall call this server."""
    key: str = ""
    """Id of an access key, or of a machine with a password."""
    secret: SecretStr | None = None
    ca: str = ""
    """File of the certificate to trust, where the system does not."""
    user_token: Callable[[], SecretStr] | None = None

    @property
    def base(self) -> str:
        """The address that ends in `/credmagic`."""
        return self.server.base

    def proof(self, what: str, again: str) -> tuple[str, str]:
        """Key and secret. Raises `UsageError` where they were not given."""
        if not self.key or self.secret is None:
            raise UsageError(f"{what} has to be told who it is", next_step=f"{again} --key {KEY} --secret prompt")
        return self.key, str.__str__(self.secret)


@dataclass(frozen=True)
class Setup:
    """What a person does to connect a client; placeholders where a secret belongs, never one."""

    variables: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[str] = ()
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By path: what stands in it."""
    python: Sequence[str] = ()
    notes: Sequence[str] = ()


class Program(ABC):
    """One client program."""

    title: ClassVar[str]
    as_user: ClassVar[str] = ""
    """What to do with a user's token, for programs that take one."""

    @abstractmethod
    def setup(self, wanted: Wanted, prog: str) -> Setup:
        """What to do by hand. `prog` is how this command is spelled."""

    @abstractmethod
    def write(self, wanted: Wanted, prog: str) -> tuple[str, str]:
        """Do it. What was written, and the next step. Raises `UsageError` when something has to be given first."""
