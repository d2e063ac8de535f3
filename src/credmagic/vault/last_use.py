"""When was a credential last handed out, and when does its service end it because nobody uses it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from credmagic.errors import NotFound
from credmagic.kinds.registry import find_kind
from credmagic.plugins import BrokenPlugin
from credmagic.store.transaction import Reader
from credmagic.vault.records import iso, micros


def with_last_use(reader: Reader, views: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The views with `"last_used_at"`, and with `"unused_until"` where not using it ends it (docs/architecture.md)."""
    given = list(views)
    used = reader.last_used([bytes.fromhex(view["id"]) for view in given])
    return [dict(view) | _said(view, iso(used.get(bytes.fromhex(view["id"])))) for view in given]


def _said(view: Mapping[str, Any], last: str | None) -> dict[str, Any]:
    """New values count from when they came, and a check that passed was a use, too."""
    days = _idle_days(view["kind"]) if view["owner"] != "another" else None
    if days is None or view["status"] == "damaged":
        return {"last_used_at": last}
    verified = view["verified"] or {}
    checked = verified["at"] if verified.get("outcome") == "ok" else None
    since = max(datetime.fromisoformat(text) for text in (last, checked, view["updated_at"]) if text)
    return {"last_used_at": last, "unused_until": iso(micros(since + timedelta(days=days)))}


def _idle_days(kind: str) -> int | None:
    try:
        return find_kind(kind).idle_days
    except (NotFound, BrokenPlugin):
        return None
