"""What stands in for randomness, so that the vectors have the same bytes in each run?"""

import hashlib


class Stream:
    """Bytes that look random and are the same in each run."""

    def __init__(self, seed):
        self._seed, self._at = seed, 0

    def __call__(self, size):
        self._at += 1
        return hashlib.shake_256(f"{self._seed} {self._at}".encode()).digest(size)


def flipped(data, at, mask=1):
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
