"""How do applications and their access keys look as a page?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credmagic.cli.connection_page import STATUS
from credmagic.cli.pages import Cell, Column, Page, Section


def apps(data: Mapping[str, Any], prog: str) -> Page:
    """A row for each application."""
    if not data["apps"]:
        return Page("applications", data, foot=(f"No applications yet. Make one: {prog} app create NAME",))
    columns = [Column("Name"), Column("Id", 2), Column("Created", 3), Column("Status"), Column("Role")]
    rows = [
        (
            Cell(one["name"]),
            Cell(one["id"], code=True),
            Cell(one["created_at"][:10]),
            STATUS[one["status"]],
            Cell(one["role"]),
        )
        for one in data["apps"]
    ]
    return Page("applications", data, (), columns, [Section(rows)], foot=(f"Give one a key: {prog} key create NAME",))


def keys(data: Mapping[str, Any], prog: str) -> Page:
    """A row for each key, below whose it is."""
    if not any(one["keys"] for one in data["apps"]):
        return Page("access keys", data, foot=(f"No access keys yet. Make one: {prog} key create APP",))
    columns = [Column("Key"), Column("Created", 2), Column("Status")]
    sections = [Section([_key(key) for key in one["keys"]], one["name"]) for one in data["apps"] if one["keys"]]
    return Page("access keys", data, (), columns, sections)


def _key(key: Mapping[str, Any]) -> tuple[Cell, ...]:
    return Cell(key["id"], code=True), Cell(key["created_at"][:10]), STATUS[key["status"]]
