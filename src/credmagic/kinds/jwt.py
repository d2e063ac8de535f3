"""When does a token say that it ends?

A JSON Web Token carries its end in the clear. It is read without checking the signature, because nothing is
decided by it but a reminder; whatever is not a JWT simply has no date.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

_SHAPE = re.compile(r"[A-Za-z0-9_-]{2,4096}\.([A-Za-z0-9_-]{2,16384})\.[A-Za-z0-9_-]{0,8192}\Z")


def jwt_claims(token: str) -> dict[str, Any] | None:
    """The claims of a JWT, unchecked; None for anything else."""
    shape = _SHAPE.match(token.strip())
    if not shape:
        return None
    payload = shape.group(1)
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def jwt_expiry(token: str) -> datetime | None:
    """The moment of the `exp` claim (UTC), or None if `token` is no JWT or names no sensible date."""
    seconds = (jwt_claims(token) or {}).get("exp")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
