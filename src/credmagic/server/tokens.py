"""Which kernel does a kernel token belong to?

Every launch of a kernel gets a token of its own; the one before is void from that moment. Only SHA-256
digests are kept, and only in memory: nothing that could be replayed survives the server.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable

from credmagic.errors import NotSignedIn


class KernelTokens:
    """The tokens that are valid now: at most one a kernel."""

    def __init__(self, ended: Callable[[str], object] = lambda kernel_id: None) -> None:
        self._ended = ended
        """Told whenever a kernel's token is void: it ends, or it starts anew."""
        self._digests: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def issue(self, kernel_id: str) -> str:
        """A fresh token for one launch of this kernel (256 bits, base64url); its former one is void."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._digests[kernel_id] = _digest(token)
        return token

    def kernel_of(self, token: str) -> str:
        """The kernel this token was issued to. Raises `NotSignedIn` (`kernel_unknown`)."""
        asked = _digest(token)
        with self._lock:
            held = list(self._digests.items())
        found = None
        for kernel_id, digest in held:  # all of them, so that the time tells nothing
            if hmac.compare_digest(digest, asked):
                found = kernel_id
        if found is None:
            raise unknown_kernel()
        return found

    def revoke(self, kernel_id: str) -> None:
        """Void this kernel's token; unknown kernels are nothing to worry about."""
        with self._lock:
            self._digests.pop(kernel_id, None)
        self._ended(kernel_id)

    def revoke_all(self) -> None:
        """Void every token: the server stops."""
        with self._lock:
            self._digests.clear()

    def __len__(self) -> int:
        return len(self._digests)


def unknown_kernel() -> NotSignedIn:
    """What a caller hears whose token is missing, foreign, old or revoked: always the same."""
    return NotSignedIn(
        "the server does not know this kernel (any more)",
        code="kernel_unknown",
        next_step="Restart the kernel: it then gets a fresh token.",
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
