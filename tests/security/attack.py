"""How are sealed records attacked, and what counts as seen?"""

import os
from collections.abc import Callable, Iterable, Iterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from credmagic.errors import SealBroken


def attack(attempts: Iterable[tuple[Callable[[bytes], object], bytes]]) -> tuple[int, int]:
    """How many attempts there were, and how many opened. Any other error than `SealBroken` is a failure.

    All refusals must read the same: the reason is for the audit alone.
    """
    tried = opened = 0
    answers = set()
    for open_, sealed in attempts:
        tried += 1
        try:
            open_(sealed)
        except SealBroken as error:
            answers.add((str(error), error.__context__, error.__cause__))
        else:
            opened += 1
    assert len(answers) <= 1
    return tried, opened


def every_bit(sealed: bytes) -> Iterator[bytes]:
    changed = bytearray(sealed)
    for at in range(len(changed)):
        for bit in range(8):
            changed[at] ^= 1 << bit
            yield bytes(changed)
            changed[at] ^= 1 << bit


def every_length(sealed: bytes) -> Iterator[bytes]:
    for size in range(len(sealed)):
        yield sealed[:size]
    for size in (1, 2, 15, 16, 17, 32, 72, 88):
        yield sealed + bytes(size)
        yield sealed + os.urandom(size)
        yield sealed[:72] + bytes(size) + sealed[72:]
        yield sealed[size:]
    yield sealed + sealed


class NoTag:
    """AES-GCM that forgot to check its tag: what the controls decrypt with."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def decrypt(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        return Cipher(algorithms.AES(self._key), modes.CTR(nonce + b"\0\0\0\2")).decryptor().update(sealed[:-16])
