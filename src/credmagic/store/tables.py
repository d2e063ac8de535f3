"""What do the tables look like? Derived one to one from the dataclasses in `rows.py`.

Types are Text, LargeBinary and integers only (STRICT on SQLite refuses the rest). The migrations say the same
in their own words, frozen; a test compares both.
"""

from __future__ import annotations

from typing import Any, get_type_hints

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.sql.schema import SchemaItem

from credmagic.store import rows

METADATA = MetaData()
INTEGER = BigInteger().with_variant(Integer(), "sqlite")
_TYPES: dict[Any, Any] = {int: INTEGER, str: Text(), bytes: LargeBinary(), bytes | None: LargeBinary()}


def _owned(name: str) -> ForeignKey:
    # Deferred: whoever deletes an owner may take its rows away in any order inside the transaction.
    return ForeignKey(f"{name.removesuffix('_id')}s.id", deferrable=True, initially="DEFERRED")


def _table(row_type: type[rows.Row], *items: SchemaItem, references: tuple[str, ...] = ()) -> Table:
    hints = get_type_hints(row_type)
    return Table(
        row_type.table,
        METADATA,
        *(
            Column(
                name,
                _TYPES[hints[name]],
                *([_owned(name)] if name in references else []),
                primary_key=name in row_type.key,
                autoincrement=False,
                nullable=hints[name] == (bytes | None),
            )
            for name in rows.columns(row_type)
        ),
        *items,
        sqlite_strict=True,
    )


TABLES: dict[type[rows.Row], Table] = {
    rows.StoreMetaRow: _table(rows.StoreMetaRow),
    rows.KeySlotRow: _table(rows.KeySlotRow),
    rows.DataKeyRow: _table(rows.DataKeyRow),
    rows.PrincipalRow: _table(rows.PrincipalRow),
    rows.CredentialRow: _table(
        rows.CredentialRow,
        UniqueConstraint("owner_id", "environment", "name_ix", name="credentials_name"),
        Index("credentials_page", "owner_id", "created_at", "id"),
    ),
    rows.VersionRow: _table(rows.VersionRow, references=("credential_id",)),
    rows.AssociationRow: _table(
        rows.AssociationRow,
        UniqueConstraint("credential_id", "object_type", "object_ix", name="associations_once"),
        Index("associations_object", "object_type", "object_ix", "created_at", "id"),
        Index(
            "associations_default", "object_type", "object_ix", "owner_id", "kind",
            unique=True, sqlite_where=text("is_default = 1"), postgresql_where=text("is_default = 1"),
        ),
        references=("credential_id",),
    ),
    rows.GrantRow: _table(
        rows.GrantRow,
        UniqueConstraint("credential_id", "object_type", "object_ix", name="grants_once"),
        references=("credential_id",),
    ),
    rows.UsageRow: _table(
        rows.UsageRow,
        UniqueConstraint("credential_id", "object_type", "object_ix", name="usages_once"),
        references=("credential_id",),
    ),
    rows.ConnectionRow: _table(
        rows.ConnectionRow, UniqueConstraint("owner_id", "variable_ix", name="connections_variable")
    ),
    rows.ConfigurationRow: _table(
        rows.ConfigurationRow,
        UniqueConstraint("owner_id", "environment", "app_ix", name="configurations_once"),
        references=("connection_id",),
    ),
    rows.AccessKeyRow: _table(
        rows.AccessKeyRow,
        UniqueConstraint("key_ix", name="access_keys_once"),
        Index("access_keys_page", "principal_id", "created_at", "id"),
        references=("principal_id",),
    ),
    rows.ThrottleRow: _table(rows.ThrottleRow, Index("throttle_oldest", "seen_at", "id")),
    rows.AuditRow: _table(rows.AuditRow, Index("audit_object", "object_id", "action", "seq")),
}  # fmt: skip
