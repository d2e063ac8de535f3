"""What may the hot path ask of a store, whichever database it is?

Two implementations: `hot_read.HotRead` (embedded SQLite, standard library only) and `sql.SqlStore`
(everything else). `StoreSuite` shows that they give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from credmagic.store.rows import (
    AssociationRow,
    AuditRow,
    ConfigurationRow,
    CredentialRow,
    DataKeyRow,
    GrantRow,
    KeySlotRow,
    StoreMetaRow,
    UsageRow,
    VersionRow,
)

Candidate = tuple[bytes, str, bytes]
"""(owner_id, environment, name_ix): one place where a name may be found."""

Found = tuple[CredentialRow, VersionRow]
"""A credential and its current version."""


class SchemaMismatch(Exception):
    """There is no store of this very schema at that path. `SqlStore.open` migrates it or says what it is."""


class HotPort(Protocol):
    """What one `use` needs. Safe from several threads and after a fork."""

    def find_credential(self, candidates: Sequence[Candidate]) -> Found | None:
        """The first candidate that exists. Raises `SealBroken` when its current version is not there."""

    def get_credential(self, credential_id: bytes) -> Found | None:
        """The credential of that id with its current version. Raises as `find_credential`."""

    def get_version(self, credential_id: bytes, version: int) -> VersionRow | None:
        """One version, current or not."""

    def append_audit(self, build: Callable[[int, bytes], AuditRow], usage: UsageRow | None = None) -> AuditRow:
        """Durably append `build(next_seq, previous_mac)` (`(1, b"")` first). Returns only after the commit.

        A `usage` is kept in the same transaction, unless its credential and object are known already.
        """

    def grants(self, credential_id: bytes) -> list[GrantRow]:
        """What may use a guarded credential, oldest first."""

    def configuration(self, place: Candidate) -> ConfigurationRow | None:
        """How the connection of that name is configured there; None when the name is no connection's."""

    def store_meta(self) -> StoreMetaRow | None:
        """The row about the store; None before the vault wrote it."""

    def key_slots(self) -> list[KeySlotRow]:
        """All key slots, oldest first."""

    def data_keys(self) -> list[DataKeyRow]:
        """All data keys by id."""

    def find_associations(
        self,
        object_type: str,
        object_ix: bytes,
        *,
        owner_id: bytes | None = None,
        kind: str | None = None,
        default: bool = False,
    ) -> list[AssociationRow]:
        """What is attached to an object, oldest first; `default=True` keeps the default ones only."""

    def close(self) -> None:
        """Drop the connections."""
