"""What does the store keep? One frozen dataclass per table; `tables.py` derives the tables from them.

Dumb on purpose: the rules live in the vault. Ids are 16 random bytes, times are integer microseconds since
1970 (UTC), `sealed` and `meta` are opaque records (docs/format.md), `*_ix` are blind indexes. Standard
library only, so that a kernel's hot path loads no SQL toolkit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


class Row:
    """Base of all rows: `table` is the table's name, `key` the columns of its primary key."""

    __slots__ = ()
    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]] = ("id",)

    @property
    def pk(self) -> tuple[Any, ...]:
        """The primary key of this very row, in the order of `key`."""
        return tuple(getattr(self, name) for name in self.key)


def columns(row_type: type[Row]) -> tuple[str, ...]:
    """The column names of `row_type`, in declared order (the order of its constructor)."""
    return tuple(row_type.__slots__)


@dataclass(frozen=True, slots=True)
class StoreMetaRow(Row):
    """The one row about the store itself. `state` is room for the sealed set state (SECURITY §3)."""

    table: ClassVar[str] = "store_meta"
    id: int
    store_id: bytes
    format: int
    created_at: int
    options: str
    state: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeySlotRow(Row):
    """One way to open the root key; `parameters` is canonical JSON."""

    table: ClassVar[str] = "key_slots"
    key: ClassVar[tuple[str, ...]] = ("slot_id",)
    slot_id: bytes
    provider: str
    parameters: str
    sealed: bytes
    created_at: int
    failures: int = 0
    retry_at: int = 0


@dataclass(frozen=True, slots=True)
class DataKeyRow(Row):
    """A data key, sealed under the root key."""

    table: ClassVar[str] = "data_keys"
    id: int
    purpose: str
    status: str
    sealed: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class PrincipalRow(Row):
    """Who can own something: `type` is user, team or machine."""

    table: ClassVar[str] = "principals"
    id: bytes
    type: str
    status: str
    role: str
    name_ix: bytes
    sealed: bytes
    key_id: int
    revision: int
    created_at: int


@dataclass(frozen=True, slots=True)
class CredentialRow(Row):
    """A credential without its secrets. It always has the version it names as current."""

    table: ClassVar[str] = "credentials"
    id: bytes
    owner_id: bytes
    name_ix: bytes
    environment: str
    kind: str
    kind_version: int
    status: str
    current_version: int
    revision: int
    key_id: int
    meta: bytes
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class VersionRow(Row):
    """One immutable sealed set of secret values."""

    table: ClassVar[str] = "credential_versions"
    key: ClassVar[tuple[str, ...]] = ("credential_id", "version")
    credential_id: bytes
    version: int
    kind_version: int
    key_id: int
    sealed: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class AssociationRow(Row):
    """A credential in use by an object (notebook, kernelspec…); `is_default` is 0 or 1."""

    table: ClassVar[str] = "associations"
    id: bytes
    credential_id: bytes
    owner_id: bytes
    object_type: str
    object_ix: bytes
    is_default: int
    inject: str
    kind: str
    key_id: int
    revision: int
    sealed: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class GrantRow(Row):
    """The permission of one object (notebook, kernelspec) to use a guarded credential."""

    table: ClassVar[str] = "grants"
    id: bytes
    credential_id: bytes
    owner_id: bytes
    object_type: str
    object_ix: bytes
    key_id: int
    revision: int
    sealed: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class UsageRow(Row):
    """An object that has used a credential: it gives a name to the index that the audit log counts."""

    table: ClassVar[str] = "usages"
    id: bytes
    credential_id: bytes
    object_type: str
    object_ix: bytes
    key_id: int
    revision: int
    sealed: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class ConnectionRow(Row):
    """A connection; `variable_ix` is the index of its name as environment variables spell it."""

    table: ClassVar[str] = "connections"
    id: bytes
    owner_id: bytes
    variable_ix: bytes
    key_id: int
    revision: int
    sealed: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class ConfigurationRow(Row):
    """A connection in one environment; `app_ix` is the `name_ix` of the owner's credential of that name there."""

    table: ClassVar[str] = "configurations"
    id: bytes
    connection_id: bytes
    owner_id: bytes
    environment: str
    app_ix: bytes
    kind: str
    sharing: str
    sso: int
    key_id: int
    revision: int
    sealed: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class AccessKeyRow(Row):
    """A key that a machine identity signs in with; `akv` rises with each change of it."""

    table: ClassVar[str] = "access_keys"
    id: bytes
    principal_id: bytes
    key_ix: bytes
    status: str
    akv: int
    key_id: int
    revision: int
    sealed: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class ThrottleRow(Row):
    """What one sign-in counter has seen: `id` is the index of what is counted. Not sealed, it can only delay."""

    table: ClassVar[str] = "throttle"
    id: bytes
    count: int
    started_at: int
    retry_at: int
    seen_at: int


@dataclass(frozen=True, slots=True)
class AuditRow(Row):
    """One link of the audit chain; `seq` has no gaps."""

    table: ClassVar[str] = "audit"
    key: ClassVar[tuple[str, ...]] = ("seq",)
    seq: int
    ts: int
    action: str
    outcome: str
    object_id: bytes | None
    body: bytes
    mac: bytes


ALL: tuple[type[Row], ...] = (
    StoreMetaRow, KeySlotRow, DataKeyRow, PrincipalRow, CredentialRow, VersionRow, AssociationRow, GrantRow,
    UsageRow, ConnectionRow, ConfigurationRow, AccessKeyRow, ThrottleRow, AuditRow,
)  # fmt: skip
