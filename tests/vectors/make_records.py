"""Which records open with one key, and which are refused for which reason? (records.json)"""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from credmagic.crypto import envelope
from vectors import two_keys
from vectors.stream import Stream, flipped


def records():
    stream = Stream("records")
    key, place = stream(32), stream(40)

    def row(name, record, *, key=key, context=place, key_id=1, **expected):
        return {
            "name": name,
            "key_id": key_id,
            "key": key.hex(),
            "context": context.hex(),
            "record": record.hex(),
        } | expected

    def sealed(plaintext, key_id=1):
        return envelope.seal(key, key_id, plaintext, place, urandom=stream)

    rows = []
    for size in (0, 1, 2, 59, 60, 61, 64, 68, 92, 93, 124, 125, 188, 189, 252, 253, 300, 508, 509, 1020, 1021, 4092):
        plaintext = stream(size)
        rows.append(row(f"{size} bytes", sealed(plaintext), plaintext=plaintext.hex()))
    rows.append(
        row("an object", sealed('{"a":"ä","b":[1,true,null]}'.encode()), object={"a": "ä", "b": [1, True, None]})
    )
    rows.append(row("an object with spaces", sealed(b' {"b": 1 ,\n"a": 2} '), object={"a": 2, "b": 1}))
    rows.append(row("an empty object", sealed(b"{}"), object={}))

    good = sealed(b'{"password":"correct horse"}')
    for size in (0, 1, 2, 4, 8, 40, 72, 87):
        rows.append(row(f"cut to {size} bytes", good[:size], refused="size"))
    for size in (88, 100, len(good) - 16, len(good) - 1):
        rows.append(row(f"cut to {size} bytes", good[:size], refused="tag"))
    for name, more in (("a zero byte", b"\0"), ("16 zero bytes", bytes(16)), ("itself", good)):
        rows.append(row(f"{name} behind it", good + more, refused="tag"))
    rows.append(row("a byte before it", b"C" + good, refused="magic"))
    rows.append(row("other magic", b"cm" + good[2:], refused="magic"))
    rows.append(row("format 0", flipped(good, 2, 1), refused="format"))
    rows.append(row("format 2", flipped(good, 2, 3), refused="format"))
    rows.append(row("suite 0", flipped(good, 3, 1), refused="suite"))
    rows.append(row("suite 2", flipped(good, 3, 3), refused="suite"))
    rows.append(row("another key_id", flipped(good, 7, 3), refused="key"))
    rows.append(row("another key_id, and it is known", flipped(good, 7, 3), key_id=2, refused="commit"))
    rows.append(row("a key of 31 bytes", good, key=key[:31], refused="key"))
    rows.append(row("a key of 33 bytes", good, key=key + b"\0", refused="key"))
    rows.append(row("another key", good, key=stream(32), refused="commit"))
    rows.append(row("a key that differs in one bit", good, key=flipped(key, 31, 128), refused="commit"))
    rows += [row(f"byte {at} of the salt", flipped(good, at, 1 << at % 8), refused="commit") for at in range(8, 40, 3)]
    rows += [
        row(f"byte {at} of the commitment", flipped(good, at, 1 << at % 8), refused="commit") for at in range(40, 72, 3)
    ]
    rows += [
        row(f"byte {at} of ciphertext or tag", flipped(good, at, 1 << at % 8), refused="tag")
        for at in range(72, len(good), 5)
    ]
    rows.append(row("no context", good, context=b"", refused="tag"))
    rows.append(row("a longer context", good, context=place + b"\0", refused="tag"))
    rows.append(row("a context that differs in one bit", good, context=flipped(place, 0), refused="tag"))
    rows += [row(name, raw(key, place, stream, padded), refused="padding") for name, padded in wrong_paddings()]
    rows += [row(name, sealed(plaintext), refused="json") for name, plaintext in wrong_json()]
    return [*rows, *two_key_records(row, place)]


def raw(key, place, stream, padded):
    """A record of any padded bytes: what only somebody with the key could make."""
    start = b"CM\x01\x01\x00\x00\x00\x01" + stream(32)
    cipher_key, commit_key = two_keys.cipher_and_commit_key(key, start)
    header = start + envelope._commitment(commit_key, start)
    return header + AESGCM(cipher_key).encrypt(bytes(12), padded, envelope._aad(header, place))


def wrong_paddings():
    def padded(length, body, size):
        return (length.to_bytes(4, "big") + body).ljust(size, b"\0")

    yield "nothing at all", b""
    yield "a length alone", padded(0, b"", 4)
    yield "63 bytes in place of 64", padded(2, b"{}", 63)
    yield "65 bytes in place of 64", padded(2, b"{}", 65)
    yield "72 bytes in place of 64", padded(2, b"{}", 72)
    yield "a step of Padme too many", padded(66, b"x" * 66, 80)
    yield "a length one beyond the bytes", padded(61, b"x" * 60, 64)
    yield "a length far beyond the bytes", padded(0xFFFFFFFF, b"x" * 60, 64)
    yield "a length over 1 MiB", padded((1 << 20) + 1, b"x" * 60, 64)
    yield "a last byte that is not zero", padded(2, b"{}", 63) + b"\x01"
    yield "a first byte that is not zero", padded(2, b"{}\x80", 64)


def wrong_json():
    yield "no JSON: empty", b""
    yield "no object: a list", b"[]"
    yield "no object: a text", b'"a"'
    yield "no object: null", b"null"
    yield "two objects", b"{}{}"
    yield "an object cut short", b'{"a":1'
    yield "a trailing comma", b'{"a":1,}'
    yield "a name twice", b'{"a":1,"a":1}'
    yield "a name twice, once escaped", b'{"a":1,"\\u0061":2}'
    yield "a name twice, deep inside", b'{"a":[{"b":{"c":1,"c":2}}]}'
    yield "a byte order mark", b"\xef\xbb\xbf{}"
    yield "no UTF-8", b'{"a":"\xff"}'
    yield "half a surrogate pair in UTF-8", b'{"a":"\xed\xa0\x80"}'
    yield "UTF-16", '{"a":1}'.encode("utf-16-le")
    yield "not a number", b'{"a":NaN}'
    yield "infinity", b'{"a":-Infinity}'
    yield "too deep to be read", b'{"a":' + b"[" * 20_000


def two_key_records(row, place):
    for number, pair in enumerate(two_keys.PAIRS):
        first, second = map(two_keys.candidate, pair)
        cipher_keys = [two_keys.cipher_and_commit_key(key)[0] for key in (first, second)]
        header = two_keys.START + envelope._commitment(two_keys.cipher_and_commit_key(first)[1], two_keys.START)
        padded = (60).to_bytes(4, "big") + f"ciphertext {number} that opens under two keys".encode().ljust(60, b".")
        record = header + two_keys.forge(cipher_keys, padded, envelope._aad(header, place))
        yield row(f"two keys, {number}: the first", record, key=first, plaintext=opened(cipher_keys[0], record, place))
        yield row(f"two keys, {number}: the second", record, key=second, refused="commit")


def opened(cipher_key, record, place):
    return AESGCM(cipher_key).decrypt(bytes(12), record[72:], envelope._aad(record[:72], place))[4:].hex()
