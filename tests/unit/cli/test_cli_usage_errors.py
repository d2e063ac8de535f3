"""Does a mistyped command ever show what was typed?"""

import pytest

from credmagic import api
from credmagic.cli.door import Door
from credmagic.cli.tree import run
from credmagic.cli.usage import UsageError

SECRET = "hunter2-kanari"


@pytest.fixture(autouse=True)
def store(home):
    yield
    api.close()


def refused(*words):
    with pytest.raises(UsageError) as caught:
        run(words, Door())
    error = caught.value
    chain = [error, error.__cause__, error.__context__]
    assert SECRET not in "".join(f"{e} {e!r} {getattr(e, '__dict__', '')}" for e in chain if e)
    return "\n".join(error.lines())


@pytest.mark.parametrize(
    "words",
    [
        [SECRET],
        ["show", "a", SECRET],
        ["show", f"--{SECRET}", "a"],
        ["list", "--limit", SECRET],
        ["use", "a", "--version", SECRET],
        ["audit", "--limit", SECRET],
        ["rename", "a", "b", SECRET],
        ["use", "a", "as", SECRET],
        ["attach", "a", "b", "c", SECRET],
        ["run", SECRET],
    ],
)
def test_no_usage_error_repeats_the_input(words):
    """Nor does its context: Click's own error, which quotes, is not chained."""
    assert "Help: " in refused(*words) or "credmagic" in refused(*words)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("uze", "use"), ("lst", "list"), ("Show", "show"), ("rotat", "rotate"), ("delete-all", None)],
)
def test_an_unknown_verb_is_answered_with_the_closest(typed, meant):
    said = refused(typed)

    assert (f"Did you mean {meant}" in said) if meant else ("All verbs: credmagic --help" in said)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("--exprot", "--export"), ("--environment", "--env"), ("--environ", "--export"), ("--vers", "--version")],
)
def test_slips_between_env_and_export_are_told_apart(typed, meant):
    assert meant in refused("use", "a", typed)


def test_a_missing_argument_is_named():
    assert "NAME is missing" in refused("show")
    assert "--kind is missing" in refused("add", "x")


def test_a_number_says_that_it_must_be_one():
    assert "--limit must be a whole number" in refused("list", "--limit", "many")


def test_an_option_without_its_value_says_so():
    assert "--env needs a value" in refused("show", "a", "--env")


def test_help_is_no_error(capsys):
    run(["use", "--help"], Door())

    assert "as VAR" in capsys.readouterr().out
