"""Which bytes does a context have, and which stores open from their slot key? (contexts.json, stores.json)"""

from credmagic.crypto import canonical, context, envelope
from vectors.stream import Stream


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
