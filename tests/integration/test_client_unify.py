"""The unmodified `unify` command against a real server: clusters, logins, users and machine users of an organization."""

import ast
import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from beside import client_of, vault_of
from client_process import DRIVERS, ClientProcess, alone, python_of
from credmagic.crypto import jwt
from credmagic.testing.jupyter import TOKEN, jupyter_server
from credmagic.vault.audit import Caller
from credmagic.vault.sign_in import issue_for_user

SECRET = "canary-U-71e0c4d95b"
BASE = "/user/jo/"
HERE = ["--org", "1", "--remote", "cm"]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("unify")


@pytest.fixture(scope="module")
def server(workdir):
    with jupyter_server(workdir, base_url=BASE) as running:
        yield running
        assert SECRET not in running.log


@pytest.fixture(scope="module")
def remote(server):
    return f"http://127.0.0.1:{server.port}{BASE}credmagic"


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    home = tmp_path_factory.mktemp("client")
    with ClientProcess("unify", home, PYTHON_KEYRING_BACKEND="file_keyring.FileKeyring") as running:
        yield running


@pytest.fixture
def keyring(tmp_path):
    """The file in which the client finds its keyring; another one in each test."""
    return tmp_path / "keyring.json"


@pytest.fixture
def unify(process, keyring):
    """`unify("cluster", "list")`: exit code and what was printed, colours left off."""

    def run(*words):
        done = process.ok("run", words=list(words), keyring=str(keyring))
        return done["code"], re.sub(r"\x1b\[[0-9;]*m", "", done["printed"]).strip()

    return run


@pytest.fixture
def user(unify, remote):
    """The same, logged in with this Jupyter server's token."""
    assert cluster(unify, remote, "jo", TOKEN) == (0, "")
    return unify


def cluster(unify, remote, name, password, nickname="cm"):
    """Add a cluster and log in."""
    words = ["cluster", "add", "--remote", remote, "--username", name, "--password", password, "--name", nickname]
    assert unify(*words) == (0, "")
    return unify("cluster", "login", "--remote", nickname)


@pytest.fixture(scope="module")
def store(server, workdir):
    """A client of the same store, as a notebook without a server has one."""
    with client_of(workdir) as client:
        yield client


@pytest.fixture(autouse=True)
def notebook(store):
    """The same; no machine outlives its test."""
    yield store
    for machine in store.call("machines")["machines"]:
        store.call("machine_remove", ref=machine["id"], force=True)


def printed_object(text):
    """What the client printed of an answer: the last line, as Python or as JSON writes it."""
    line = text.splitlines()[-1]
    return json.loads(line) if line.startswith('{"') else ast.literal_eval(line)


# ── clusters and logins ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_cluster_is_added_and_logged_in_to(unify, remote, slash):
    assert cluster(unify, remote + slash, "jo", TOKEN) == (0, "")

    code, listed = unify("cluster", "list")
    assert (code, "cm" in listed, remote in listed) == (0, True, True)
    code, token = unify("cluster", "login", "--display", "--remote", "cm")
    assert (code, token.count(".")) == (0, 2)


def test_the_first_command_logs_in_by_itself(unify, remote):
    words = ["cluster", "add", "--remote", remote, "--username", "jo", "--password", TOKEN, "--name", "cm"]
    assert unify(*words) == (0, "")

    assert unify("user", "org-list", *HERE) == (0, "")


@pytest.mark.parametrize(
    ("name", "password"),
    [("jo", "wrong"), ("etl", "wrong"), ("nobody", SECRET + "-password"), ("", ""), ("etl", ""), ("etl", TOKEN + "x")],
)
def test_a_wrong_login_is_refused_in_the_same_words(unify, remote, notebook, name, password):
    notebook.call("machine_add", id="etl", password=SECRET + "-password")

    code, said = cluster(unify, remote, name, password)

    assert code == 0  # this client says it and ends well
    assert "id or secret are wrong" in said
    assert unify("user", "org-list", *HERE)[0] == 1


def test_the_command_itself_runs(remote, keyring, tmp_path):
    """Once as people run it: the console script, a process a command."""
    backend = {"PYTHON_KEYRING_BACKEND": "file_keyring.FileKeyring", "FILE_KEYRING": str(keyring)}
    env = alone(tmp_path / "home", **backend, PYTHONPATH=str(DRIVERS))
    script = Path(python_of("unify")).with_name("unify")

    def run(*words):
        return subprocess.run([script, *words], env=env, capture_output=True, text=True, timeout=60)

    words = ["cluster", "add", "--remote", remote, "--username", "jo", "--password", TOKEN, "--name", "cm"]
    assert run(*words).returncode == 0
    assert run("cluster", "login", "--remote", "cm").returncode == 0
    done = run("user", "machine", "add", "--account-id", "etl", "--password", SECRET + "-password", *HERE)

    assert done.returncode == 0, done.stdout
    assert "etl" in run("user", "org-list", *HERE).stdout


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_columns_are_those_of_unify(user):
    user("user", "machine", "add", "--account-id", "etl", "--name", "Nightly", "--password", SECRET, *HERE)

    code, table = user("user", "org-list", *HERE)

    assert code == 0
    header, _, row = table.splitlines()
    assert header.split() == ["id", "name", "email", "created", "status", "role"]
    assert row.split()[:2] == ["etl", "Nightly"]
    assert row.split()[-2:] == ["active", "Contributor"]


@pytest.mark.parametrize("org", ["2", "0", "-1", "999999999999999999999"])
def test_another_organization_is_not_there(user, org):
    for words in (["org-list"], ["machine", "add"], ["machine", "set-password", "--user", "etl", "--password", SECRET]):
        code, said = user("user", *words, "--org", org, "--remote", "cm")
        assert (code, "there is no organization of that number" in said) == (1, True)


# ── machine users ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", ["Admin", "Contributor", None])
def test_a_machine_user_is_made_and_logs_in(user, remote, notebook, role):
    words = ["--account-id", "etl@example.org", "--name", "Nightly run", "--password", SECRET]

    code, said = user("user", "machine", "add", *words, *(["--role", role] if role else []), *HERE)

    assert (code, SECRET in said) == (0, False), said
    (machine,) = notebook.call("machines")["machines"]
    assert printed_object(said) == machine
    assert (machine["id"], machine["name"], machine["role"]) == (
        "etl@example.org",
        "Nightly run",
        role or "Contributor",
    )
    assert cluster(user, remote, "etl@example.org", SECRET, "as-machine") == (0, "")
    assert "etl@example.org" in user("user", "org-list", "--org", "1", "--remote", "as-machine")[1]


def test_what_is_left_out_is_made_by_the_client(user, remote, notebook):
    code, said = user("user", "machine", "add", *HERE)

    assert code == 0, said
    made = dict(re.findall(r"^(display name|account_id|password): (.*)$", said, re.MULTILINE))
    assert re.fullmatch(r"[0-9a-f-]{36}", made["account_id"])
    assert made["display name"] == f"machine-user-{made['account_id']}"
    (machine,) = notebook.call("machines")["machines"]
    assert (machine["id"], machine["name"]) == (made["account_id"], made["display name"])
    assert printed_object(said) == machine
    assert cluster(user, remote, made["account_id"], made["password"], "as-machine") == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--account-id", "etl", "--password", SECRET], "there is a machine of that id already"),
        (["--account-id", "a/b", "--password", SECRET], "identifier"),
        (["--account-id", "a b", "--password", SECRET], "identifier"),
        (["--account-id", "x" * 129, "--password", SECRET], "identifier"),
        (["--account-id", "new", "--password", SECRET, "--role", "Owner"], "roleNames"),
        (["--account-id", "new", "--password", "eleven-char"], "12 to 1024 characters"),
        (["--account-id", "new", "--password", SECRET, "--name", "a\x07b"], "fullName"),
    ],
)
def test_what_cannot_be_is_refused_in_red(user, notebook, words, said):
    user("user", "machine", "add", "--account-id", "etl", "--password", SECRET + "-first", *HERE)
    before = notebook.call("machines")

    code, printed = user("user", "machine", "add", *words, *HERE)

    answered = printed.splitlines()[-1]  # before the request, the client itself prints what it made up
    assert (code, said in answered, SECRET in answered) == (1, True, False), printed
    assert notebook.call("machines") == before


@pytest.mark.parametrize("ref", ["etl", "Nightly run"])
def test_a_password_is_set_by_id_or_by_a_name_that_only_one_has(user, remote, notebook, ref):
    notebook.call("machine_add", id="etl", name="Nightly run", password=SECRET + "-old")
    cluster(user, remote, "etl", SECRET + "-old", "before")

    code, said = user("user", "machine", "set-password", "--user", ref, "--password", SECRET + "-new", *HERE)

    assert (code, printed_object(said)["id"], SECRET in said) == (0, "etl", False)
    assert "unify cluster login" in user("user", "org-list", "--org", "1", "--remote", "before")[1]
    assert "wrong" in cluster(user, remote, "etl", SECRET + "-old", "old")[1]
    assert cluster(user, remote, "etl", SECRET + "-new", "new") == (0, "")


@pytest.mark.parametrize(
    ("ref", "password", "said"),
    [
        ("nobody", SECRET, "there is no machine of that id"),
        ("Twice", SECRET, "several"),
        ("etl", "eleven-char", "newPassword"),
    ],
)
def test_a_password_that_cannot_be_set_stays(user, remote, notebook, ref, password, said):
    notebook.call("machine_add", id="etl", name="Twice", password=SECRET + "-old")
    notebook.call("machine_add", id="etl-2", name="Twice", password=SECRET + "-old")

    code, printed = user("user", "machine", "set-password", "--user", ref, "--password", password, *HERE)

    assert (code, said in printed) == (1, True), printed
    assert cluster(user, remote, "etl", SECRET + "-old", "still") == (0, "")


def test_a_contributor_makes_nobody(unify, remote, notebook):
    notebook.call("machine_add", id="etl", password=SECRET)
    cluster(unify, remote, "etl", SECRET)

    for words in (["add"], ["set-password", "--user", "etl", "--password", SECRET + "2"]):
        code, said = unify("user", "machine", *words, *HERE)
        assert (code, "denied" in said) == (1, True), said
    assert [one["id"] for one in notebook.call("machines")["machines"]] == ["etl"]


def test_an_admin_makes_others(unify, remote, notebook):
    notebook.call("machine_add", id="boss", role="Admin", password=SECRET)
    cluster(unify, remote, "boss", SECRET)

    assert unify("user", "machine", "add", "--account-id", "etl", "--password", SECRET, *HERE)[0] == 0
    assert [one["id"] for one in notebook.call("machines")["machines"]] == ["boss", "etl"]


# ── tokens that ended ────────────────────────────────────────────────────────────────────────────────────────


def replace_token(keyring, token):
    entries = json.loads(keyring.read_text())
    (name,) = [key for key, value in entries.items() if value.count(".") == 2 and value.startswith("eyJ")]
    keyring.write_text(json.dumps({**entries, name: token}))


def expired_token(workdir):
    """A token of this store that ended an hour ago."""
    with vault_of(workdir) as vault:
        claims = jwt.read(vault.keyset, issue_for_user(vault, Caller("browser")).token, int(time.time()))
        kept = {name: claims[name] for name in ("sub", "jti", "akid", "akv", "plane")}
        return str.__str__(jwt.issue(vault.keyset, int(time.time()) - 7200, 3600, **kept))


def test_an_ended_login_says_how_to_log_in_again(user, keyring, workdir):
    replace_token(keyring, expired_token(workdir))

    for words in (["org-list"], ["machine", "add"]):
        code, said = user("user", *words, *HERE)
        assert (code, "this login has ended: unify cluster login" in said) == (1, True), said

    assert user("cluster", "login", "--remote", "cm") == (0, "")
    assert user("user", "org-list", *HERE)[0] == 0


@pytest.mark.parametrize("token", ["garbage", "eyJhbGciOiJub25lIn0.e30.", "a.b.c"])
def test_a_token_that_is_none_is_refused(user, keyring, token):
    replace_token(keyring, token)

    code, said = user("user", "org-list", *HERE)

    assert (code, "unify cluster login" in said) == (1, True)


def test_a_paused_machine_is_out_at_once(unify, remote, notebook):
    notebook.call("machine_add", id="etl", password=SECRET)
    cluster(unify, remote, "etl", SECRET)
    notebook.call("machine_pause", ref="etl")

    assert unify("user", "org-list", *HERE)[0] == 1


# ── what is not served ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "words",
    [
        ["user", "add", "--email", "a@example.org", "--name", "A", "--role", "Admin", *HERE],
        ["user", "group-list", "--remote", "cm"],
        ["user", "move", "--user", "etl", "--group", "g", "--remote", "cm"],
        ["org", "list", "--remote", "cm"],
    ],
)
def test_what_is_not_served_says_so(user, words):
    code, said = user(*words)

    assert code != 0 or "nothing at this address" in said or "does not take" in said, said
    assert "Traceback" not in said
