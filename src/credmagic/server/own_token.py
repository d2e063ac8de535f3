"""Is this the token that opens the Jupyter server we run in?

For the sign-ins of other systems, where a person proves a Jupyter login in a body instead of a header. A server without
a token is opened by nothing here.
"""

from __future__ import annotations

import hmac
from typing import Any


def is_own_token(identity_provider: Any, sent: object) -> bool:
    """Whether `sent` is the token of Jupyter's identity provider, compared in constant time."""
    own = getattr(identity_provider, "token", "")
    given = sent if isinstance(sent, str) else ""
    return bool(own) and hmac.compare_digest(given.encode(errors="replace"), own.encode())
