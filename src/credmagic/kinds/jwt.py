"""When does a token say that it ends?

A JSON Web Token carries its end in the clear. It is read without checking the signature, because nothing is
decided by it but a reminder; whatever is not a JWT simply has no date.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime

_SHAPE = re.compile(r"[A-Za-z0-9_-]{2,4096}\.([A-Za-z0-9_-]{2,16384})\.[A-Za-z0-9_-]{0,8192}\Z")


def jwt_expiry(token: str) -> datetime | None:
    """The moment of the `exp` claim (UTC), or None if `token` is no JWT or names no sensible date."""
    shape = _SHAPE.match(token.strip())
    if not shape:
        return None
    payload = shape.group(1)
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        seconds = claims.get("exp") if isinstance(claims, dict) else None
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0:
            return None
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError, RecursionError):
        return None
