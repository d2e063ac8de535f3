"""How do connections and machines look as a page?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credmagic.cli.pages import Cell, Column, Page, Section

STATUS = {"active": Cell("active", tone="ok", glyph="●"), "paused": Cell("paused", tone="muted", glyph="‖")}


def page(data: Mapping[str, Any], prog: str) -> Page:
    """A section for each connection, a row for each environment."""
    found = data["connections"]
    if not found:
        foot = (f"No connections yet. Make one: {prog} connection add --app-id NAME",)
        return Page("connections", data, foot=foot)
    columns = [Column("Environment"), Column("Kind"), Column("Type"), Column("Credentials"), Column("Server", 2)]
    sections = [Section([_row(row) for row in one["configurations"]] or [_bare()], one["app_id"]) for one in found]
    return Page("connections", data, (), columns, sections)


def _row(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    entered = Cell("entered", tone="ok", glyph="✓") if row["credentials_entered"] else Cell("missing", "", "warn", "▲")
    sso = " · sso" if row["sso"] else ""
    return (
        Cell(row["environment"]), Cell(row["kind"], code=True), Cell(row["sharing"] + sso), entered,
        Cell(row.get("server_url", "")),
    )  # fmt: skip


def _bare() -> tuple[Cell, ...]:
    return (Cell("not configured", tone="muted"), Cell(""), Cell(""), Cell(""), Cell(""))


def machines(data: Mapping[str, Any], prog: str) -> Page:
    """A row for each machine identity."""
    found = data["machines"]
    if not found:
        return Page("machines", data, foot=(f"No machines yet. Make one: {prog} machine add",))
    columns = [Column("Id"), Column("Name", 2), Column("Created", 3), Column("Status"), Column("Role")]
    rows = [
        (
            Cell(one["id"], code=True),
            Cell(one["name"]),
            Cell(one["created"][:10]),
            STATUS[one["status"]],
            Cell(one["role"]),
        )
        for one in found
    ]
    return Page("machines", data, (), columns, [Section(rows)])
