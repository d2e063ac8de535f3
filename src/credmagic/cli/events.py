"""What does a line of the log say of tokens and logins, in words? Everything else is called by its action's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORDS = {
    ("token", "ok"): "token fetched",
    ("token", "refused"): "token refused",
    ("token", "unreachable"): "token service away",
    ("credential.renew", "ok"): "login renewed",
    ("login.begin", "ok"): "sign-in begun",
    ("login.done", "ok"): "signed in",
    ("login.done", "failed"): "sign-in failed",
}


def said(event: Mapping[str, Any]) -> str:
    """Words for one event of `audit`; empty for what needs none."""
    if event["action"] == "use" and event.get("reason") == "lent":
        return "lent its secret"
    return _WORDS.get((event["action"], event["outcome"]), "")
