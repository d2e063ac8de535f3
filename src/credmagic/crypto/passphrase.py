"""How does a passphrase become a slot key? (Argon2id, docs/format.md §6)

The parameters lie in the key slot, where somebody with the database could change them: they are checked
against a floor and a ceiling *before* anything is derived, or they could weaken the key or eat the memory.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from credmagic.errors import InvalidCredential, VaultLocked

SALT_SIZE = 16
KEY_SIZE = 32
MIN_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Profile:
    """Argon2id's price: memory in KiB, passes over it, lanes."""

    memory_kib: int
    iterations: int
    lanes: int


DEFAULT = Profile(memory_kib=256 * 1024, iterations=3, lanes=1)
FLOOR = Profile(memory_kib=64 * 1024, iterations=3, lanes=1)
CEILING = Profile(memory_kib=1024 * 1024, iterations=16, lanes=4)
CHEAP = Profile(memory_kib=64, iterations=1, lanes=1)
"""For tests. Only a constructor's argument can allow it, never what a slot says."""


def check_new_passphrase(passphrase: str) -> None:
    """`InvalidCredential` unless a *new* passphrase has at least 12 characters and is text."""
    if len(_normal(passphrase)) < MIN_LENGTH:
        raise InvalidCredential(
            "the passphrase is too short",
            errors={"passphrase": f"at least {MIN_LENGTH} characters"},
            next_step="Choose a longer one, for example five random words: credmagic protect passphrase",
        )


def derive(passphrase: str, salt: bytes, profile: Profile, *, allow_cheap: bool = False) -> bytearray:
    """The 32-byte slot key.

    `VaultLocked` when salt or profile are not what a slot may ask for, or the memory is not there;
    `InvalidCredential` when the passphrase is no text. A wrong one shows only when the slot does not open.
    """
    _check(salt, profile, CHEAP if allow_cheap else FLOOR)
    secret = _normal(passphrase).encode("utf-8")
    kdf = Argon2id(
        salt=salt,
        length=KEY_SIZE,
        iterations=profile.iterations,
        lanes=profile.lanes,
        memory_cost=profile.memory_kib,
    )
    try:
        return bytearray(kdf.derive(secret))
    except MemoryError:
        pass
    raise VaultLocked(
        f"deriving the key needs {profile.memory_kib >> 10} MiB of memory, which are not there",
        next_step="Free some memory and try again.",
    )


def _check(salt: bytes, profile: Profile, floor: Profile) -> None:
    ranges = {
        name: (getattr(floor, name), getattr(profile, name), getattr(CEILING, name))
        for name in ("memory_kib", "iterations", "lanes")
    }
    wrong = [name for name, (low, value, high) in ranges.items() if type(value) is not int or not low <= value <= high]
    if not isinstance(salt, bytes) or len(salt) != SALT_SIZE:
        wrong.append("salt")
    if wrong:
        raise VaultLocked(
            f"the passphrase slot was changed: {', '.join(wrong)} outside what is allowed",
            next_step="Open it with another slot or restore the store from a backup: credmagic status",
        )


def _normal(passphrase: str) -> str:
    normal = unicodedata.normalize("NFKC", passphrase)
    if any("\ud800" <= char <= "\udfff" for char in normal):  # an environment variable that is no UTF-8
        raise InvalidCredential(
            "the passphrase is not text in UTF-8",
            errors={"passphrase": "text in UTF-8"},
            next_step="Try again, or use the recovery key. Which slots there are: credmagic status",
        )
    return normal
