"""Where do the published vectors come from? From here, with a stand-in for randomness: the same bytes each time.

    cd tests && python -m vectors.generate            writes tests/vectors/*.json

Once a format is released its vectors are frozen; a run that changes a file is then a change of the format. What a
vector expects is written down here by hand, and checked by the code and by `decoder.py` alike.
"""

import hashlib
import json
import unicodedata
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from credmagic.crypto import canonical, context, envelope, keyset, passphrase, recovery
from credmagic.crypto.entry import entry_info
from vectors import hpke_by_hand, two_keys

HERE = Path(__file__).parent


class Stream:
    """Bytes that look random and are the same in each run."""

    def __init__(self, seed):
        self._seed, self._at = seed, 0

    def __call__(self, size):
        self._at += 1
        return hashlib.shake_256(f"{self._seed} {self._at}".encode()).digest(size)


def flipped(data, at, mask=1):
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


# records.json: open one record with one key


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


# contexts.json: the bytes that say where a record lies


def hexed(values):
    return {name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in values.items()}


def contexts():
    stream = Stream("contexts")
    store_id, one, two = stream(16), stream(16), stream(16)
    rows = []

    def add(name, part, made, values):
        rows.append(
            {"name": name, "store_id": store_id.hex(), "part": part, "of": hexed(values), "context": made.hex()}
        )

    meta = {
        "credential_id": one, "owner_id": two, "environment": "live", "kind": "s3", "kind_version": 1,
        "status": "active", "current_version": 3, "revision": 7,
    }  # fmt: skip
    changes = [
        {}, {"environment": ""}, {"environment": "Prüfung"}, {"kind": "basic"}, {"kind_version": 2}, {"status": "paused"},
        {"current_version": (1 << 64) - 1}, {"revision": 0}, {"credential_id": two, "owner_id": one}, {"kind_version": (1 << 32) - 1},
    ]  # fmt: skip
    for change in changes:
        values = meta | change
        add(
            f"meta {'as it is' if not change else 'with another ' + ', '.join(change)}",
            "meta",
            context.meta_context(store_id, **values),
            values,
        )
    secret = {"credential_id": one, "owner_id": two, "kind": "s3", "kind_version": 1, "version": 1}
    for change in ({}, {"kind": "gcp"}, {"version": 2}, {"kind_version": 2}, {"owner_id": one}):
        values = secret | change
        add(
            f"secret {'as it is' if not change else 'with another ' + ', '.join(change)}",
            "secret",
            context.secret_context(store_id, **values),
            values,
        )
    for name, columns in (
        ("no columns", []), ("null", [None]), ("an empty text", [""]), ("empty bytes", [b""]), ("the number 1", [1]),
        ("the text 1", ["1"]), ("the byte 1", [b"1"]), ("true", [True]), ("minus one", [-1]), ("the smallest number", [-(1 << 63)]),
        ("two columns", ["a", "b"]), ("the same in one", ["ab"]), ("all of them", [one, "notebook", 1, None, "ä"]),
    ):  # fmt: skip
        made = context.row_context(store_id, "grants", one, columns, 1)
        cells = [{"hex": cell.hex()} if isinstance(cell, bytes) else cell for cell in columns]
        add(f"row: {name}", "row", made, {"table": "grants", "primary_key": one, "columns": cells, "revision": 1})
    for key_id, purpose, status in (
        (1, "record", "primary"),
        (1, "record", "retiring"),
        (2, "name", "primary"),
        (0xFFFFFFFE, "jwt", "primary"),
    ):
        made = context.key_context(store_id, key_id, purpose, status)
        add(f"key {key_id} {purpose} {status}", "key", made, {"id": key_id, "purpose": purpose, "status": status})
    for provider, parameters in (
        ("key_file", {}),
        ("passphrase", {"salt": "00ff", "memory_kib": 262144, "iterations": 3, "lanes": 1}),
        ("os_keyring", {"backend": "Größe", "a": {"z": None, "b": [True, 1.5]}}),
    ):
        made = context.slot_context(store_id, two, provider, parameters)
        add(f"slot of {provider}", "slot", made, {"slot_id": two, "provider": provider, "parameters": parameters})
    return rows


# stores.json: from a slot key to the records


def stores():
    stream = Stream("stores")
    store_id, slot_id, slot_key, root = stream(16), stream(16), stream(32), stream(32)
    slot = {"slot_id": slot_id, "provider": "key_file", "parameters": {"made_by": "vectors"}}
    slot["sealed"] = envelope.seal(
        slot_key, envelope.SLOT_KEY_ID, root, context.slot_context(store_id, *slot.values()), urandom=stream
    )
    wrap = envelope.subkey(root, b"wrap", store_id)
    keys, rows = {}, []

    def add_key(key_id, purpose, status="primary", header_id=0):
        keys[key_id] = stream(32)
        place = context.key_context(store_id, key_id, purpose, status)
        sealed = b"" if status == "destroyed" else envelope.seal(wrap, header_id, keys[key_id], place, urandom=stream)
        return {"id": key_id, "purpose": purpose, "status": status, "sealed": sealed}

    rows = [add_key(1, "record", "destroyed"), add_key(2, "record", "retiring"), add_key(7, "record")]
    rows += [add_key(n, purpose) for n, purpose in enumerate(("name", "pepper", "audit", "jwt"), start=3)]
    place = {"credential_id": stream(16), "owner_id": stream(16), "kind": "s3", "kind_version": 1}

    def record(key_id, version, obj):
        made = context.secret_context(store_id, **place, version=version)
        return {"part": "secret", "of": hexed(place | {"version": version}), "key_id": key_id, "object": obj} | {
            "record": envelope.seal(keys[key_id], key_id, canonical.dump(obj), made, urandom=stream).hex()
        }

    kept = [record(2, 1, {"secret_key": "älter"}), record(7, 2, {"secret_key": "neu"})]
    lost = [record(1, 3, {"secret_key": "weg"}) | {"refused": "key"}, kept[0] | {"of": kept[1]["of"], "refused": "tag"}]
    vectors = []

    def store(name, slot_key=slot_key, slot=slot, rows=rows, store_id=store_id, **expected):
        vectors.append({
            "name": name, "store_id": store_id.hex(), "slot_key": slot_key.hex(), "slot": hexed(slot),
            "data_keys": [hexed(row) for row in rows],
        } | expected)  # fmt: skip

    store("a store after a rotation", records=kept + lost)
    store("keys in another order", rows=rows[::-1], records=kept)
    store("another slot key", slot_key=stream(32), refused="commit")
    store("another store", store_id=stream(16), refused="tag")
    for field, value in (("slot_id", stream(16)), ("provider", "os_keyring"), ("parameters", {})):
        store(f"the slot's {field} changed", slot=slot | {field: value}, refused="tag")
    store("a slot that is a data key's record", slot=slot | {"sealed": rows[2]["sealed"]}, refused="key")
    for number, change in (
        (1, {"status": "primary"}), (2, {"status": "retiring"}), (3, {"purpose": "pepper"}), (4, {"id": 9}), (1, {"id": 1}),
        (5, {"sealed": rows[6]["sealed"]}),
    ):  # fmt: skip
        changed = [row | change if at == number else row for at, row in enumerate(rows)]
        store(f"key {rows[number]['id']} with another {', '.join(change)}", rows=changed, refused="tag")
    for number in range(2, 7):
        store(
            f"no {rows[number]['purpose']} key",
            rows=[row for at, row in enumerate(rows) if at != number],
            refused="key",
        )
    store("two primary record keys", rows=[*rows, add_key(8, "record")], refused="key")
    store("two primary name keys", rows=[*rows, add_key(9, "name")], refused="key")
    store("the same record key twice", rows=[*rows, rows[1]], refused="key")
    store("a data key under a record key's id", rows=[add_key(7, "record", header_id=2), *rows[3:]], refused="key")
    store("a blank key that is not destroyed", rows=[rows[0] | {"status": "retiring"}, *rows[1:]], refused="size")
    return vectors


# indexes.json, passphrases.json, recovery_keys.json, entries.json


def indexes():
    stream = Stream("indexes")
    key, owner = stream(32), stream(16)
    keys = keyset.Keyset(bytes(16), {1: bytearray(32)}, 1, {"name": bytearray(key), "audit": bytearray(key)})
    names = [
        ("", "warehouse"), ("live", "warehouse"), ("live", "WareHouse"), ("live", "ｗａｒｅｈｏｕｓｅ"), ("", "Straße"), ("", "STRASSE"),
        ("", "Å"), ("", unicodedata.normalize("NFD", "å")), ("", ""), ("", "İ"), ("", "ﬁle"), ("", "\ud800"), ("a", "b"), ("", "ab"),
    ]  # fmt: skip
    rows = [
        {
            "name": f"name {i}",
            "key": key.hex(),
            "owner_id": owner.hex(),
            "environment": environment,
            "of": name,
            "index": keys.name_index(owner, environment, name).hex(),
        }
        for i, (environment, name) in enumerate(names)
    ]
    objects = [
        ("notebook", "a/b.ipynb"),
        ("notebook", "A/B.ipynb"),
        ("kernelspec", "python3"),
        ("", ""),
        ("notebook", "\udcff.ipynb"),
    ]
    rows += [
        {
            "name": f"object {i}",
            "key": key.hex(),
            "object_type": kind,
            "object_id": of,
            "index": keys.object_index(kind, of).hex(),
        }
        for i, (kind, of) in enumerate(objects)
    ]
    mac = bytes(32)
    for seq, ts, body in ((1, 0, b""), (2, 1_700_000_000_000_000, b"{}"), (3, (1 << 64) - 1, stream(99))):
        row = {
            "name": f"audit {seq}",
            "key": key.hex(),
            "previous": mac.hex(),
            "seq": seq,
            "ts": ts,
            "body": body.hex(),
        }
        mac = keys.audit_mac(mac, seq, ts, body)
        rows.append(row | {"mac": mac.hex()})
    return rows


def passphrases():
    salt = Stream("passphrases")(16)
    floor = {"memory_kib": 65536, "iterations": 3, "lanes": 1}
    rows = []

    def add(name, passphrase, salt=salt, profile=floor, **expected):
        rows.append({"name": name, "passphrase": passphrase, "salt": salt.hex()} | profile | expected)

    for name, phrase in (
        ("plain", "correct horse battery"),
        ("composed", "Zürich-Genève-2000"),
        ("decomposed", unicodedata.normalize("NFD", "Zürich-Genève-2000")),
    ):
        add(name, phrase, key=passphrase.derive(phrase, salt, passphrase.Profile(**floor)).hex())
    for change in (
        {"memory_kib": 65535}, {"memory_kib": 0}, {"memory_kib": (1 << 20) + 1}, {"memory_kib": 1 << 40}, {"memory_kib": -1},
        {"iterations": 2}, {"iterations": 0}, {"iterations": 17}, {"iterations": 1 << 31}, {"lanes": 0}, {"lanes": 5}, {"lanes": 255},
    ):  # fmt: skip
        add(
            f"{next(iter(change))} {next(iter(change.values()))}",
            "correct horse battery",
            profile=floor | change,
            refused="parameters",
        )
    for size in (0, 15, 17):
        add(f"a salt of {size} bytes", "correct horse battery", salt=bytes(size), refused="parameters")
    return rows


def recovery_keys():
    stream = Stream("recovery")
    rows, texts = [], []
    for fixed in (stream(32), bytes(32), b"\xff" * 32, bytes.fromhex("0842108421" * 6 + "0842")):
        text, _ = recovery.new_recovery_key(urandom=lambda _, fixed=fixed: fixed)
        texts.append(str(text))
        rows.append({"name": f"key {len(texts)}", "text": str(text), "key": fixed.hex()})
    text = texts[0]
    loose = {"lower case": text.lower(), "no dashes": text.replace("-", ""), "spaces": f"  {text.replace('-', ' ')}\n"}
    rows += [{"name": name, "text": typed, "key": rows[0]["key"]} for name, typed in loose.items()]
    for digit, stand_in in (("0", "O"), ("1", "I"), ("1", "l"), ("0", "o")):
        rows.append(
            {"name": f"{stand_in} for {digit}", "text": texts[3].replace(digit, stand_in), "key": rows[3]["key"]}
        )
    typos = {
        "nothing": "",
        "a digit short": text[:-1],
        "a digit more": text + "0",
        "a U": "U" + text[1:],
        "no ASCII": "٣" + text[1:],
        "a sign": "+" + text[1:],
    }
    for at in range(0, len(text), 7):
        if text[at] != "-":
            typos[f"digit {at} mistyped"] = text[:at] + ("7" if text[at] != "7" else "8") + text[at + 1 :]
    typos["two digits swapped"] = next(
        text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        for at in range(50)
        if "-" not in text[at : at + 2] and text[at] != text[at + 1]
    )
    typos["two groups swapped"] = text[5:10] + text[:5] + text[10:]
    return rows + [{"name": name, "text": typed, "refused": "typo"} for name, typed in typos.items()]


def entries():
    stream = Stream("entries")
    private, foreign, ephemeral = (
        ec.derive_private_key(int.from_bytes(stream(32), "big") >> 1, ec.SECP256R1()) for _ in range(3)
    )
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    info = entry_info("kJ3wq0uEQpWx", "database")
    obj = {"name": "warehouse", "environment": "", "fields": {"host": "db", "password": "ä€😀"}}
    plain = canonical.dump(obj)

    def sealed(plaintext):
        return hpke_by_hand.seal(ephemeral, public, info, plaintext)

    def row(name, sealed, private=private, entry_id="kJ3wq0uEQpWx", kind="database", **expected):
        number = f"{private.private_numbers().private_value:064x}"
        return {
            "name": name,
            "private_key": number,
            "entry_id": entry_id,
            "kind": kind,
            "sealed": sealed.hex(),
        } | expected

    good = sealed(plain.ljust(256))
    rows = [
        row("a form", good, object=obj),
        row("without padding", sealed(plain), object=obj),
        row("an empty form", sealed(b"{}".ljust(256)), object={}),
    ]
    rows += [row(f"cut to {size} bytes", good[:size], refused="size") for size in (0, 1, 65, 81)]
    rows += [row(f"cut to {size} bytes", good[:size], refused="tag") for size in (82, len(good) - 16, len(good) - 1)]
    rows += [
        row(f"byte {at} changed", flipped(good, at), refused="tag")
        for at in (0, 1, 32, 33, 64, 65, 100, 200, len(good) - 1)
    ]
    rows += [
        row("a byte behind it", good + b"\0", refused="tag"),
        row("a foreign key", good, private=foreign, refused="tag"),
        row("another entry", good, entry_id="kJ3wq0uEQpWy", refused="tag"),
        row("another kind", good, kind="basic", refused="tag"),
        row("the border between id and kind moved", good, entry_id="kJ3wq0uEQpWxd", kind="atabase", refused="tag"),
        row("a point of zeros", b"\x04" + bytes(64) + good[65:], refused="tag"),
        row("the point at infinity", bytes(65) + good[65:], refused="tag"),
        row("a name twice", sealed(b'{"a":1,"a":2}'), refused="json"),
        row("a list", sealed(b"[1]"), refused="json"),
        row("no JSON", sealed(b" " * 256), refused="json"),
    ]
    return rows


FILES = {
    "records": records, "contexts": contexts, "stores": stores, "indexes": indexes, "passphrases": passphrases,
    "recovery_keys": recovery_keys, "entries": entries,
}  # fmt: skip


def text(name):
    """One file: a JSON list, a vector on each line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in FILES[name]())
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    for name in FILES:
        (HERE / f"{name}.json").write_text(text(name), encoding="ascii")
