"""Does every page lead a newcomer on, in 80 columns, and does leaving a prompt leave nothing behind?"""

import click
import pytest

from credmagic import api
from credmagic.cli import tree as trees
from credmagic.cli.door import Door
from credmagic.cli.main import main
from credmagic.cli.usage import brief


@pytest.fixture(autouse=True)
def store(home):
    yield
    api.close()


def test_help_lists_every_verb_once_under_a_heading(capsys):
    main(["--help"])

    lines = capsys.readouterr().out.split("\n\n  VERB --help")[0].splitlines()
    listed = [line.split()[0] for line in lines[lines.index("Look:") :] if line[:2] == "  " and line[2:3].strip()]
    assert listed == [verb.name for verb in trees.VERBS] == list(trees.tree.commands)


def test_help_is_never_cut_in_the_middle(capsys):
    main(["--help"])

    assert "..." not in capsys.readouterr().out.split("Look:")[1]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("The kinds there are; with KIND its fields.", "The kinds there are"),
        ("Hand it over: `x = %cred use db`, or `as V`.", "Hand it over"),
        ("Now. Or later.", "Now"),
        ("No clause ends in this one line", "No clause ends in this one line"),
    ],
)
def test_a_line_of_help_ends_with_a_clause(text, short):
    assert brief(text, 20) == short


def test_the_verbs_of_connections_stand_in_the_order_of_the_task():
    group = trees.tree.commands["connection"]
    assert isinstance(group, click.Group)

    assert list(group.commands)[:4] == ["add", "configure", "set-credentials", "set-identity-provider"]


@pytest.mark.parametrize("left", [KeyboardInterrupt, EOFError])
def test_a_prompt_that_is_left_ends_without_a_traceback(left, monkeypatch, capsys, canary):
    def ask(self, label):
        raise left(canary)

    monkeypatch.setattr(Door, "will_ask", ask)

    assert main(["new", "basic", "shop"]) == 130
    assert "Interrupted" in (said := capsys.readouterr().err)
    assert canary not in said


def test_a_secret_that_nobody_can_type_is_refused_with_the_other_ways(monkeypatch, capsys):
    monkeypatch.setattr(Door, "ask", lambda self, label: (_ for _ in ()).throw(EOFError))

    assert main(["add", "shop", "--kind", "basic", "user=ada", "--secret", "password=prompt"]) == 2
    assert "env:VAR, file:PATH" in capsys.readouterr().err


@pytest.mark.parametrize("stored", [False, True])
def test_the_overview_leads_to_every_verb(stored, capsys, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)
    if stored:
        main(["add", "shop", "--kind", "basic", "user=ada", "--secret", "password=env:PW"])
    capsys.readouterr()

    main([])

    said = capsys.readouterr().out
    assert ("shop" in said) is stored
    assert "credmagic --help" in said
    assert canary not in said


def test_a_page_says_lists_and_switches_in_words(capsys):
    places = [f"{name}=https://idp.example/x" for name in ("authorization_url", "token_url")]
    main(["add", "mail", "--kind", "oauth", "scope=read write", "client_id=x", *places])
    capsys.readouterr()

    main(["show", "mail"])

    said = capsys.readouterr().out
    assert "read, write" in said
    assert "['" not in said
    assert "False" not in said


def test_why_of_an_unknown_name_has_the_whole_command(capsys):
    main(["why", "shop"])

    assert "credmagic new KIND shop" in capsys.readouterr().out
