"""Can every `%cred` line in the examples of README and docs be pasted as it stands?"""

import re
from pathlib import Path

import click
import pytest

from credmagic.cli.door import Door
from credmagic.cli.tree import tree
from credmagic.magics.words import COMMAND, words

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
LINES = sorted(
    {
        match["words"]
        for page in PAGES
        for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        for match in COMMAND.finditer(block)
        if match["command"].endswith("%cred")
    }
)


def parsed(group, context, typed):
    """Click's own reading of a line; raises `UsageError` for what it does not understand."""
    name, command, rest = group.resolve_command(context, typed)
    inner = command.make_context(name, list(rest), parent=context)
    return parsed(command, inner, rest) if isinstance(command, click.Group) else inner


def test_there_are_examples():
    assert len(LINES) > 12


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_understood(line):
    typed = [word.text for word in words(line)]
    if typed:
        assert parsed(tree, click.Context(tree, info_name="%cred", obj=Door()), typed).params
