"""How does one GCM ciphertext open under two keys? The attack that the commitment of format 1 is there to stop.

GCM's tag is linear in the ciphertext: whoever knows both keys solves for one block so that both tags agree. What
the record's padding asks besides (the same length field under both keys) costs a birthday search, done once:
`PAIRS` was found by `find_pairs`.
"""

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

START = b"CM\x01\x01" + (1).to_bytes(4, "big") + bytes(range(32))
PLAINTEXT_SIZE = 60  # fills its 64 bytes: no padding that would have to be zero under both keys
PAIRS = ((79581, 90180), (71858, 168010), (106903, 188323), (70298, 201091), (142018, 218015))
_BLOCK = 16
_FREE = 2  # the block of ciphertext that is solved for
_REDUCE = 0xE1 << 120


def candidate(number):
    """The attacker's n-th key."""
    return hashlib.sha256(b"two keys" + number.to_bytes(4, "big")).digest()


def cipher_and_commit_key(key, start=START):
    both = HKDFExpand(SHA256(), 64, b"credmagic/rec/v1" + start).derive(key)
    return both[:32], both[32:]


def key_stream(cipher_key, blocks):
    """The first counter blocks of GCM under the all-zero nonce, the tag's mask first."""
    counters = b"".join(bytes(12) + n.to_bytes(4, "big") for n in range(1, blocks + 2))
    return _ecb(cipher_key, counters)


def find_pairs(candidates=1 << 18):
    """Pairs of candidates under which the same ciphertext starts with the same length field."""
    seen, pairs = {}, []
    for number in range(candidates):
        start = key_stream(cipher_and_commit_key(candidate(number))[0], 1)[16:20]
        if (other := seen.setdefault(start, number)) != number:
            pairs.append((other, number))
    return pairs


def forge(cipher_keys, padded, aad):
    """Ciphertext and tag that open under both keys. Under the first to `padded`, but for one block."""
    streams = [key_stream(key, len(padded) // _BLOCK) for key in cipher_keys]
    hashes = [int.from_bytes(_ecb(key, bytes(_BLOCK)), "big") for key in cipher_keys]
    body = bytearray(a ^ b for a, b in zip(padded, streams[0][_BLOCK:], strict=True))
    body[_FREE * _BLOCK : (_FREE + 1) * _BLOCK] = bytes(_BLOCK)
    tags = [_tag(h, stream, aad, bytes(body)) for h, stream in zip(hashes, streams, strict=True)]
    exponent = len(padded) // _BLOCK - _FREE + 1
    factor = _power(hashes[0], exponent) ^ _power(hashes[1], exponent)
    free = _times(tags[0] ^ tags[1], _power(factor, (1 << 128) - 2))
    body[_FREE * _BLOCK : (_FREE + 1) * _BLOCK] = free.to_bytes(_BLOCK, "big")
    return bytes(body) + _tag(hashes[0], streams[0], aad, bytes(body)).to_bytes(_BLOCK, "big")


def _ecb(key, blocks):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


def _tag(h, stream, aad, body):
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(body)).to_bytes(8, "big")
    state = 0
    for data in (aad, body, lengths):
        for at in range(0, len(data), _BLOCK):
            state = _times(state ^ int.from_bytes(data[at : at + _BLOCK].ljust(_BLOCK, b"\0"), "big"), h)
    return state ^ int.from_bytes(stream[:_BLOCK], "big")


def _times(x, y):
    """The product in GF(2^128), in GCM's bit order."""
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (_REDUCE if y & 1 else 0)
    return product


def _power(x, exponent):
    result = 1 << 127  # one, in GCM's bit order
    while exponent:
        if exponent & 1:
            result = _times(result, x)
        x, exponent = _times(x, x), exponent >> 1
    return result
