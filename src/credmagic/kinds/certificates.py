"""How does a driver that wants the *path* of a certificate get one?

Certificates are public, so a temporary file does; one per content and process, removed when the process ends.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from functools import cache
from pathlib import Path

from credmagic.kinds.pem import pem_file


@cache
def certificate_file(pem: str) -> str:
    """The path of a file (0600) that holds the certificate."""
    handle, path = tempfile.mkstemp(prefix="credmagic-", suffix=".pem")
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(pem_file(pem))
    atexit.register(Path(path).unlink, missing_ok=True)
    return path
