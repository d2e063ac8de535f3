"""The first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _int(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, INTEGER, **{"nullable": False, "autoincrement": False, **more})


def _text(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), **{"nullable": False, **more})


def _bytes(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), **{"nullable": False, **more})


def _credential() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["credential_id"], ["credentials.id"], deferrable=True, initially="DEFERRED")


def upgrade() -> None:
    """Make every table."""
    _keys()
    _credentials()
    _associations()
    op.create_table(
        "audit",
        _int("seq", primary_key=True), _int("ts"), _text("action"), _text("outcome"),
        _bytes("object_id", nullable=True), _bytes("body"), _bytes("mac"),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_index("audit_object", "audit", ["object_id", "action", "seq"])


def _keys() -> None:
    op.create_table(
        "store_meta",
        _int("id", primary_key=True), _bytes("store_id"), _int("format"), _int("created_at"),
        _text("options"), _bytes("state", nullable=True),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_table(
        "key_slots",
        _bytes("slot_id", primary_key=True), _text("provider"), _text("parameters"), _bytes("sealed"),
        _int("created_at"), _int("failures"), _int("retry_at"),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_table(
        "data_keys",
        _int("id", primary_key=True), _text("purpose"), _text("status"), _bytes("sealed"), _int("created_at"),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_table(
        "principals",
        _bytes("id", primary_key=True), _text("type"), _text("status"), _text("role"), _bytes("name_ix"),
        _bytes("sealed"), _int("key_id"), _int("revision"), _int("created_at"),
        sqlite_strict=True,
    )  # fmt: skip


def _credentials() -> None:
    op.create_table(
        "credentials",
        _bytes("id", primary_key=True), _bytes("owner_id"), _bytes("name_ix"), _text("environment"),
        _text("kind"), _int("kind_version"), _text("status"), _int("current_version"), _int("revision"),
        _int("key_id"), _bytes("meta"), _int("created_at"), _int("updated_at"),
        sa.UniqueConstraint("owner_id", "environment", "name_ix", name="credentials_name"),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_index("credentials_page", "credentials", ["owner_id", "created_at", "id"])
    op.create_table(
        "credential_versions",
        _bytes("credential_id", primary_key=True), _int("version", primary_key=True), _int("kind_version"),
        _int("key_id"), _bytes("sealed"), _int("created_at"),
        _credential(),
        sqlite_strict=True,
    )  # fmt: skip


def _associations() -> None:
    op.create_table(
        "associations",
        _bytes("id", primary_key=True), _bytes("credential_id"), _bytes("owner_id"), _text("object_type"),
        _bytes("object_ix"), _int("is_default"), _text("inject"), _text("kind"), _int("key_id"),
        _int("revision"), _bytes("sealed"), _int("created_at"),
        _credential(),
        sa.UniqueConstraint("credential_id", "object_type", "object_ix", name="associations_once"),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_index("associations_object", "associations", ["object_type", "object_ix", "created_at", "id"])
    op.create_index(
        "associations_default", "associations", ["object_type", "object_ix", "owner_id", "kind"], unique=True,
        sqlite_where=sa.text("is_default = 1"), postgresql_where=sa.text("is_default = 1"),
    )  # fmt: skip
