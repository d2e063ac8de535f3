"""How is a credential doing, in the few words that fit beside its name in a picker?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from credmagic.client import token_health
from credmagic.errors import word

SOON = timedelta(days=14)

_VERIFIED = {"ok": "verified", "refused": "refused", "unreachable": "no answer", "unverifiable": "not verifiable"}

_TOKENS = {"error": "refused", "warn": "note", "ok": "accepted", "muted": "muted"}


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
    if view.get("sign_in"):
        return "note", f"sign in: %cred login {word(view['name'])}"
    verified = view.get("verified") or {}
    tokens = token_health.health(view, now)
    if tokens is not None and (tokens.at or "0") >= (verified.get("at") or ""):
        login = f": %cred login {word(view['name'])}" if token_health.login_over(view) else ""
        return _TOKENS[tokens.tone], tokens.words + login
    outcome = verified.get("outcome", "")
    tone = {"ok": "accepted", "refused": "refused", "unreachable": "note"}.get(outcome, "muted")
    return tone, _VERIFIED.get(outcome, "not verified")
