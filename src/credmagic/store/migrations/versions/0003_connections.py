"""Connections, and what each is configured to be in one environment."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, INTEGER, nullable=False, autoincrement=False)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _bytes(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False, **more)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "connections",
        _bytes("id", primary_key=True), _bytes("owner_id"), _bytes("variable_ix"), _int("key_id"),
        _int("revision"), _bytes("sealed"), _int("created_at"),
        sa.UniqueConstraint("owner_id", "variable_ix", name="connections_variable"),
        sqlite_strict=True,
    )  # fmt: skip
    op.create_table(
        "configurations",
        _bytes("id", primary_key=True), _bytes("connection_id"), _bytes("owner_id"), _text("environment"),
        _bytes("app_ix"), _text("kind"), _text("sharing"), _int("sso"), _int("key_id"), _int("revision"),
        _bytes("sealed"), _int("created_at"),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], deferrable=True, initially="DEFERRED"),
        sa.UniqueConstraint("owner_id", "environment", "app_ix", name="configurations_once"),
        sqlite_strict=True,
    )  # fmt: skip
