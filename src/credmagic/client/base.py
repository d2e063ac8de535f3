"""What can the kernel side ask of a vault, wherever that vault lives?

Three implementations: `client.socket.SocketClient` (the Jupyter server that started this kernel),
`client.remote.RemoteClient` (a server on another machine) and `client.local.LocalClient` (the vault in this very
process). The table of actions with parameters and results
stands in `docs/architecture.md`; a failing call raises the `CredmagicError` class the vault raised.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Client(Protocol):
    """A way to the vault. One per process; safe to use from several threads; survives a fork by reconnecting."""

    plane: str
    """`"local"`, `"kernel"` or `"machine"`."""

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Run one action of the table. Parameters that are None are left to their defaults."""

    def resolve(
        self,
        ref: str | None,
        *,
        environment: str | None = None,
        version: int | None = None,
        kind: str | None = None,
        scope: str | None = None,
    ) -> dict[str, Any]:
        """The values of one credential, the use recorded first: see *resolved* in the table.

        `scope` asks for the token of that one scope, where a credential has several.
        """

    def begin_entry(self, kind: str, ref: str | None = None, environment: str | None = None) -> dict[str, Any]:
        """A single-use public key to which a form may seal its fields."""

    def submit_entry(self, entry_id: str, purpose: str, sealed: str) -> dict[str, Any]:
        """Hand over what the browser sealed; `purpose` is `verify` or `save`."""

    def close(self) -> None:
        """Drop connections. The next call opens new ones."""
