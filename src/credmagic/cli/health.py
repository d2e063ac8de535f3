"""Is this credential all right? One answer in words, a glyph and a rank, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from credmagic.cli import ages
from credmagic.cli.pages import Cell
from credmagic.client import token_health
from credmagic.errors import word

SOON = 14 * 86400
"""From here on an expiry is worth a warning (seconds)."""

IDLE_SOON = 5 * 86400
"""So long before its service ends what nobody uses, that is worth a warning (seconds)."""

_VERIFIED = {
    "ok": (5, "ok", "●", "verified"),
    "refused": (1, "error", "▲", "refused"),
    "unreachable": (3, "warn", "▲", "no answer"),
    "unverifiable": (6, "muted", "○", "not verifiable"),
}


def health(view: Mapping[str, Any], now: datetime | None = None) -> tuple[int, Cell]:
    """Rank (0 is worst) and cell of one credential's view."""
    now = now or datetime.now(UTC)
    idle = ages.left(view.get("unused_until"), now)
    rank, cell = _standing(view, now)
    if idle is None or idle > IDLE_SOON or rank <= 2:
        return rank, cell
    words = f"ends unused in {ages.span(idle)}" if idle > 0 else "may have ended unused"
    return 2, Cell(words, f"if nobody uses it until {ages.absolute(view['unused_until'])}", "warn", "▲")


def _standing(view: Mapping[str, Any], now: datetime) -> tuple[int, Cell]:
    """Without how long it was not used."""
    if view.get("status") == "damaged":
        return 0, Cell("damaged", "its record was changed outside credmagic; rm removes it", "error", "▲")
    if view.get("status") == "incomplete":
        return 1, Cell("incomplete", "a required field is missing", "error", "▲")
    until = ages.left(view.get("expires_at"), now)
    if until is not None and until <= 0:
        return 0, Cell(f"expired {ages.span(until)} ago", ages.absolute(view["expires_at"]), "error", "▲")
    if view.get("status") == "paused":
        return 2, Cell("paused", "does not resolve until it is resumed", "warn", "○")
    if view.get("sign_in"):
        return 1, Cell("sign in", "nobody has signed in yet", "warn", "▲")
    if (tokens := _tokens(view, now)) is not None:
        return tokens
    verified = view.get("verified")
    rank, tone, glyph, words = _VERIFIED.get((verified or {}).get("outcome", ""), (4, "muted", "○", "not verified"))
    soon = until is not None and until < SOON
    if rank == 1 or not soon or until is None:
        when = ages.ago(verified["at"], now) if verified and rank != 6 else ""
        title = _title(verified) if verified else ""
        return rank, Cell(f"{words} {when}".strip(), title, tone, glyph)
    return 2, Cell(f"expires in {ages.span(until)}", ages.absolute(view["expires_at"]), "warn", "▲")


_TOKENS = {"error": (1, "▲"), "warn": (3, "▲"), "ok": (5, "●"), "muted": (5, "○")}


def _tokens(view: Mapping[str, Any], now: datetime) -> tuple[int, Cell] | None:
    """How its tokens do, unless a check has said something later, or tokens are no news while it is about to expire."""
    found = token_health.health(view, now)
    verified = view.get("verified") or {}
    until = ages.left(view.get("expires_at"), now)
    if found is None or (found.at or "0") < (verified.get("at") or ""):
        return None
    if found.tone in ("ok", "muted") and until is not None and until < SOON:
        return None
    rank, glyph = _TOKENS[found.tone]
    when = ages.absolute(found.at) if found.at else "a token is made when it is used"
    return rank, Cell(found.words, when, found.tone, glyph)


def sign_ins(views: Iterable[Mapping[str, Any]], prog: str, most: int = 3) -> Iterator[str]:
    """The command for each of the first that nobody has signed in for, or whose login is over."""
    over = token_health.login_over
    waiting = [view for view in views if (view.get("sign_in") or over(view)) and view.get("status") == "active"]
    for view in waiting[:most]:
        yield f"Sign in{' again' if over(view) else ''}: {prog} login {word(view['name'])}"


def expiry(view: Mapping[str, Any], now: datetime | None = None) -> Cell:
    """How long it lasts: `expires in 41 d ▓▓▓▓▓░`, or a dash."""
    text = view.get("expires_at")
    until = ages.left(text, now)
    if until is None:
        return Cell("—", "no expiry set", "muted")
    born = ages.left(view.get("updated_at") or view.get("created_at"), now)
    whole = until - born if born is not None else 0.0
    share = max(0.0, min(1.0, until / whole)) if whole > 0 else 0.0
    words = f"expires in {ages.span(until)}" if until > 0 else f"expired {ages.span(until)} ago"
    tone = "error" if until <= 0 else "warn" if until < SOON else ""
    return Cell(words, ages.absolute(text), tone, share=share)


def last_use(view: Mapping[str, Any], now: datetime | None = None) -> Cell:
    """When it was last handed out."""
    text = view.get("last_used_at")
    if not text:
        return Cell("never used", tone="muted")
    return Cell(f"used {ages.ago(text, now)}", ages.absolute(text))


def _title(verified: Mapping[str, Any]) -> str:
    reason = verified.get("reason") or ""
    return f"{ages.absolute(verified['at'])}{': ' + reason if reason else ''}"
