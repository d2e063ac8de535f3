"""Access keys of machine identities, and the counters that slow wrong sign-ins down."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, INTEGER, nullable=False, autoincrement=False)


def _bytes(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False, **more)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "access_keys",
        _bytes("id", primary_key=True), _bytes("principal_id"), _bytes("key_ix"),
        sa.Column("status", sa.Text(), nullable=False), _int("akv"), _int("key_id"), _int("revision"),
        _bytes("sealed"), _int("created_at"),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], deferrable=True, initially="DEFERRED"),
        sa.UniqueConstraint("key_ix", name="access_keys_once"),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_index("access_keys_page", "access_keys", ["principal_id", "created_at", "id"])
    op.create_table(
        "throttle",
        _bytes("id", primary_key=True), _int("count"), _int("started_at"), _int("retry_at"), _int("seen_at"),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_index("throttle_oldest", "throttle", ["seen_at", "id"])
