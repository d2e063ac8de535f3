"""How is a moment said to a person? Relative in the text, absolute (reader's zone) in the title."""

from __future__ import annotations

from datetime import UTC, datetime

_STEPS = ((60, "s", 1), (3600, "min", 60), (86400, "h", 3600), (86400 * 90, "d", 86400))


def moment(text: str | None) -> datetime | None:
    """The time behind an ISO 8601 text of the vault; None for none."""
    return datetime.fromisoformat(text) if text else None


def absolute(text: str | None) -> str:
    """`2026-03-01 14:05 CET` in the reader's zone."""
    at = moment(text)
    return at.astimezone().strftime("%Y-%m-%d %H:%M %Z") if at else ""


def span(seconds: float) -> str:
    """A length of time in one unit: `3 min`, `2 h`, `41 d`, `5 months`, `2 years`."""
    seconds = abs(seconds)
    for below, unit, size in _STEPS:
        if seconds < below:
            return f"{int(seconds // size)} {unit}"
    days = seconds / 86400
    return f"{int(days // 30.44)} months" if days < 730 else f"{int(days // 365.25)} years"


def ago(text: str | None, now: datetime | None = None) -> str:
    """`just now`, `5 min ago`; empty for no time."""
    at = moment(text)
    if at is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    return "just now" if seconds < 10 else f"{span(seconds)} ago"


def left(text: str | None, now: datetime | None = None) -> float | None:
    """Seconds until then (negative when past); None for no time."""
    at = moment(text)
    return (at - (now or datetime.now(UTC))).total_seconds() if at else None
