"""Another credmagic server by its nickname: two real stores, one of them behind a real Jupyter server."""

import base64
import json
import os
import pickle
import secrets
import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from credmagic import api
from credmagic.cli.main import main
from credmagic.client import remotes
from credmagic.crypto.entry import entry_info, new_entry_key, open_entry, reveal_info, seal_entry
from credmagic.errors import AccessDenied, CredentialNotFound, VerificationFailed
from credmagic.magics.completion import complete
from credmagic.magics.door import NotebookDoor
from credmagic.testing.jupyter import jupyter_server
from credmagic.testing.tls import self_signed
from machine_store import machine_store

SECRET = f"Kanari-{secrets.token_hex(12)}-ß/+&\"'"


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    with machine_store(tmp_path_factory.mktemp("there"), SECRET) as store:
        yield store


@pytest.fixture(scope="module")
def server(there):
    with jupyter_server(there.workdir, base_url="/x/") as running:
        yield running
        assert SECRET not in running.log


@pytest.fixture(scope="module")
def key(there):
    return there.key("Admin")


@pytest.fixture
def shell(home, capfd):
    """Runs one `credmagic` command line; gives exit code, stdout and stderr."""

    def run(*words):
        code = main(list(words))
        return (code, *capfd.readouterr())

    yield run
    api.close()


@pytest.fixture
def lab(shell, server, key, monkeypatch):
    """The server, known here as `lab`."""
    monkeypatch.setenv("KEY_SECRET", key.secret)
    added = ("remote", "add", "lab", "--url", server.url, "--key", key.id, "--secret", "env:KEY_SECRET")
    assert shell(*added)[0] == 0
    monkeypatch.delenv("KEY_SECRET")
    return "lab"


@pytest.fixture
def cells(shell, tmp_path):
    """Runs cells in an IPython that has loaded the extension."""
    config = Config()
    config.HistoryManager.hist_file = str(tmp_path / "history.sqlite")
    config.InteractiveShell.colors = "nocolor"
    InteractiveShell.clear_instance()
    ip = InteractiveShell.instance(config=config)
    ip.run_line_magic("load_ext", "credmagic")

    def run(source):
        ip.run_cell(source).raise_error()
        return ip.user_ns

    run.ip = ip
    yield run
    ip.run_line_magic("unload_ext", "credmagic")
    ip.history_manager.end_session()
    InteractiveShell.clear_instance()


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# ── adding ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_remote_is_added_once_that_server_has_taken_its_key(lab, shell, server, key):
    _, out, err = shell("remote", "list", "--json")
    (found,) = json.loads(out)["remotes"]

    assert (found["name"], found["key_id"], found["verified"]["outcome"]) == ("lab", key.id, "ok")
    assert found["url"] == f"{server.url}credmagic/api".replace("localhost", "127.0.0.1")
    assert key.secret not in out + err


def test_what_this_process_gets_of_a_remote_is_a_token_and_not_its_key(lab, key):
    held = api.use("lab")

    assert held["token"].count(".") == 2
    assert key.secret not in repr(dict(held)) + repr(held.secrets())
    assert "key_secret" not in {name for name, value in held.items() if value}


@pytest.mark.parametrize("ending", ["", "lab", "lab/tree/a.ipynb", "credmagic", "credmagic/api", "tree"])
def test_an_address_is_taken_as_the_browser_shows_it(shell, server, key, monkeypatch, ending):
    monkeypatch.setenv("KEY_SECRET", key.secret)
    url = server.url + ending

    assert shell("remote", "add", "other", "--url", url, "--key", key.id, "--secret", "env:KEY_SECRET")[0] == 0


def test_a_key_that_the_server_refuses_is_not_saved(shell, server, key, monkeypatch, canary):
    monkeypatch.setenv("KEY_SECRET", canary)
    code, out, err = shell("remote", "add", "lab", "--url", server.url, "--key", key.id, "--secret", "env:KEY_SECRET")

    assert code == 7
    assert canary not in out + err
    assert json.loads(shell("remote", "list", "--json")[1])["remotes"] == []


def test_without_verification_a_server_that_is_away_is_kept(shell, canary, monkeypatch):
    monkeypatch.setenv("KEY_SECRET", canary)
    words = ("remote", "add", "far", "--url", "https://127.0.0.1:9/", "--key", "cmk_x", "--secret", "env:KEY_SECRET")

    assert shell(*words)[0] == 7
    assert shell(*words, "--no-verify")[0] == 0
    code, out, err = shell("list", "--remote", "far")
    assert code == 7
    assert canary not in out + err


def test_a_removed_remote_is_unknown_at_once(lab, shell, key):
    assert shell("list", "--remote", "lab")[0] == 0

    _, _, err = shell("remote", "rm", "lab")

    assert f"key rm {key.id}" in err
    assert shell("list", "--remote", "lab")[0] == 4


# ── --remote ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "words",
    [
        ("--remote", "lab", "list"), ("list", "--remote", "lab"), ("list", "--remote=lab"), ("--remote=lab",),
        ("--remote", "here", "show", "warehouse", "--remote", "lab"), ("why", "warehouse", "--remote", "LAB"),
    ],
)  # fmt: skip
def test_the_nickname_stands_before_or_after_the_verb(lab, shell, words):
    code, out, err = shell(*words)

    assert (code, "warehouse" in out) == (0, True)
    assert SECRET not in out + err


@pytest.mark.parametrize("group", ["machine", "app", "key", "connection"])
def test_a_verb_of_a_group_takes_it_at_each_place(lab, shell, group):
    answers = [
        shell(*words)[1]
        for words in (
            ("--remote", "lab", group, "list"), (group, "--remote", "lab", "list"), (group, "list", "--remote", "lab"),
            (group, "--remote", "lab"), ("--remote", "lab", group),
        )
    ]  # fmt: skip

    assert len(set(answers)) == 1
    assert "lab (http" in answers[0]


def test_json_is_the_other_servers_data_and_nothing_else(lab, shell):
    data = json.loads(shell("list", "--json", "--remote", "lab")[1])

    assert [view["name"] for view in data["credentials"]] == ["warehouse"]


def test_a_command_gets_the_variables_of_the_other_server(lab, shell, monkeypatch):
    script = "import os; print(os.environ['WAREHOUSE_PASSWORD'] == os.environ['X'])"
    monkeypatch.setenv("X", SECRET)
    code, out, _ = shell("run", "warehouse", "--remote", "lab", "--", sys.executable, "-c", script)

    assert (code, out.strip()) == (0, "True")


def test_an_unknown_nickname_is_answered_with_the_closest(lab, shell):
    code, _, err = shell("list", "--remote", "lap")

    assert code == 4
    assert "Did you mean lab?" in err
    assert "credmagic remote add lap" in err


def test_a_refusal_names_the_server_and_its_next_step_leads_there(lab, shell):
    code, _, err = shell("show", "warehose", "--remote", "lab")

    assert code == 4
    assert "(on lab)" in err
    assert "credmagic --remote lab " in err


def test_a_next_step_on_a_page_leads_there_too(lab, shell):
    assert "credmagic --remote lab use warehouse" in shell("show", "warehouse", "--remote", "lab")[1]


def test_what_is_written_there_is_not_written_here(lab, shell, there, canary, monkeypatch):
    monkeypatch.setenv("PW", canary)
    code, out, _ = shell("add", "made", "--kind", "basic", "user=jo", "--secret", "password=env:PW", "--remote", "lab")

    assert (code, "(on lab)" in out) == (0, True)
    assert there.call("audit")["events"][0]["plane"] == "machine"
    assert shell("show", "made")[0] == 4
    assert shell("rm", "made", "--remote", "lab")[0] == 0


def test_a_key_made_there_is_written_into_a_file_here(lab, shell, tmp_path, there):
    app = there.call("app_add", name="to a file")["id"]
    code, out, _ = shell("key", "create", app, "--out", str(tmp_path / "key"), "--remote", "lab")

    assert code == 0
    assert (tmp_path / "key").read_text() not in out
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_kernel_reveals_what_was_made_there_to_one_page_only(lab, there):
    client = api.client("lab")
    private, public = new_entry_key()
    offer = client.call("key_create", ref=there.call("app_add", name="to a page")["id"], reveal=True)

    sealed = client.call("reveal", reveal_id=offer["reveal_id"], public_key=b64(public))["sealed"]

    opened = open_entry(private, base64.urlsafe_b64decode(sealed + "=="), reveal_info(offer["reveal_id"]))
    assert "secret" not in offer
    assert [value.startswith("cms_") for value in opened.values()] == [True]


def test_a_form_is_sealed_to_the_other_servers_key(lab, canary, there):
    client = api.client("lab")
    entry = client.begin_entry("basic")
    public = base64.urlsafe_b64decode(entry["public_key"] + "==")
    form = {"name": "by-form", "environment": "", "team": True, "fields": {"user": "jo", "password": canary}}
    sealed = seal_entry(public, entry_info(entry["entry_id"], "basic"), {**form, "verify": False})

    assert client.submit_entry(entry["entry_id"], "save", b64(sealed))["name"] == "by-form"
    assert there.call("resolve", ref="by-form")["fields"]["password"] == canary
    assert client.call("delete", ref="by-form")["deleted"]["name"] == "by-form"


# ── the Credential ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_credential_of_the_other_server_says_so_and_hides_its_value(lab):
    credential = api.use("warehouse", remote="lab")

    assert credential["password"] == SECRET
    assert "from lab" in repr(credential)
    assert SECRET not in repr(credential) + repr(credential._repr_mimebundle_())


def test_it_is_refreshed_from_where_it_came(lab, there, canary):
    credential = api.use("warehouse", remote="lab")
    there.call("rotate", ref="warehouse", fields={"password": canary}, verify=False)
    try:
        assert credential.refresh()["password"] == canary
    finally:
        there.call("rotate", ref="warehouse", fields={"password": SECRET}, verify=False)


def test_its_pickle_is_a_reference_that_goes_there_again(lab):
    pickled = pickle.dumps(api.use("warehouse", remote="lab"))

    assert SECRET.encode() not in pickled
    assert pickle.loads(pickled)["password"] == SECRET


def test_where_the_nickname_is_unknown_its_pickle_says_so(lab, shell):
    pickled = pickle.dumps(api.use("warehouse", remote="lab"))
    shell("remote", "rm", "lab")

    with pytest.raises(CredentialNotFound, match='no remote "lab"'):
        pickle.loads(pickled)


# ── the key's life ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_token_from_before_a_pause_is_fetched_anew(lab, there, key):
    assert api.use("warehouse", remote="lab")["password"] == SECRET
    there.call("key_pause", key_id=key.id)
    there.call("key_resume", key_id=key.id)

    assert api.use("warehouse", remote="lab")["password"] == SECRET


def test_a_paused_key_opens_nothing_and_the_refusal_names_the_server(lab, there, key):
    assert api.use("warehouse", remote="lab")["password"] == SECRET
    there.call("key_pause", key_id=key.id)
    try:
        with pytest.raises(VerificationFailed, match="on lab"):
            api.use("warehouse", remote="lab")
    finally:
        there.call("key_resume", key_id=key.id)


def test_a_contributor_may_not_manage_there(shell, server, there, monkeypatch):
    small = there.key()
    monkeypatch.setenv("KEY_SECRET", small.secret)
    shell("remote", "add", "small", "--url", server.url, "--key", small.id, "--secret", "env:KEY_SECRET")

    with pytest.raises(AccessDenied):
        api.client("small").call("machine_add", password="long-enough-12")
    code, _, err = shell("app", "create", "mine", "--remote", "small")
    assert (code, "(on small)" in err) == (3, True)


# ── remote use ───────────────────────────────────────────────────────────────────────────────────────────────
def test_in_a_shell_the_variable_decides(lab, shell, monkeypatch):
    code, _, err = shell("remote", "use", "lab")
    assert (code, "export CREDMAGIC_REMOTE=lab" in err) == (2, True)
    monkeypatch.setenv("CREDMAGIC_REMOTE", "lab")

    assert "warehouse" in shell("list")[1]
    assert "lab (http" in shell("status")[1]
    assert "warehouse" not in shell("list", "--remote", "here")[1]
    assert "in use" in shell("remote")[1]


def test_python_code_follows_the_remote_in_use(lab, monkeypatch):
    monkeypatch.setenv("CREDMAGIC_REMOTE", "lab")

    assert api.use("warehouse")["password"] == SECRET
    assert [view["name"] for view in api.list()] == ["warehouse"]
    with pytest.raises(CredentialNotFound):
        api.use("warehouse", remote="")


def test_a_kernel_uses_another_server_until_it_goes_back(lab, cells, monkeypatch):
    monkeypatch.delenv("CREDMAGIC_REMOTE", raising=False)
    cells("%cred remote use lab")
    names = cells("a = %cred use warehouse\n%cred use warehouse as b\nc = %cred use warehouse --remote lab")
    assert {name: names[name].remote for name in "abc"} == dict.fromkeys("abc", "lab")

    cells("%cred remote use --none")

    with pytest.raises(CredentialNotFound):
        cells("%cred use warehouse")


def test_a_cell_has_the_variables_of_the_other_server_and_no_cell_after_it(lab, cells):
    cells("%%cred use warehouse --remote lab --export\nimport os; seen = os.environ['WAREHOUSE_PASSWORD']")

    assert cells.ip.user_ns["seen"] == SECRET
    assert "WAREHOUSE_PASSWORD" not in os.environ


def test_reload_fetches_what_is_injected_from_where_it_came(lab, cells, there, canary):
    cells("%cred use warehouse --remote lab --export")
    there.call("rotate", ref="warehouse", fields={"password": canary}, verify=False)
    try:
        cells("%cred reload")
        assert os.environ["WAREHOUSE_PASSWORD"] == canary
    finally:
        there.call("rotate", ref="warehouse", fields={"password": SECRET}, verify=False)


# ── the Tab key ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("use --remote lab ware", ["warehouse"]), ("--remote lab use ware", ["warehouse"]), ("use ware", []),
        ("use x --remote l", ["lab"]), ("--remote ", ["lab", "here"]), ("remote rm l", ["lab"]),
        ("show --rem", ["--remote"]), ("use --remote nowhere ware", []), ("--remote lab machi", ["machine"]),
    ],
)  # fmt: skip
def test_tab_knows_nicknames_and_what_is_there(lab, cells, line, offered):
    door = NotebookDoor(cells.ip)
    api.client("lab")  # the Tab key waits 0.2 s for a vault; the first sign-in may take longer
    complete(line, door)

    assert complete(line, door)[1] == offered


# ── between kernels and over TLS ─────────────────────────────────────────────────────────────────────────────
def test_a_kernel_asks_through_the_vault_of_its_own_server(server, key, tmp_path):
    """The key is in the vault of the kernel's server; the kernel holds a token of the other one, and the value."""
    with jupyter_server(tmp_path, environment={"KEY_SECRET": key.secret}) as mine:
        kernel = mine.start_kernel("a.ipynb")
        add = f"%cred remote add lab --url {server.url} --key {key.id} --secret env:KEY_SECRET"
        code = (
            f"{add}\nx = %cred use warehouse --remote lab\nk = %cred use lab\nprint(x, '|', len(x['password']), '|', k)"
        )
        shown = mine.run(kernel, code)
        assert f"| {len(SECRET)} |" in shown
        assert "key_secret" not in shown
        assert SECRET not in shown
        assert key.secret not in shown + mine.log


def test_a_server_with_a_certificate_of_its_own_is_asked(tmp_path, home, shell, key, there, monkeypatch):
    certificate = self_signed(tmp_path / "tls")
    with jupyter_server(there.workdir, certificate=certificate) as secure:
        monkeypatch.setenv("KEY_SECRET", key.secret)
        words = ("remote", "add", "tls", "--url", secure.url, "--key", key.id, "--secret", "env:KEY_SECRET")
        assert shell(*words)[0] == 7  # not trusted
        monkeypatch.setenv("CREDMAGIC_CA_FILE", str(certificate.cert))

        assert shell(*words)[0] == 0
        assert "warehouse" in shell("list", "--remote", "tls")[1]


def test_a_command_that_a_kernel_starts_follows_it(lab, home):
    """What `%cred remote use` leaves in the environment is a nickname, so a child needs a vault that knows it."""
    code = "from credmagic import api; print(api.use('warehouse').remote)"
    child = {**os.environ, "CREDMAGIC_REMOTE": "lab"}
    done = subprocess.run([sys.executable, "-c", code], env=child, capture_output=True, text=True)

    assert done.stdout.strip() == "lab", done.stderr


def test_forgetting_closes_what_was_connected(lab):
    first = api.client("lab")
    assert api.client("lab") is first
    remotes.forget()

    assert api.client("lab") is not first
