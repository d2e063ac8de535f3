"""Which server is meant, what is shown, and how other programs' files are changed."""

import json
import os
import re
import socket
import stat
import subprocess
import threading
from html import unescape
from textwrap import dedent

import pytest
import yaml

from credmagic import api
from credmagic.cli import connect, private_files, running
from credmagic.cli.clients import PROGRAMS
from credmagic.cli.connect import CLIENTS
from credmagic.cli.main import main
from credmagic.cli.pages import Page, Section
from credmagic.cli.tables import page_text
from credmagic.cli.usage import UsageError
from credmagic.magics.display import html

TOKEN = "jupyter-token-Kanari-5512"


@pytest.fixture
def shell(home, capfd, tmp_path, monkeypatch):
    """Runs one `credmagic` command line in an empty directory; gives exit code, stdout and stderr."""
    for name in ("JPY_PARENT_PID", "CREDMAGIC_URL", "DATAROBOT_CONFIG_FILE", "DATAROBOT_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run(*words):
        code = main(list(words))
        return (code, *capfd.readouterr())

    yield run
    api.close()


@pytest.fixture
def runs(home):
    """Makes a server of this user run: a port that answers, and the file Jupyter would leave."""
    listening = []

    def start(base_url="/", pid=1, **about):
        accepting = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=lambda: drain(accepting), daemon=True).start()
        listening.append(accepting)
        url = f"http://127.0.0.1:{accepting.getsockname()[1]}{base_url}"
        noted({"url": url, "token": TOKEN, "pid": pid, **about}, pid)
        return url

    yield start
    for accepting in listening:
        accepting.close()


def drain(accepting):
    try:
        while True:
            accepting.accept()[0].close()
    except OSError:
        return


def noted(about, pid):
    directory = os.environ["JUPYTER_RUNTIME_DIR"]
    os.makedirs(directory, exist_ok=True)
    text = about if isinstance(about, str) else json.dumps(about)
    with open(f"{directory}/jpserver-{pid}.json", "w") as file:
        file.write(text)


# ── which server ─────────────────────────────────────────────────────────────────────────────────────────────
def test_the_one_server_that_runs_is_meant(shell, runs):
    url = runs("/hub/ann/")
    code, out, _ = shell("connect", "conductor")

    assert code == 0
    assert f"CONDUCTOR_SERVER_URL={url}credmagic/api" in out


def test_without_a_server_it_says_how_to_name_one(shell):
    code, _, err = shell("connect", "unify")

    assert (code, "credmagic connect unify --url URL" in err) == (2, True)


def test_of_several_one_has_to_be_chosen(shell, runs):
    urls = [runs(pid=1), runs("/b/", pid=2)]
    code, _, err = shell("connect", "datarobot")

    assert code == 2
    assert all(f"credmagic connect datarobot --url {url}" in err for url in urls)
    assert shell("connect", "datarobot", "--url", urls[1])[0] == 0


def test_in_a_kernel_it_is_the_server_that_started_it(shell, runs, monkeypatch):
    runs(pid=1)
    mine = runs("/mine/", pid=4711)
    monkeypatch.setenv("JPY_PARENT_PID", "4711")

    assert f"{mine}credmagic/api/v2" in shell("connect", "datarobot")[1]


@pytest.mark.parametrize(
    "about", ["", "{", "[]", '{"url": 3}', '{"url": "", "sock": "/x"}', '{"url": "http://127.0.0.1:9/"}']
)
def test_files_of_servers_that_are_gone_or_half_written_are_passed_by(shell, runs, about):
    noted(about, 99)
    url = runs()

    assert f"{url}credmagic" in shell("connect", "unify")[1]


def test_a_server_elsewhere_is_named_by_a_variable(shell, monkeypatch):
    monkeypatch.setenv("CREDMAGIC_URL", "https://h.example/x/")
    monkeypatch.setenv("CREDMAGIC_AUTH_KEY", "k")

    assert running.chosen(None, "credmagic").base == "https://h.example/x/credmagic"


# ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("how", [(), ("--json",)])
def test_nothing_secret_is_shown(shell, runs, client, how):
    runs()
    code, out, err = shell("connect", client, *how)

    assert code == 0
    assert TOKEN not in out + err


def test_a_notebook_shows_lines_that_can_be_copied():
    """Indentation is kept, nothing is cut, and what looks like markup is text."""
    content = {"a": {"b": "<c>" + "x" * 200}}
    page = Page("t", {}, sections=(Section((), "In f", code=connect._yaml(content)),))
    shown = re.search("<pre>(.*)</pre>", html(page), re.DOTALL)[1]

    assert yaml.safe_load(unescape(shown)) == content
    assert "<c>" not in shown
    assert yaml.safe_load(dedent(page_text(page, 40).partition("\n")[2].partition("\n")[2])) == content


def test_the_clients_are_those_of_the_help():
    assert tuple(PROGRAMS) == CLIENTS


def test_an_unknown_client_is_answered_with_the_closest(shell):
    code, _, err = shell("connect", "conducter")

    assert (code, "Did you mean conductor?" in err) == (2, True)


def test_a_secret_without_write_is_not_even_read(shell, runs):
    runs()
    code, _, err = shell("connect", "conductor", "--secret", "file:/nowhere")

    assert (code, "Add --write" in err) == (2, True)


@pytest.mark.parametrize("client", ["conductor", "unify"])
def test_writing_needs_to_know_who_signs_in(shell, runs, client):
    runs()
    code, _, err = shell("connect", client, "--write")

    assert (code, "--key KEY_ID --secret prompt" in err) == (2, True)


def test_over_https_orchestrate_is_told_to_sign_in_by_itself(shell):
    data = json.loads(shell("connect", "orchestrate", "--url", "https://h.example/x/", "--ca", "/ca.pem", "--json")[1])
    (about,) = data["files"].values()

    assert about["environments"]["credmagic"] == {
        "wxo_url": "https://h.example/x/credmagic", "auth_type": "cpd", "verify": "/ca.pem", "bypass_ssl": False,
    }  # fmt: skip
    assert "--type cpd --verify /ca.pem" in data["commands"][0]


def test_over_http_its_scheme_is_in_capitals(shell, runs):
    url = runs()
    data = json.loads(shell("connect", "orchestrate", "--json")[1])

    assert f"-u HTTP{url.removeprefix('http')}credmagic" in data["commands"][0]


def test_an_address_that_the_cli_would_cut_gets_its_own_login_address(shell):
    out = shell("connect", "orchestrate", "--url", "https://h/orchestrate/")[1]

    assert "--iam-url https://h/orchestrate/credmagic/icp4d-api" in " ".join(out.split())


def test_a_token_of_ones_own_is_not_printed_into_a_pipe(shell, runs):
    runs()
    code, out, _ = shell("connect", "conductor", "--user-token")

    assert (code, out) == (2, "")


def test_a_token_of_ones_own_is_written_into_a_new_private_file(shell, runs, tmp_path):
    runs()
    code, out, err = shell("connect", "conductor", "--user-token", "--out", str(tmp_path / "jwt"))
    token = (tmp_path / "jwt").read_text()

    assert (code, token.count(".")) == (0, 2)
    assert token not in out + err
    assert stat.S_IMODE((tmp_path / "jwt").stat().st_mode) == 0o600


def test_a_client_that_takes_no_such_token_says_so(shell, runs):
    runs()
    assert "takes no such token" in shell("connect", "unify", "--user-token")[2]


# ── what is written ──────────────────────────────────────────────────────────────────────────────────────────
def test_the_token_goes_into_the_file_and_not_on_the_screen(shell, runs):
    url = runs()
    code, out, err = shell("connect", "datarobot", "--write")
    file = os.path.expanduser("~/.config/datarobot/drconfig.yaml")

    with open(file) as opened:
        assert yaml.safe_load(opened) == {"endpoint": f"{url}credmagic/api/v2", "token": TOKEN}
    assert (code, TOKEN in out + err) == (0, False)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600


def test_a_server_without_a_token_asks_for_one(shell, runs, monkeypatch):
    runs(token="")
    monkeypatch.setenv("T", "given-Kanari")

    assert "--write --secret prompt" in shell("connect", "datarobot", "--write")[2]
    assert shell("connect", "datarobot", "--write", "--secret", "env:T")[0] == 0
    with open(os.path.expanduser("~/.config/datarobot/drconfig.yaml")) as opened:
        assert yaml.safe_load(opened)["token"] == "given-Kanari"


def test_a_configuration_that_variables_overrule_is_said_to_be(shell, runs, monkeypatch):
    runs()
    monkeypatch.setenv("DATAROBOT_ENDPOINT", "https://other/")

    assert "DATAROBOT_ENDPOINT is set here" in shell("connect", "datarobot", "--write")[1]


def test_variables_are_merged_into_what_is_there(shell, runs, monkeypatch, tmp_path):
    runs()
    secret = "it's $a `secret`"
    monkeypatch.setenv("S", secret)
    with open("conductor.env", "w") as file:
        file.write("# mine\nexport CONDUCTOR_AUTH_KEY=old\nOTHER=1")
    code, out, err = shell("connect", "conductor", "--write", "--key", "cmk_1", "--secret", "env:S")
    with open("conductor.env") as file:
        lines = file.read().splitlines()

    assert code == 0
    assert lines[:3] == ["# mine", "CONDUCTOR_AUTH_KEY=cmk_1", "OTHER=1"]
    script = '. ./conductor.env; printf %s "$CONDUCTOR_AUTH_SECRET"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout == secret
    assert secret not in out + err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", {}),
        ("# mine\nmax_retries: 3  # few\ntoken: old\n", {"max_retries": 3}),
        ("{max_retries: 3, token: old}", {"max_retries": 3}),
        ("token: |\n  two\n  lines\nmax_retries: 3\n", {"max_retries": 3}),
        ("a:\n  token: inner\n", {"a": {"token": "inner"}}),
        ("token :   old", {}),
        ("'token': old\n", {}),
        ("---\nssl_verify: false\n", {"ssl_verify": False}),
    ],
)
def test_a_yaml_file_keeps_what_is_not_ours(tmp_path, before, after):
    file = tmp_path / "c.yaml"
    file.write_text(before)
    private_files.merge_yaml(file, {"endpoint": "https://h/", "token": "ne: w # 'x\""})

    assert yaml.safe_load(file.read_text()) == {**after, "endpoint": "https://h/", "token": "ne: w # 'x\""}
    assert ("# few" in before) == ("# few" in file.read_text())


def test_levels_are_merged_one_by_one(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("auth: {local: , other: {a: 1}}\ncontext: {active_environment: other}\n")
    private_files.merge_yaml(file, {"auth": {"cm": {"t": "x"}}})

    assert yaml.safe_load(file.read_text()) == {
        "auth": {"local": None, "other": {"a": 1}, "cm": {"t": "x"}}, "context": {"active_environment": "other"},
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"- a\n", b"a: [", b"\xff\xfe", b"just words"])
def test_a_file_that_is_not_understood_is_left_alone(tmp_path, content):
    file = tmp_path / "c.yaml"
    file.write_bytes(content)

    with pytest.raises(UsageError, match="it was not changed"):
        private_files.merge_yaml(file, {"token": "x"})
    assert file.read_bytes() == content


def test_the_file_becomes_private_and_a_link_stays_one(tmp_path):
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("a: 1\n")
    real.chmod(0o644)
    link.symlink_to(real)
    private_files.merge_yaml(link, {"b": 2})

    assert link.is_symlink()
    assert yaml.safe_load(real.read_text()) == {"a": 1, "b": 2}
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match=r"c\.yaml"):
        private_files.merge_yaml(tmp_path / "file" / "c.yaml", {"a": 1})
