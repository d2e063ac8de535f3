"""Rules of the house that no linter knows."""

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import credmagic
from credmagic.plugins import Registry

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src/credmagic").rglob("*.py"))
KINDS = Registry("credmagic.kinds").names()


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_exported_name_is_there_and_nothing_else_is_exported():
    for name in credmagic.__all__:
        assert getattr(credmagic, name) is not None
    errors = {
        name for name, value in vars(importlib.import_module("credmagic.errors")).items()
        if isinstance(value, type) and issubclass(value, credmagic.CredmagicError)
    } - {"NotFound", "Conflict"}  # fmt: skip
    assert errors <= set(credmagic.__all__)


def test_every_module_says_which_question_it_answers():
    silent = [path.name for path in SOURCES if path.stat().st_size and not ast.get_docstring(tree(path))]
    assert silent == []


def test_no_kind_is_named_outside_the_kinds():
    """`if kind == "s3"` anywhere else would bend the design: the kind's class says it once."""
    found = []
    for path in SOURCES:
        if path.is_relative_to(ROOT / "src/credmagic/kinds") or {"demo", "testing"} & set(path.parts):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Compare | ast.MatchValue):
                constants = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
                found += [f"{path.name}:{node.lineno}" for value in constants if value in KINDS]
    assert found == []


def test_only_crypto_touches_ciphers():
    pattern = re.compile(r"\b(AESGCM|HKDF\w*|hpke|Argon2id|AESSIV|ChaCha20)\b")
    found = [
        str(path.relative_to(ROOT)) for path in SOURCES
        if "crypto" not in path.parts
        for line in path.read_text(encoding="utf-8").splitlines()
        if "import" in line and pattern.search(line)
    ]  # fmt: skip
    assert found == []


def test_models_are_never_built_around_their_checks():
    """But one: what leaves the vault is cut out of a checked model, and lacks what such a model must have."""
    found = [
        path.name for path in SOURCES if path.name != "token_kind.py"
        if re.search(r"\.model_construct\(|\.model_copy\(update", path.read_text(encoding="utf-8"))
    ]  # fmt: skip
    assert found == []


def test_load_ext_and_use_import_nothing_heavy(home):
    """The kernel side stays light: a cell that uses a credential pays for no toolkit."""
    program = """
import sys, json, os
from IPython.core.interactiveshell import InteractiveShell
ip = InteractiveShell()
before = set(sys.modules)
ip.run_line_magic("load_ext", "credmagic")
after_load = set(sys.modules) - before
import credmagic
value = credmagic.use("demo")["password"]
after_use = set(sys.modules) - before
print(json.dumps([sorted(after_load), sorted(after_use), len(value)]))
"""
    from credmagic.wiring import local_client

    client = local_client()
    client.call("create", name="demo", kind="basic", fields={"user": "ada", "password": "Kanari-1234567"})
    client.close()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    after_load, after_use, length = json.loads(done.stdout.splitlines()[-1])
    assert length == len("Kanari-1234567")
    heavy = {"click", "pydantic", "sqlalchemy", "alembic", "ipywidgets", "anywidget", "rich", "requests", "httpx2", "keyring"}
    assert heavy.isdisjoint(name.partition(".")[0] for name in after_load)
    assert "cryptography" not in {name.partition(".")[0] for name in after_load}
    assert heavy.isdisjoint(name.partition(".")[0] for name in after_use)


@pytest.mark.parametrize("group", ["kinds", "key_providers", "injectors", "probes", "exchanges", "clients"])
def test_every_built_in_plug_in_imports(group):
    registry = Registry(f"credmagic.{group}")
    assert dict(registry.items()).keys() == set(registry.names())
    assert registry.broken == {}
