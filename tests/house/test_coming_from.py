"""Is docs/coming-from.md true: every verb, option, kind, field and test it names exists, and nothing is left out?"""

import ast
import re
from pathlib import Path

import click
import pytest

from credmagic.cli import operating
from credmagic.cli.tree import tree
from credmagic.kinds.fields import camel
from credmagic.kinds.registry import all_kinds, find_kind

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/coming-from.md").read_text("utf-8")
_SPAN = re.compile(r"`([^`]+)`")
_VERB = re.compile(r"(?:%cred|credmagic) ([a-z -]+)")
OPERATING = {command.name for command in vars(operating).values() if isinstance(command, click.Command)}
"""Verbs about the store itself; no other system has them."""
LOCAL = {"status", "kinds"}


def section(title):
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text=PAGE):
    """The cells of each row of each table, without the heads."""
    for line in re.sub(r"^\|.*\n\|-", "", text, flags=re.M).splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def leaves(group=tree, before=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


VERBS = dict(leaves())


def named():
    """Each verb that a cell names, with the options in the spans after it: `%cred use` `--wxo`."""
    for cells in rows():
        for cell in cells:
            verb = None
            for span in _SPAN.findall(cell):
                if found := _VERB.fullmatch(span):
                    verb = found[1]
                    yield verb, None
                elif verb and span.startswith("-"):
                    yield verb, span


def every_test():
    """Every test there is, as file.py::name."""
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield f"{file.name}::{node.name}"


def test_every_verb_and_option_that_is_named_exists():
    spelled = {verb: {o for p in c.params for o in (*p.opts, *p.secondary_opts)} for verb, c in VERBS.items()}

    assert {verb for verb, _ in named()} <= set(VERBS)
    assert [pair for pair in named() if pair[1] and pair[1] not in spelled[pair[0]]] == []


def test_every_verb_is_named():
    assert set(VERBS) - {verb for verb, _ in named()} - OPERATING - LOCAL == set()


@pytest.mark.parametrize("verb", sorted(verb for verb in VERBS if verb.startswith(("connection ", "machine "))))
def test_every_option_of_connections_and_machines_is_named(verb):
    options = {o for p in VERBS[verb].params if isinstance(p, click.Option) for o in (*p.opts, *p.secondary_opts)}
    everywhere = {"--remote"}  # stands once, in Unify's table
    assert options - {option for name, option in named() if name == verb} - everywhere == set()


def test_every_test_that_is_named_exists_and_every_row_names_one():
    known = set(every_test())
    wrong = [span for span in re.findall(r"`(test_\w+\.py::\w+)`", PAGE) if span not in known]
    without = [cells for cells in rows(PAGE.split("\n## Kinds and fields\n")[0]) if "::test_" not in cells[-1]]

    assert wrong == []
    assert without == []
    assert "::test_" not in section("Not yet")


def test_every_kind_with_every_field_and_name_is_there():
    def spans(names):
        return ", ".join(f"`{name}`" for name in names)

    def written(cls, spec):
        names = (*(cls.wire_name(face, spec.name) for face in ("datarobot", "orchestrate")), *spec.aliases)
        others = [name for name in dict.fromkeys(names) if name not in (spec.name, camel(spec.name))]
        return f"`{spec.name}`" + (f" ({spans(others)})" if others else "")

    expected = [
        [
            f"`{cls.kind}`",
            spans(dict.fromkeys([*cls.wire_kinds.values(), *cls.aliases])),
            ", ".join(written(cls, spec) for spec in cls.specs()),
        ]
        for cls in all_kinds()
    ]
    assert list(rows(section("Kinds and fields"))) == expected


def test_the_kinds_of_orchestrate_are_shared_as_the_classes_say():
    table = section("IBM watsonx Orchestrate: connections").split("### Kinds of connections")[1]
    shown = {_SPAN.findall(cells[0])[0]: [_SPAN.sub(r"\1", cell) for cell in cells[1:5]] for cells in rows(table)}

    for wire, cells in shown.items():
        cls = find_kind(wire)
        assert cells == [cls.kind, cls.runtime_scheme, ", ".join(cls.sharing), "yes" if cls.sso else "no"]
    assert {cls.wire_kinds["orchestrate"] for cls in all_kinds() if "orchestrate" in cls.wire_kinds} <= set(shown)


def test_a_kind_and_its_fields_that_a_row_names_exist():
    for cell in (cell for cells in rows() for cell in cells):
        for kind, fields in re.findall(r"kind `(\w+)`: (.*)", cell):
            assert [name for name in _SPAN.findall(fields) if find_kind(kind).spec(name) is None] == []
        for kinds in re.findall(r"kinds ((?:`\w+`(?:, )?)+)", cell):
            assert [find_kind(kind).kind for kind in _SPAN.findall(kinds)] == _SPAN.findall(kinds)
