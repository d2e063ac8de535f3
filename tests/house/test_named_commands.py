"""Every command that a message, a page or a document names exists, with the verb and the options it names."""

import re
from pathlib import Path

import click
import pytest

from credmagic.cli.tree import tree

ROOT = Path(__file__).parents[2]
FILES = [
    *(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.js"), ROOT / "README.md", *(ROOT / "docs").glob("*.md"),
    *(ROOT / "notebooks").glob("*.ipynb"),
]  # fmt: skip
_COMMAND = re.compile(r"(?:%%?cred|(?<=: )credmagic|(?<=`)credmagic|(?<=^)credmagic) ([a-z]+(?:-[a-z]+)*)\b([^`\"\n]*)", re.M)
_NO_VERBS = {"cannot", "could"}
"""Words that follow `%cred` in prose."""


def named():
    for path in FILES:
        for verb, rest in _COMMAND.findall(path.read_text("utf-8")):
            if verb not in _NO_VERBS:
                yield path.relative_to(ROOT).as_posix(), verb, rest


def test_commands_are_found_in_messages_at_all():
    assert len(list(named())) > 60


@pytest.mark.parametrize(("path", "verb"), sorted({(path, verb) for path, verb, _ in named()}))
def test_a_verb_that_is_named_exists(path, verb):
    assert verb in tree.commands


def options(command, rest):
    """Of the verb, and in a group of the verb below it."""
    word = rest.split(maxsplit=1)
    if isinstance(command, click.Group) and word and word[0] in command.commands:
        return options(command.commands[word[0]], word[1] if len(word) > 1 else "")
    return {name for param in command.params for name in (*param.opts, *param.secondary_opts)}


def test_an_option_that_is_named_exists():
    missing = []
    for path, verb, rest in named():
        known = options(tree.commands[verb], rest) | {"--help"}
        words = re.split(r" -- |—|%cred|credmagic ", rest)[0]
        missing += [(path, verb, option) for option in re.findall(r"(?<= )--[a-z-]+", words) if option not in known]
    assert missing == []
