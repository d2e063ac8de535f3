"""How is the password of a machine kept, so that it can be checked and never read?

Argon2id over HMAC(pepper, NFKC(password)), as a PHC string: without the store's pepper a stolen hash cannot even be
guessed at. A hash costs 64 MiB: two run at once, sixteen wait, more are turned away.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from credmagic.crypto.keyset import Keyset
from credmagic.crypto.passphrase import Profile
from credmagic.errors import InvalidCredential, RateLimited

PROFILE = Profile(memory_kib=64 * 1024, iterations=3, lanes=1)
MIN_LENGTH = 12
MAX_LENGTH = 1024
AT_ONCE, WAITING = 2, 16

_LABEL = b"credmagic/password/v1"
_running = threading.BoundedSemaphore(AT_ONCE)
_admitted = threading.BoundedSemaphore(AT_ONCE + WAITING)


def check_new_password(password: str) -> None:
    """Raises `InvalidCredential` unless it has 12 to 1024 characters; any characters will do."""
    if not MIN_LENGTH <= len(unicodedata.normalize("NFKC", password)) <= MAX_LENGTH:
        raise InvalidCredential(
            "the password cannot be this short or long",
            errors={"password": f"{MIN_LENGTH} to {MAX_LENGTH} characters"},
            next_step="Leave it out, and a good one is made.",
        )


def hash_password(keyset: Keyset, password: str) -> str:
    """The PHC string to keep. Raises `RateLimited` when too many wait already."""
    kdf = Argon2id(
        salt=os.urandom(16), length=32, iterations=PROFILE.iterations, lanes=PROFILE.lanes,
        memory_cost=PROFILE.memory_kib,
    )  # fmt: skip
    with _turn():
        return kdf.derive_phc_encoded(_material(keyset, password))


def is_password(keyset: Keyset, phc: str, password: str) -> bool:
    """Whether `phc` is the hash of `password`. Raises `RateLimited` when too many wait already."""
    with _turn():
        try:
            Argon2id.verify_phc_encoded(_material(keyset, password), phc)
        except (InvalidKey, ValueError):
            return False
    return True


def _material(keyset: Keyset, password: str) -> bytes:
    return keyset.peppered(_LABEL, unicodedata.normalize("NFKC", password))


@contextmanager
def _turn() -> Iterator[None]:
    if not _admitted.acquire(blocking=False):
        raise RateLimited(
            "too many passwords are being checked", next_step="Try again in a second.", details={"retry_after": 1}
        )
    try:
        with _running:
            yield
    finally:
        _admitted.release()
