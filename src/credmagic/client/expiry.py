"""Does a credential that was just handed over end soon? Said once per session and credential, not at every use."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

SOON = timedelta(days=14)

_said: set[tuple[str, str]] = set()


def warn_once(resolved: Mapping[str, Any]) -> None:
    """One line on stderr when the credential ends within 14 days; a short-lived token is renewed and is no end."""
    text = resolved.get("expires_at")
    if not text or "token" in resolved or (resolved["id"], text) in _said:
        return
    until = datetime.fromisoformat(text)
    left = until - datetime.now(UTC)
    if left > SOON:
        return
    _said.add((resolved["id"], text))
    name, hours = resolved["name"], int(left.total_seconds() // 3600)
    span = f"{hours // 24} d" if hours >= 48 else f"{hours} h"
    sys.stderr.write(f"▲ {name} expires in {span} ({until.astimezone():%Y-%m-%d}). New values: %cred rotate {name}\n")
