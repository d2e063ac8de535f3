"""What would a kind ask a web service to find out whether it works?

Data only: `verify/http.py` does the asking. A kind whose probe is `http` has `http_check()`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from credmagic.values import SecretStr


@dataclass(frozen=True)
class HttpCheck:
    """One request whose answer tells. Header values may be secret; they go to `url` and nowhere else."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    method: str = "GET"
    body: bytes | None = None
    refused_by: bytes | None = None
    """Bytes in a 2xx body that still mean no (without blanks)."""


def basic_header(user: str, password: str) -> SecretStr:
    """The value of `Authorization` for a user and a password (RFC 7617, UTF-8)."""
    return SecretStr("Basic " + base64.b64encode(f"{user}:{str.__str__(password)}".encode()).decode())
