"""Do the published vectors, the code and a decoder that knows only docs/format.md agree?

Each vector is checked twice, by credmagic and by `vectors/decoder.py`, and must get the same bytes or the same refusal.
"""

import ast
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from credmagic.crypto import canonical, context, entry, envelope, keyset, passphrase, recovery
from credmagic.errors import InvalidCredential, SealBroken, VaultLocked
from vectors import decoder, generate

VECTORS = Path(decoder.__file__).parent
unhex = bytes.fromhex


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="ascii"))


def each(name):
    return pytest.mark.parametrize("vector", [pytest.param(row, id=row["name"]) for row in load(name)])


def outcome(act, *args):
    """What came out, or the code of the refusal."""
    try:
        return act(*args)
    except (decoder.Refused, SealBroken) as refusal:
        return refusal.reason if isinstance(refusal, SealBroken) else str(refusal)


def bare(values):
    """Vectors write bytes as {"hex": …}."""
    return {k: unhex(v["hex"]) if isinstance(v, dict) and set(v) == {"hex"} else v for k, v in values.items()}


def made_context(store_id, part, of):
    """The same context by credmagic's own functions."""
    of = bare(of)
    if part == "row":
        cells = [unhex(cell["hex"]) if isinstance(cell, dict) else cell for cell in of["columns"]]
        return context.row_context(store_id, of["table"], of["primary_key"], cells, of["revision"])
    if part in ("meta", "secret"):
        return getattr(context, f"{part}_context")(store_id, **of)
    return getattr(context, f"{part}_context")(store_id, *(v for name, v in of.items() if name != "sealed"))


@each("records")
def test_a_record_opens_or_is_refused_as_published(vector):
    key, place, record = unhex(vector["key"]), unhex(vector["context"]), unhex(vector["record"])
    keys = keyset.Keyset(b"", {vector["key_id"]: bytearray(key)}, vector["key_id"], {"name": bytearray(32)})

    def by_credmagic():
        if "object" in vector or vector.get("refused") == "json":
            return keys.open(place, record)
        return envelope.unseal(keys._record_key(envelope.key_id_of(record)), record, place)

    def by_decoder():
        plaintext = decoder.open_record({vector["key_id"]: key}, record, place)
        return decoder.json_object(plaintext) if "plaintext" not in vector else plaintext

    expected = vector.get("refused") or vector.get("object")
    if "plaintext" in vector:
        expected = unhex(vector["plaintext"])
    assert [outcome(by_credmagic), outcome(by_decoder)] == [expected, expected]


@each("contexts")
def test_a_context_has_the_published_bytes(vector):
    of = vector["store_id"], vector["part"], vector["of"]
    made = [make(unhex(of[0]), *of[1:]).hex() for make in (made_context, decoder.context)]
    assert made == [vector["context"]] * 2


@each("stores")
def test_a_store_opens_or_is_refused_as_published(vector):
    store_id, slot_key, slot = unhex(vector["store_id"]), unhex(vector["slot_key"]), bare(vector["slot"])

    def by_credmagic():
        root = keyset.unwrap_root(
            slot_key, slot["sealed"], store_id, slot["slot_id"], slot["provider"], slot["parameters"]
        )
        return keyset.Keyset.unlock(store_id, root, [keyset.SealedKey(**bare(row)) for row in vector["data_keys"]])

    def by_decoder():
        return decoder.open_store(store_id, slot_key, vector["slot"], vector["data_keys"])

    ours, theirs = outcome(by_credmagic), outcome(by_decoder)
    if "refused" in vector:
        assert [ours, theirs] == [vector["refused"]] * 2
        return
    for row in vector["records"]:
        record, expected = unhex(row["record"]), row.get("refused", row["object"])
        assert outcome(ours.open, made_context(store_id, row["part"], row["of"]), record) == expected
        plain = outcome(decoder.open_record, theirs[0], record, decoder.context(store_id, row["part"], row["of"]))
        assert (plain if "refused" in row else decoder.json_object(plain)) == expected


@each("indexes")
def test_an_index_has_the_published_bytes(vector):
    key = unhex(vector["key"])
    keys = keyset.Keyset(b"", {1: bytearray(32)}, 1, {"name": bytearray(key), "audit": bytearray(key)})
    if "mac" in vector:
        of = unhex(vector["previous"]), vector["seq"], vector["ts"], unhex(vector["body"])
        ours, theirs, expected = keys.audit_mac(*of), decoder.audit_mac(key, *of), vector["mac"]
    elif "owner_id" in vector:
        of = unhex(vector["owner_id"]), vector["environment"], vector["of"]
        ours, theirs, expected = keys.name_index(*of), decoder.name_index(key, *of), vector["index"]
    else:
        of = vector["object_type"], vector["object_id"]
        ours, theirs, expected = keys.object_index(*of), decoder.index(key, *of), vector["index"]
    assert [ours.hex(), theirs.hex()] == [expected] * 2


@each("passphrases")
def test_a_passphrase_gives_the_published_key(vector):
    of = vector["memory_kib"], vector["iterations"], vector["lanes"]
    phrase, salt = vector["passphrase"], unhex(vector["salt"])
    if "refused" in vector:
        with pytest.raises(VaultLocked):
            passphrase.derive(phrase, salt, passphrase.Profile(*of))
        assert outcome(decoder.passphrase_key, phrase, salt, *of) == "parameters"
        return
    assert passphrase.derive(phrase, salt, passphrase.Profile(*of)).hex() == vector["key"]
    assert decoder.passphrase_key(phrase, salt, *of).hex() == vector["key"]


@each("recovery_keys")
def test_a_recovery_key_is_read_as_published(vector):
    if "refused" in vector:
        with pytest.raises(InvalidCredential):
            recovery.parse_recovery_key(vector["text"])
        assert outcome(decoder.recovery_key, vector["text"]) == "typo"
        return
    assert recovery.parse_recovery_key(vector["text"]).hex() == vector["key"]
    assert decoder.recovery_key(vector["text"]).hex() == vector["key"]


@each("entries")
def test_an_entry_opens_or_is_refused_as_published(vector):
    private, sealed = ec.derive_private_key(int(vector["private_key"], 16), ec.SECP256R1()), unhex(vector["sealed"])
    info = entry.entry_info(vector["entry_id"], vector["kind"])
    ours = outcome(entry.open_entry, private, sealed, info)
    theirs = outcome(decoder.open_entry, private, sealed, vector["entry_id"], vector["kind"])
    assert [ours, theirs] == [vector.get("refused", vector.get("object"))] * 2


@pytest.mark.parametrize("name", generate.FILES)
def test_the_published_vectors_are_what_the_generator_writes(name):
    """A difference is a change of the format: never for a released one."""
    assert generate.text(name) == (VECTORS / f"{name}.json").read_text(encoding="ascii")


def test_there_are_at_least_200_vectors_of_which_120_must_fail():
    rows = [row for name in generate.FILES for row in load(name)]
    assert len(rows) >= 200
    assert sum("refused" in row for row in rows) >= 120


def test_the_decoder_is_small_and_independent():
    """100 lines of code besides the imports, and nothing of credmagic in it."""
    source = Path(decoder.__file__).read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(source)))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    skipped = {line for node in imports for line in range(node.lineno, node.end_lineno + 1)}
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.update(range(node.lineno, node.end_lineno + 1))
    lines = enumerate(source.splitlines(), start=1)
    code = [line for at, line in lines if at not in skipped and line.strip() and not line.strip().startswith("#")]
    assert len(code) <= 100
    imported = {getattr(node, "module", None) or node.names[0].name for node in imports}
    assert {name.split(".")[0] for name in imported} == {"cryptography", "hashlib", "hmac", "json", "unicodedata"}


def test_json_is_written_canonically():
    assert (
        canonical.dump({"b": 1, "ä": "\u2028/\x07", "a": [1.5, None]})
        == '{"a":[1.5,null],"b":1,"ä":"\u2028/\\u0007"}'.encode()
    )
