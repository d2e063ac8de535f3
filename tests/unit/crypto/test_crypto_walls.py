"""Does cryptography stay in its house? Only crypto/ composes ciphers, and crypto/ knows only what lies below it."""

import ast
from pathlib import Path

import pytest

import credmagic

ROOT = Path(credmagic.__file__).parent
CIPHERS = tuple(f"cryptography.hazmat.primitives.{name}" for name in ("ciphers", "kdf.hkdf", "hpke"))
BELOW = {"errors", "values", "plugins", "settings", "masking", "crypto"}


def imports(source):
    """Every module (and name in it) a source imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ciphers_in(source):
    return [name for name in imports(source) if name.startswith(CIPHERS)]


def strangers_in(source):
    own = [name.split(".")[1] for name in imports(source) if name.startswith("credmagic.")]
    return [name for name in own if name not in BELOW]


def test_only_crypto_imports_ciphers():
    outside = [path for path in ROOT.rglob("*.py") if ROOT / "crypto" not in path.parents]

    assert {
        str(path.relative_to(ROOT)): found for path in outside if (found := ciphers_in(path.read_text("utf-8")))
    } == {}


def test_crypto_imports_only_what_lies_below():
    inside = list((ROOT / "crypto").glob("*.py"))

    assert len(inside) >= 8
    assert {path.name: found for path in inside if (found := strangers_in(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    "source",
    ["from cryptography.hazmat.primitives.ciphers.aead import AESGCM", "def f():\n    import cryptography.hazmat.primitives.hpke",
     "from cryptography.hazmat.primitives import hpke", "from cryptography.hazmat.primitives.kdf.hkdf import HKDF"],
)  # fmt: skip
def test_control_a_planted_cipher_is_found(source):
    assert ciphers_in(source)


def test_control_a_planted_stranger_is_found():
    assert strangers_in("from credmagic.kinds.base import CredentialKind") == ["kinds"]
