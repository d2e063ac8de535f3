"""Which verbs take `--remote`, which refuse it, and what is refused before anything is asked?"""

import re

import click
import pytest

from credmagic import api
from credmagic.cli import options, running
from credmagic.cli.door import Door
from credmagic.cli.main import main
from credmagic.cli.tree import examine, tree
from credmagic.cli.usage import UsageError


@pytest.fixture
def shell(home, capfd):
    """Runs one `credmagic` command line; gives exit code, stdout and stderr."""

    def run(*words):
        code = main(list(words))
        return (code, *capfd.readouterr())

    yield run
    api.close()


@pytest.fixture
def lab(shell, monkeypatch, canary):
    """A remote whose server is away."""
    monkeypatch.setenv("KEY_SECRET", canary)
    url = "https://127.0.0.1:9/hub"
    words = ("remote", "add", "lab", "--url", url, "--key", "cmk_x", "--secret", "env:KEY_SECRET", "--no-verify")
    assert shell(*words)[0] == 0
    return canary


def verbs(command=tree, before=()):
    """Every verb with its words."""
    for name, inner in command.commands.items():
        if isinstance(inner, click.Group):
            yield from verbs(inner, (*before, name))
        else:
            yield (*before, name), inner


HERE = [words for words, verb in verbs() if verb.reach == "here"]
STORE = [words for words, verb in verbs() if verb.reach == "store"]


def test_every_verb_knows_the_option_and_only_those_that_take_it_show_it():
    for words, verb in verbs():
        (option,) = (param for param in verb.params if "--remote" in param.opts)
        assert option.hidden == (verb.reach != "anywhere"), words


def test_the_verbs_that_stay_are_these():
    assert {words[0] for words in HERE} == {"environment", "reload", "remote", "demo"}
    assert {words[0] for words in STORE} == {"guard", "grant", "revoke", "protect", "recovery-key"}


@pytest.mark.parametrize("words", HERE, ids=" ".join)
def test_what_is_about_this_side_refuses_another_server(lab, shell, words):
    code, _, err = shell("--remote", "lab", *words)

    assert (code, "takes no --remote" in err) == (2, True)


@pytest.mark.parametrize("words", STORE, ids=" ".join)
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "in-use"])
def test_what_needs_the_store_says_where_to_run_it(lab, shell, monkeypatch, words, asked):
    """Also when the server was chosen once for all: guarding here by mistake would be worse than a refusal."""
    if not asked:
        monkeypatch.setenv("CREDMAGIC_REMOTE", "lab")
    code, _, err = shell(*words, *(("--remote", "lab") if asked else ()))

    assert code == 2
    assert f"In a terminal there: credmagic {words[0]}" in err
    assert "--remote here" in err


def test_verbs_about_this_side_work_while_another_server_is_in_use(lab, shell, monkeypatch):
    monkeypatch.setenv("CREDMAGIC_REMOTE", "lab")

    assert shell("environment")[:2] == (0, "draft\n")
    assert shell("remote", "list")[0] == 0


def test_here_is_this_server_whatever_is_in_use(lab, shell, monkeypatch):
    monkeypatch.setenv("CREDMAGIC_REMOTE", "lab")

    assert "lab" in shell("list", "--remote", "here")[1]
    assert shell("list")[0] == 7
    monkeypatch.setenv("CREDMAGIC_REMOTE", "here")
    assert shell("list")[0] == 0


def test_no_remote_may_be_called_here(shell, monkeypatch):
    monkeypatch.setenv("KEY_SECRET", "x")
    code, _, err = shell("remote", "add", "here", "--url", "https://h/", "--key", "k", "--secret", "env:KEY_SECRET")

    assert (code, "means this server" in err) == (2, True)


def test_a_nickname_cannot_be_given_twice(lab, shell, canary):
    words = ("remote", "add", "lab", "--url", "https://h/", "--key", "k", "--secret", "env:KEY_SECRET", "--no-verify")

    code, out, err = shell(*words)

    assert code == 5
    assert canary not in out + err


def test_plain_http_to_another_machine_is_refused(shell, monkeypatch, canary):
    monkeypatch.setenv("KEY_SECRET", canary)
    code, out, err = shell("remote", "add", "x", "--url", "http://h/", "--key", "k", "--secret", "env:KEY_SECRET")

    assert (code, "server_url" in err) == (2, True)
    assert canary not in out + err


def test_the_empty_list_says_how_to_add_one(shell):
    assert "credmagic remote add NICK --url URL --key KEY_ID --secret prompt" in shell("remote")[1]


def test_a_prompt_names_the_server_it_is_for(lab, monkeypatch):
    asked = []
    monkeypatch.setattr("getpass.getpass", lambda label: asked.append(label) or "x")
    Door().at("lab").ask("password")

    assert asked == ["password (for lab): "]


def test_an_unknown_remote_ends_before_a_prompt(lab, shell, monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda label: pytest.fail("asked"))
    code, _, err = shell("add", "x", "--kind", "basic", "user=a", "--secret", "password=prompt", "--remote", "lob")

    assert (code, "Did you mean lab?" in err) == (4, True)


# ── values in the line ───────────────────────────────────────────────────────────────────────────────────────
LINES = [
    "--remote lab add x --kind basic user=a password={}", "add x --kind basic password={} --remote lab",
    "--remote=lab add x --kind basic password={}", "--json add x --kind basic password={}",
    "connection --remote lab set-credentials -a X --env draft --kind basic --password {}",
    "--remote lab machine add --password {}", "remote add x --url https://h/ --key k --secret {}",
    "remote add x --url https://h/ --key k --secret={}", "--remote lab connect conductor --write --key k --secret {}",
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_value_in_the_line_is_refused_wherever_the_server_is_named(shell, line, canary):
    value = canary.translate(str.maketrans("", "", "\"'"))
    words = line.format(value).split()
    finding = examine(words, Door())
    code, out, err = shell(*words)

    assert finding is not None
    assert value not in finding.safe(words, str)
    assert code == 2
    assert value not in out + err


@pytest.mark.parametrize("source", ["env:KEY_SECRET", "prompt", "file:/nowhere"])
def test_a_source_is_no_value(shell, source):
    words = f"remote add x --url https://h/ --key k --secret {source}".split()
    finding = examine(words, Door())

    assert finding is None or not finding.instead


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://h", "https://h/credmagic"), ("https://h/", "https://h/credmagic"),
        ("https://h/lab", "https://h/credmagic"), ("https://h/user/ann/lab/tree/a.ipynb", "https://h/user/ann/credmagic"),
        ("https://h/user/ann/credmagic/api/", "https://h/user/ann/credmagic"),
        ("https://h/user/lab/credmagic", "https://h/user/lab/credmagic"), ("http://[::1]:8888/", "http://[::1]:8888/credmagic"),
        (" https://h:1/x ", "https://h:1/x/credmagic"), ("HTTPS://h/", "https://h/credmagic"),
    ],
)  # fmt: skip
def test_an_address_is_taken_as_a_browser_shows_it(given, base):
    assert running.address(given) == base


@pytest.mark.parametrize(
    "given",
    ["", "hunter2", "ftp://h/", "https:///x", "https://h/?token=a", "https://u:p@h/", "https://h/#x", "javascript:1"],
)
def test_what_is_more_or_less_than_an_address_is_refused_without_quoting_it(given):
    with pytest.raises(UsageError) as refused:
        running.address(given)
    assert not given or given not in str(refused.value)


def test_the_option_is_told_once_in_the_page_of_commands():
    from credmagic.cli.reference import page

    assert len(re.findall(r"^\| `--remote", page(), re.MULTILINE)) == 0
    assert "**Another server:**" in page()


def test_a_door_remembers_what_each_server_knows(home):
    door = Door()

    assert door.at("lab") is door.at("lab") is door.at("lab").at("lab")
    assert door.at("lab").at("here") is door.at("") is door
    assert door.at("lab").prog == "credmagic --remote lab"
    assert options.REMOTE.name == "text"


@pytest.mark.parametrize("verb", [("add",), ("set-password", "m")])
@pytest.mark.parametrize("out", [(), ("--out", "file")])
def test_a_password_is_not_made_on_another_server_for_nobody_to_see(lab, shell, verb, out):
    code, _, err = shell("machine", *verb, *out, "--remote", "lab")

    assert (code, "--password prompt" in err) == (2, True)
