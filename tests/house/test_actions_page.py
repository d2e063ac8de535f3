"""Does the table of actions in docs/architecture.md say what `vault/actions.py` serves?"""

import inspect
import re
from pathlib import Path

import pytest

from credmagic.vault.actions import ACTIONS

PAGE = Path(__file__).parents[2] / "docs/architecture.md"
_NAME = re.compile(r"([a-z_]+)(\{\})?(\?(?:\{\})?|=.*)?")


def rows():
    """Name → the cell of parameters; a row may speak of two actions, then with a cell for each or one for both."""
    found = {}
    table = PAGE.read_text("utf-8").split("| action |", 1)[1].split("\n\n", 1)[0]
    for line in table.splitlines()[2:]:
        names, parameters = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:3])
        names = re.findall(r"`([a-z_]+)`", names)
        cells = parameters.split("·")
        for name, cell in zip(names, cells if len(cells) == len(names) else cells * len(names), strict=True):
            assert name not in found, f"{name} is there twice"
            found[name] = cell
    return found


def written(cell):
    """Parameter → how its default is written: "" for a required one, `?` for none, else the value."""
    found = {}
    for word in re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", cell)):
        name, _, rest = _NAME.fullmatch(word).groups()
        found[name] = (rest or "").removesuffix("{}").removeprefix("=")
    return found


def served(action):
    """The same of the function."""
    return {name: default(parameter.default) for name, parameter in action.parameters.items()}


def default(value):
    if value is inspect.Parameter.empty:
        return ""
    if value is None:
        return "?"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(value) or "[]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def test_every_action_is_in_the_table_and_no_other():
    assert set(rows()) == set(ACTIONS)


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_an_action_has_exactly_the_parameters_of_its_row(name):
    cell = rows().get(name)
    assert cell is not None, f"{name} is not in the table of docs/architecture.md"
    assert written(cell) == served(ACTIONS[name])
