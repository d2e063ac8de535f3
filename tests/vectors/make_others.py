"""Indexes, audit links, passphrases, recovery keys, entries: what do they give? (the files of those names)"""

import unicodedata

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from credmagic.crypto import canonical, keyset, passphrase, recovery
from credmagic.crypto.entry import entry_info
from vectors import hpke_by_hand
from vectors.stream import Stream, flipped


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
    mac = b""
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
