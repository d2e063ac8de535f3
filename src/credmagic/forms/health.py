"""How is a credential doing, in the few words that fit beside its name in a picker?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

SOON = timedelta(days=14)

_VERIFIED = {"ok": "verified", "refused": "refused", "unreachable": "no answer", "unverifiable": "not verifiable"}


def health(view: Mapping[str, Any], now: datetime | None = None) -> tuple[str, str]:
    """Tone (`accepted`, `refused`, `note` or `muted`) and words, the worst first."""
    now = now or datetime.now(UTC)
    if view["status"] != "active":
        return "refused", str(view["status"])
    if view.get("expires_at"):
        left = datetime.fromisoformat(view["expires_at"]) - now
        if left <= timedelta(0):
            return "refused", "expired"
        if left < SOON:
            return "note", f"expires in {left.days} d" if left.days else "expires today"
    outcome = (view.get("verified") or {}).get("outcome", "")
    tone = {"ok": "accepted", "refused": "refused", "unreachable": "note"}.get(outcome, "muted")
    return tone, _VERIFIED.get(outcome, "not verified")
