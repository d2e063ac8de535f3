"""Can a stranger read a store with docs/format.md alone? This decoder was written from that page.

It imports nothing of credmagic and is, imports aside, at most 100 lines of code. Section numbers are those of the page.
"""

import hashlib
import hmac
import json
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CANONICAL = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PARTS = {
    "meta": "credential_id owner_id environment kind u32:kind_version status u64:current_version u64:revision",
    "secret": "credential_id owner_id kind u32:kind_version u64:version",
    "row": "table primary_key columns u64:revision",
    "key": "u32:id purpose status",
    "slot": "slot_id provider parameters",
}


class Refused(Exception):
    """With the short code of §2, or a word of its own where the page gives none."""


def check(right, code):
    if not right:
        raise Refused(code)


# §1 words and small encodings


def mac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def tlv(*parts):
    return b"".join(b"\xff" * 4 if p is None else len(p).to_bytes(4, "big") + p for p in parts)


def unique_names(pairs):
    return dict(pairs) if len(dict(pairs)) == len(pairs) else check(False, "json")


def json_object(data):
    try:  # dict() refuses NaN and Infinity
        found = json.loads(str(data, "utf-8"), object_pairs_hook=unique_names, parse_constant=dict)
    except (ValueError, RecursionError):
        raise Refused("json") from None
    check(isinstance(found, dict), "json")
    return found


# §2 a sealed record: `keys` maps a key_id to its key


def padded_size(size):
    exponent = size.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return max(64, -(-size // step) * step)


def open_record(keys, r, ctx):
    check(88 <= len(r) <= 1_081_432, "size")
    check(r[:2] == b"CM", "magic")
    check(r[2] == 1, "format")
    check(r[3] == 1, "suite")
    key = keys.get(int.from_bytes(r[4:8], "big"), b"")
    check(len(key) == 32, "key")
    both = HKDFExpand(SHA256(), 64, b"credmagic/rec/v1" + r[:40]).derive(key)
    check(hmac.compare_digest(mac(both[32:], b"credmagic/commit/v1" + r[:40]), r[40:72]), "commit")
    try:
        padded = AESGCM(both[:32]).decrypt(bytes(12), r[72:], tlv(b"credmagic/aad/v1", r[:72], ctx))
    except InvalidTag:
        raise Refused("tag") from None
    end = 4 + int.from_bytes(padded[:4], "big")
    check(end - 4 <= 1 << 20 and len(padded) == padded_size(end) and not any(padded[end:]), "padding")
    return padded[4:end]


# §3 the context; bytes are written {"hex": …} in the JSON of the vectors


def encoded(value, size=None):
    if isinstance(value, int):
        return value.to_bytes(size, "big")
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()


def column(cell):
    if isinstance(cell, int):
        return b"i" + int(cell).to_bytes(8, "big", signed=True)
    return None if cell is None else (b"b" if isinstance(cell, dict) else b"s") + encoded(cell)


def context(store_id, part, of):
    parts = []
    for field in PARTS[part].split():
        size, _, name = field.rpartition(":")
        if name == "columns":
            parts += map(column, of["columns"])
        elif name == "parameters":
            parts.append(json.dumps(of[name], **CANONICAL).encode())
        else:
            parts.append(encoded(of[name], {"u32": 4, "u64": 8}.get(size)))
    return tlv(b"credmagic/ctx/v1", store_id, part.encode(), *parts)


# §4 keys: the record keys by id, and each purpose's primary key


def open_store(store_id, slot_key, slot, rows):
    root = open_record({0xFFFFFFFF: slot_key}, encoded(slot["sealed"]), context(store_id, "slot", slot))
    wrap = HKDFExpand(SHA256(), 32, b"credmagic/v1/wrap" + store_id).derive(root)
    live = [row for row in rows if row["status"] != "destroyed"]
    keys = [open_record({0: wrap}, encoded(row["sealed"]), context(store_id, "key", row)) for row in live]
    records = [(row["id"], key) for row, key in zip(live, keys, strict=True) if row["purpose"] == "record"]
    primary = [(row["purpose"], key) for row, key in zip(live, keys, strict=True) if row["status"] == "primary"]
    check(len(dict(records)) == len(records), "key")
    check(sorted(p for p, _ in primary) == ["audit", "jwt", "name", "pepper", "record"], "key")
    return dict(records), dict(primary)


# §5 blind indexes and the audit chain


def index(key, *texts):
    parts = [text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass") for text in texts]
    return mac(key, tlv(*parts))[:16]


def name_index(key, owner_id, environment, name):
    return index(key, owner_id, environment, unicodedata.normalize("NFKC", name).casefold())


def audit_mac(key, previous, seq, ts, body):
    return mac(key, tlv(previous, encoded(seq, 8), encoded(ts, 8), body))


# §6 to §8 passphrase, recovery key, entry


def passphrase_key(passphrase, salt, m, t, p):
    check(1 << 16 <= m <= 1 << 20 and 3 <= t <= 16 and 1 <= p <= 4 and len(salt) == 16, "parameters")
    kdf = Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m)
    return kdf.derive(unicodedata.normalize("NFKC", passphrase).encode())


def recovery_key(text):
    digits = "".join(text.upper().translate(str.maketrans("ILO", "110", "-")).split())
    check(len(digits) == 56 and not set(digits) - set(DIGITS), "typo")
    raw = sum(DIGITS.index(d) << 5 * i for i, d in enumerate(reversed(digits))).to_bytes(35, "big")
    check(hashlib.sha256(b"credmagic/recovery/v1" + raw[:32]).digest()[:3] == raw[32:], "typo")
    return raw[:32]


def open_entry(private_key, sealed, entry_id, kind):
    check(81 < len(sealed) <= (1 << 20) + 81, "size")
    info = b"credmagic/entry/v1" + tlv(entry_id.encode(), kind.encode())
    try:
        plain = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM).decrypt(sealed, private_key, info)
    except (InvalidTag, ValueError):
        raise Refused("tag") from None
    return json_object(plain)
