"""Who is this kernel, to the server that started it?

The server hands each kernel a token in `CREDMAGIC_KERNEL_TOKEN`. It is taken out of the environment once, so that
child processes do not inherit it, and lives on in this module only.
"""

from __future__ import annotations

import os

VARIABLE = "CREDMAGIC_KERNEL_TOKEN"

_token: str | None = None


def take() -> str | None:
    """Move the token from the environment into this process's memory and return it; None without a server."""
    global _token
    if (found := os.environ.pop(VARIABLE, None)) is not None:
        _token = found or None
    return _token


def current() -> str | None:
    """The token taken before; None if there was none."""
    return _token
