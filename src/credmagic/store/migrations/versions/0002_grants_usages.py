"""Grants of guarded credentials, and which objects have used a credential."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, INTEGER, nullable=False, autoincrement=False)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _bytes(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False, **more)


def _credential() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["credential_id"], ["credentials.id"], deferrable=True, initially="DEFERRED")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "grants",
        _bytes("id", primary_key=True), _bytes("credential_id"), _bytes("owner_id"), _text("object_type"),
        _bytes("object_ix"), _int("key_id"), _int("revision"), _bytes("sealed"), _int("created_at"),
        _credential(),
        sa.UniqueConstraint("credential_id", "object_type", "object_ix", name="grants_once"),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_table(
        "usages",
        _bytes("id", primary_key=True), _bytes("credential_id"), _text("object_type"), _bytes("object_ix"),
        _int("key_id"), _int("revision"), _bytes("sealed"), _int("created_at"),
        _credential(),
        sa.UniqueConstraint("credential_id", "object_type", "object_ix", name="usages_once"),
        sqlite_strict=True,
    )  # fmt: skip
