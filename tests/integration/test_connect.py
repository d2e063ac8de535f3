"""Do the real clients take what `credmagic connect --write` wrote for them? Each reads it with its own code and signs in."""

import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from client_process import DRIVERS, alone, python_of
from credmagic.testing.jupyter import TOKEN, isolated, jupyter_server
from machine_store import machine_store

SECRET = f"Kanari-{secrets.token_hex(12)}-ß/+&\"'"
DATAROBOT = "import datarobot as dr; dr.Client(); print([one.name for one in dr.Credential.list()])"
CONDUCTOR = """
from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.orkes_clients import OrkesClients
configuration = Configuration({how})
{then}
print(OrkesClients(configuration).get_authorization_client().get_user_info_from_token()["name"])
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with machine_store(tmp_path_factory.mktemp("connect"), SECRET) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(store):
    with jupyter_server(store.workdir, base_url="/x/") as running:
        yield running
        assert SECRET not in running.log


@pytest.fixture(scope="module")
def key(store):
    return store.key("Admin")


@pytest.fixture
def user(store, server, tmp_path):
    """A home of a client's own, beside the store and the running server of that user."""
    here = {
        name: value for name, value in isolated(store.workdir).items() if name.startswith(("CREDMAGIC_", "JUPYTER_"))
    }
    return alone(tmp_path / "home", **here)


@pytest.fixture
def connect(user, tmp_path, key):
    """`credmagic connect …` as that user; what it printed. No secret may be in it."""

    def run(*words, code=0, **variables):
        command = [sys.executable, "-c", "import sys; from credmagic.cli.main import main; sys.exit(main())", "connect"]
        env = {**user, "KEY_SECRET": key.secret, **variables}
        done = subprocess.run([*command, *words], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stderr
        for secret in (key.secret, TOKEN, SECRET):
            assert secret not in done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def run(user, tmp_path):
    """A program as that user; what it printed."""

    def run(*command, **variables):
        env = {**user, **variables}
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_datarobot_takes_its_file(connect, run, tmp_path):
    python, file = python_of("datarobot"), tmp_path / "home/.config/datarobot/drconfig.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("max_retries: 1  # mine\nendpoint: https://old.example/api/v2\n")
    connect("datarobot", "--write")

    assert "['warehouse']" in run(python, "-c", DATAROBOT)
    assert "# mine" in file.read_text()


def test_datarobot_takes_a_file_that_a_variable_names(connect, run, tmp_path):
    python, named = python_of("datarobot"), {"DATAROBOT_CONFIG_FILE": str(tmp_path / "dr.yaml")}
    connect("datarobot", "--write", **named)

    assert "['warehouse']" in run(python, "-c", DATAROBOT, **named)


def test_datarobot_takes_the_variables_that_are_shown(connect, run, server):
    shown = json.loads(connect("datarobot", "--json"))["variables"]

    assert "['warehouse']" in run(python_of("datarobot"), "-c", DATAROBOT, **{**shown, "DATAROBOT_API_TOKEN": TOKEN})


def test_conductor_takes_its_variables(connect, run, key):
    python = python_of("conductor")
    connect("conductor", "--write", "--key", key.id, "--secret", "env:KEY_SECRET")
    script = CONDUCTOR.format(how="", then="")

    assert "job Admin" in run("sh", "-c", 'set -a; . ./conductor.env; set +a; exec "$@"', "sh", python, "-c", script)


def test_conductor_takes_a_token_of_the_user(connect, run, tmp_path):
    python = python_of("conductor")
    url = json.loads(connect("conductor", "--json"))["variables"]["CONDUCTOR_SERVER_URL"]
    connect("conductor", "--user-token", "--out", "jwt")
    then = "configuration.update_token(open('jwt').read())"
    how = f"server_api_url={url!r}, authentication_settings=AuthenticationSettings(None, None)"
    script = CONDUCTOR.format(how=how, then=then)

    assert (tmp_path / "jwt").read_text() not in run(python, "-c", script)


def test_orchestrate_takes_its_environment_and_finds_its_token(connect, run, tmp_path):
    orchestrate = Path(python_of("orchestrate")).with_name("orchestrate")
    config = tmp_path / "home/.config/orchestrate/config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("environments:\n  other:\n    wxo_url: https://other.example\n")
    connect("orchestrate", "--write")

    run(orchestrate, "env", "activate", "credmagic")

    assert "Error" not in run(orchestrate, "connections", "list")
    assert {"credmagic", "other", "local"} <= set(yaml.safe_load(config.read_text())["environments"])


def test_orchestrate_finds_a_token_of_an_access_key(connect, run, key, store):
    orchestrate = Path(python_of("orchestrate")).with_name("orchestrate")
    connect("orchestrate", "--write", "--name", "cm", "--key", key.id, "--secret", "env:KEY_SECRET")
    run(orchestrate, "env", "activate", "cm")

    run(orchestrate, "connections", "add", "--app-id", "by-cli")

    assert store.call("connection", app_id="by-cli")["app_id"] == "by-cli"


def test_unify_finds_its_cluster(connect, run, tmp_path, store):
    unify = Path(python_of("unify")).with_name("unify")
    keyring = {
        "PYTHON_KEYRING_BACKEND": "file_keyring.FileKeyring", "FILE_KEYRING": str(tmp_path / "keyring.json"),
        "PYTHONPATH": str(DRIVERS),
    }  # fmt: skip
    password = secrets.token_urlsafe(16)
    machine = store.call("machine_add", name="for unify", role="Admin", password=password)["id"]
    connect(
        "unify", "--write", "--key", machine, "--secret", "env:PASSWORD", "--name", "cm", PASSWORD=password, **keyring
    )

    assert "cm" in run(unify, "cluster", "list", **keyring)
    run(unify, "cluster", "login", "--remote", "cm", **keyring)
    assert "for unify" in run(unify, "user", "org-list", "--org", "1", "--remote", "cm", **keyring)


def test_without_a_keyring_it_says_what_both_programs_need(connect):
    words = ("unify", "--write", "--key", "m", "--secret", "env:KEY_SECRET")
    backend = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}

    assert "PYTHON_KEYRING_BACKEND" in connect(*words, code=2, **backend)
