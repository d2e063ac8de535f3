"""How is a 256-bit key written down on paper, and read back with typing errors noticed? (docs/format.md §7)

Crockford's base32 of key ‖ 3 bytes of checksum: 56 digits in 14 groups of 4, without I, L, O and U.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from credmagic.errors import InvalidCredential
from credmagic.values import SecretStr

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_KEY_SIZE, _CHECK_SIZE, _LENGTH, _GROUP = 32, 3, 56, 4
_READ = str.maketrans("ILO", "110", "-")


def new_recovery_key(*, urandom: Callable[[int], bytes] = os.urandom) -> tuple[SecretStr, bytearray]:
    """What to write down, and the slot key it stands for."""
    key = urandom(_KEY_SIZE)
    number = int.from_bytes(key + _check(key), "big")
    digits = "".join(_DIGITS[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
    groups = "-".join(digits[i : i + _GROUP] for i in range(0, _LENGTH, _GROUP))
    return SecretStr(groups, "[recovery key]"), bytearray(key)


def parse_recovery_key(text: str) -> bytearray:
    """The slot key somebody typed (case, spaces, dashes, I L O are free). `InvalidCredential` for a typo."""
    typed = "".join(text.upper().translate(_READ).split())
    if any(digit not in _DIGITS for digit in typed):
        raise _typo("a character that does not occur in it (digits and letters without I, L, O, U)")
    if len(typed) != _LENGTH:
        raise _typo(f"{len(typed)} characters, but it has {_LENGTH}")
    number = 0
    for digit in typed:
        number = number << 5 | _DIGITS.index(digit)
    raw = number.to_bytes(_KEY_SIZE + _CHECK_SIZE, "big")
    if _check(raw[:_KEY_SIZE]) != raw[_KEY_SIZE:]:
        raise _typo("at least one mistyped character (the checksum does not match)")
    return bytearray(raw[:_KEY_SIZE])


def _check(key: bytes) -> bytes:
    return hashlib.sha256(b"credmagic/recovery/v1" + key).digest()[:_CHECK_SIZE]


def _typo(what: str) -> InvalidCredential:
    return InvalidCredential(
        "that is not a recovery key",
        errors={"recovery_key": what},
        next_step="Compare it with what you wrote down and type it again.",
    )
