"""How do the tokens of a credential do, in the few words that fit beside its name?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

_UNITS = ((86400 * 2, 86400, "d"), (7200, 3600, "h"), (60, 60, "min"), (0, 1, "s"))
"""From so many seconds on, what is counted."""


_OVER = frozenset({"invalid_grant", "not_signed_in", "interaction_required", "login_required"})


class Health(NamedTuple):
    """`tone` is `ok`, `muted`, `warn` or `error`; `at` is when that was found out (ISO 8601), if it was."""

    tone: str
    words: str
    at: str = ""


def health(view: Mapping[str, Any], now: datetime | None = None) -> Health | None:
    """Of one view (docs/architecture.md); None for what is not made into tokens."""
    found = view.get("token_health")
    if found is None:
        return None
    at = found.get("at") or ""
    if found["state"] == "good":
        return Health("ok", f"token good{_for(found.get('ends_at'), now or datetime.now(UTC))}", at)
    if found["state"] == "unreachable":
        return Health("warn", "no answer from the token service", at)
    if found["state"] == "renews":
        return Health("muted", "renews itself")
    return Health("error", "sign in again" if login_over(view) else f"no token: {found['error'] or 'refused'}", at)


def login_over(view: Mapping[str, Any]) -> bool:
    """Whether only another sign-in helps: the provider does not take the login any more."""
    found = view.get("token_health") or {}
    return bool(found.get("sign_in")) and found.get("error") in _OVER


def _for(ends: str | None, now: datetime) -> str:
    """` for 41 min`; empty for a token that has no end."""
    if not ends:
        return ""
    left = max(0, int((datetime.fromisoformat(ends) - now).total_seconds()))
    _, size, unit = next(step for step in _UNITS if left >= step[0])
    return f" for {left // size} {unit}"
