"""Does each verb do what it says, through the real vault in this process?"""

import json
import shutil
import subprocess

import pytest

from credmagic import api
from credmagic.cli.door import Door
from credmagic.cli.main import main
from credmagic.testing.fixtures import require


@pytest.fixture
def shell(home, capfd):
    """Runs one `credmagic` command line; gives exit code, stdout and stderr."""

    def run(*words):
        code = main(list(words))
        return (code, *capfd.readouterr())

    yield run
    api.close()


@pytest.fixture
def warehouse(shell, canary, monkeypatch):
    """A stored credential of kind basic whose password is the canary."""
    monkeypatch.setenv("PW", canary)
    assert (
        shell("add", "warehouse", "--kind", "basic", "user=ann", "--secret", "password=env:PW", "--env", "draft")[0]
        == 0
    )
    return canary


def test_an_empty_store_says_which_two_commands_matter(shell):
    code, out, _ = shell()

    assert code == 0
    assert "credmagic new" in out
    assert "credmagic kinds" in out
    assert "0 credentials" not in out


def test_add_says_one_line_without_the_value(shell, canary, monkeypatch):
    monkeypatch.setenv("PW", canary)
    code, out, err = shell("add", "db", "--kind", "basic", "user=ann", "--secret", "password=env:PW")

    assert (code, out.count("\n")) == (0, 1)
    assert "db saved" in out
    assert canary not in out + err


def test_a_file_is_taken_byte_for_byte(shell, tmp_path):
    """The last line end belongs to the value, and so does a carriage return."""
    file = tmp_path / "token"
    file.write_bytes("zwei\r\nZeilen-ü\n".encode())
    assert shell("add", "t", "--kind", "bearer", "--secret", f"token=file:{file}", "--no-verify")[0] == 0

    assert api.use("t")["token"] == "zwei\r\nZeilen-ü\n"


def test_every_listing_and_showing_verb_gives_json_without_values(shell, warehouse):
    verbs = ["--json", "overview --json", "list --json", "kinds --json", "kinds basic --json", "show warehouse --json"]
    verbs += [
        "versions warehouse --json",
        "uses warehouse --json",
        "why warehouse --json",
        "audit --json",
        "status --json",
    ]
    for line in verbs:
        code, out, err = shell(*line.split())

        assert (code, err) == (0, ""), line
        assert isinstance(json.loads(out), dict), line
        assert warehouse not in out, line


def test_json_of_list_is_complete_however_many_there_are(shell, monkeypatch):
    monkeypatch.setenv("PW", "some-long-secret")
    client = api.client()
    for number in range(120):
        client.call("create", name=f"n{number:03}", kind="bearer", fields={"token": "some-long-secret"}, verify=False)

    every = json.loads(shell("list", "--json")[1])
    some = json.loads(shell("list", "--json", "--limit", "30")[1])
    shown = shell("list")[1]

    assert len({view["name"] for view in every["credentials"]}) == every["total"] == 120
    assert every["next"] is None
    assert len(some["credentials"]) == 30
    assert some["next"]
    assert "50 of 120 shown" in shown


def test_show_names_secrets_and_shows_public_fields(shell, warehouse):
    code, out, _ = shell("show", "warehouse")

    assert code == 0
    assert "ann" in out
    assert "[warehouse.password]" in out
    assert warehouse not in out


def test_rotate_makes_a_version_and_keeps_what_was_not_named(shell, warehouse, monkeypatch):
    monkeypatch.setenv("PW", "another-long-one")
    code, out, _ = shell("rotate", "warehouse", "--secret", "password=env:PW")
    used = api.use("warehouse")

    assert (code, "version 2" in out) == (0, True)
    assert (used["user"], used["password"], used.version) == ("ann", "another-long-one", 2)
    assert api.use("warehouse", version=1)["password"] == warehouse


def test_rename_and_rm(shell, warehouse):
    assert shell("rename", "warehouse", "lake")[0] == 0
    assert shell("show", "warehouse")[0] == 4
    code, out, _ = shell("rm", "lake")

    assert (code, "lake deleted" in out) == (0, True)
    assert shell("show", "lake")[0] == 4


def test_rm_in_one_environment_spares_the_credential_of_all(shell, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)
    shell("add", "shop", "--kind", "basic", "user=ann", "--secret", "password=env:PW")

    code, _, err = shell("rm", "shop", "--env", "live")

    assert (code, "credmagic rm shop" in err) == (2, True)
    assert shell("show", "shop")[0] == 0


def test_what_is_attached_is_not_deleted_without_force(shell, warehouse):
    assert shell("attach", "warehouse", "notebook", "a.ipynb", "--default")[0] == 0
    assert "a.ipynb" in shell("uses", "warehouse")[1]

    assert shell("rm", "warehouse")[0] == 5
    assert shell("detach", "warehouse", "notebook", "a.ipynb")[0] == 0
    assert shell("rm", "warehouse")[0] == 0


def test_a_map_of_secrets_takes_its_keys_one_by_one(shell, monkeypatch):
    monkeypatch.setenv("A", "first-secret")
    monkeypatch.setenv("B", "second-secret")
    code, _, _ = shell("add", "kv", "--kind", "kv", "--secret", "TOKEN=env:A", "--secret", "SALT=env:B")

    assert code == 0
    assert dict(api.use("kv")) == {"TOKEN": "first-secret", "SALT": "second-secret"}


def test_run_gives_variables_to_one_command_and_its_exit_code_back(shell, warehouse, monkeypatch):
    monkeypatch.setenv("CREDMAGIC_KERNEL_TOKEN", "not-for-children")
    program = (
        "import os; print(os.environ['WAREHOUSE_USER'], 'CREDMAGIC_KERNEL_TOKEN' in os.environ); raise SystemExit(7)"
    )

    assert shell("run", "warehouse", "--", "python3", "-c", program)[:2] == (7, "ann False\n")


def test_a_prefix_of_run_takes_the_names_place_in_variables_of_files_too(shell, tmp_path, capfd):
    (tmp_path / "key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    key = f"private_key=file:{tmp_path / 'key'}"
    shell("add", "deploy", "--kind", "ssh_key", "user=git", "--secret", key, "--no-verify")
    code, out, _ = shell("run", "deploy", "--prefix", "CI_", "--", "sh", "-c", 'cat "$CI_KEY_FILE"')

    assert code == 0
    assert "BEGIN PRIVATE KEY" in out


def test_run_hands_files_over_and_removes_them(shell, home):
    """A private key reaches the command as the path of a private file."""
    require("ssh-keygen", shutil.which("ssh-keygen"))
    key = home.parent / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    assert shell("add", "deploy", "--kind", "ssh_key", "--secret", f"private_key=file:{key}", "--no-verify")[0] == 0
    script = 'cmp "$DEPLOY_KEY_FILE" "$0" && stat -c %a "$DEPLOY_KEY_FILE"'

    assert shell("run", "deploy", "--", "sh", "-c", script, str(key))[:2] == (0, "600\n")
    assert not list((home / "run").glob("files-*/*"))


def test_options_of_the_command_belong_to_the_command(shell, warehouse):
    line = ("run", "warehouse", "--", "echo", "--env", "live", "--", "x=1")

    assert shell(*line)[:2] == (0, "--env live -- x=1\n")


def test_a_command_that_is_not_there_is_a_usage_error(shell, warehouse):
    assert shell("run", "warehouse", "--", "no-such-command-here")[0] == 2
    assert shell("run", "warehouse")[0] == 2


def test_use_in_a_shell_shows_a_mask_and_the_way_on(shell, warehouse):
    code, out, err = shell("use", "warehouse")

    assert code == 0
    assert "[warehouse.password]" in out
    assert warehouse not in out + err
    assert "credmagic run warehouse" in err


def test_a_shell_has_no_variables_to_bind_or_export_to(shell, warehouse):
    for line in ("use warehouse as db", "use warehouse --export", "environment live"):
        code, _, err = shell(*line.split())
        assert code == 2
        assert "In a shell:" in err


def test_a_recovery_key_is_never_written_into_a_pipe(shell):
    code, out, err = shell("recovery-key")

    assert (code, out) == (2, "")
    assert "terminal" in err


def test_why_says_where_it_looked(shell, warehouse):
    code, out, _ = shell("why", "warehouse")

    assert code == 0
    assert "draft" in out
    assert "found" in out


def test_verify_says_what_cannot_be_verified(shell, warehouse):
    code, out, _ = shell("verify", "warehouse")

    assert code == 0
    assert "cannot be verified" in out


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("show nosuch", 4),
        ("kinds nosuch", 4),
        ("add warehouse --kind basic user=me --secret password=env:PW --env draft", 5),
        ("add x --kind basic user=me", 2),
        ("use nosuch", 4),
    ],
)
def test_exit_codes_come_from_the_errors(shell, warehouse, line, code):
    assert shell(*line.split())[0] == code


def test_messages_are_spelled_for_the_shell(shell):
    """The vault speaks of %cred; in a shell the same command is called credmagic."""
    _, _, err = shell("show", "nosuch")

    assert "%cred" not in err
    assert "credmagic new" in err


def test_the_door_asks_the_terminal_for_prompts(home, monkeypatch):
    asked = []
    door = Door()
    monkeypatch.setattr(door, "ask", lambda label: asked.append(label) or "typed-in-secret")
    from credmagic.cli.tree import run

    run(["add", "p", "--kind", "basic", "user=u", "--secret", "password=prompt"], door)

    assert asked == ["password"]
    assert api.use("p")["password"] == "typed-in-secret"
    api.close()
