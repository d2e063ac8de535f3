"""Which access key does this process have? From variables, whose secret is then nobody else's."""

import os
import subprocess
import sys

import pytest

from credmagic import api
from credmagic.client import access_key
from credmagic.client.local import LocalClient
from credmagic.client.remote import RemoteClient
from credmagic.client.socket import SocketClient
from credmagic.errors import NotSignedIn
from credmagic.redact import registry
from loopback_server import running, token

URL, KEY = "http://127.0.0.1:9/", "cmk_abcdefghijklmnopqrst"
NAMES = ("CREDMAGIC_URL", "CREDMAGIC_AUTH_KEY", "CREDMAGIC_AUTH_SECRET", "CREDMAGIC_AUTH_SECRET_FILE")


@pytest.fixture
def variables(home, monkeypatch):
    """`variables(url=…, key=…, secret=…, file=…)` sets exactly these."""
    monkeypatch.setattr(access_key, "_secrets", {})
    monkeypatch.setattr("credmagic.client.token._token", None)

    def set_(url="", key="", secret="", file=""):
        for name, value in zip(NAMES, (url, key, secret, file), strict=True):
            monkeypatch.setenv(name, str(value)) if value else monkeypatch.delenv(name, raising=False)

    set_()
    yield set_
    api.close()
    registry.clear()


def test_nobody_is_signed_in_without_variables(variables):
    assert access_key.take() is None


def test_the_secret_is_taken_out_of_the_environment_and_remembered(variables, canary):
    variables(URL, KEY, canary)

    first, second = access_key.take(), access_key.take()

    assert (first.url, first.id, str.__str__(first.secret)) == (URL, KEY, canary)
    assert second == first
    assert "CREDMAGIC_AUTH_SECRET" not in os.environ
    assert canary[:24] not in repr(first)


def test_a_file_may_hold_the_secret_and_is_read_again_each_time(variables, canary, tmp_path):
    file = tmp_path / "secret"
    file.write_text(canary + "\n", "utf-8")
    variables(URL, KEY, file=file)

    assert str.__str__(access_key.take().secret) == canary
    file.write_text("renewed", "utf-8")
    assert str.__str__(access_key.take().secret) == "renewed"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_a_file_without_a_secret_is_named_by_its_variable(variables, tmp_path, content):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    variables(URL, KEY, file=file)

    with pytest.raises(NotSignedIn, match="CREDMAGIC_AUTH_SECRET_FILE"):
        access_key.take()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"url": URL}, ["CREDMAGIC_AUTH_KEY", "CREDMAGIC_AUTH_SECRET"]),
        ({"key": KEY}, ["CREDMAGIC_URL", "CREDMAGIC_AUTH_SECRET"]),
        ({"secret": "s"}, ["CREDMAGIC_URL", "CREDMAGIC_AUTH_KEY"]),
        ({"url": URL, "key": KEY}, ["CREDMAGIC_AUTH_SECRET"]),
        ({"url": URL, "secret": "s"}, ["CREDMAGIC_AUTH_KEY"]),
        ({"key": KEY, "secret": "s"}, ["CREDMAGIC_URL"]),
    ],
)
def test_half_a_set_is_refused_with_what_is_missing_each_time(variables, given, missing):
    variables(**given)

    for _ in range(2):
        with pytest.raises(NotSignedIn) as error:
            access_key.take()
        assert error.value.message == (
            f"no sign-in elsewhere: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        )
    assert "CREDMAGIC_AUTH_SECRET" in error.value.next_step


def test_a_secret_that_came_before_its_key_is_not_lost(variables, canary, monkeypatch):
    variables(secret=canary)
    access_key.hide()
    monkeypatch.setenv("CREDMAGIC_URL", URL)
    monkeypatch.setenv("CREDMAGIC_AUTH_KEY", KEY)

    assert str.__str__(access_key.take().secret) == canary


def test_whoever_unsets_the_variables_is_at_home_again(variables, canary):
    variables(URL, KEY, canary)
    access_key.take()
    variables()

    assert access_key.take() is None


def test_another_server_comes_before_the_store_of_this_machine(variables, canary, home):
    variables(URL, KEY, canary)

    client = api.client()

    assert isinstance(client, RemoteClient)
    assert client.url == "http://127.0.0.1:9/credmagic"
    assert not home.exists()


def test_without_one_the_store_of_this_machine_is_used(variables):
    assert isinstance(api.client(), LocalClient)


def test_the_server_that_started_this_kernel_comes_first(variables, canary, monkeypatch):
    variables(URL, KEY, canary)
    monkeypatch.setenv("CREDMAGIC_SOCKET", "/nowhere/k.sock")
    monkeypatch.setenv("CREDMAGIC_KERNEL_TOKEN", "t")

    assert isinstance(api.client(), SocketClient)
    assert "CREDMAGIC_AUTH_SECRET" not in os.environ


def test_half_a_set_never_opens_the_store_of_this_machine_instead(variables, home):
    variables(URL)

    with pytest.raises(NotSignedIn):
        api.use("warehouse")

    assert not home.exists()


@pytest.mark.parametrize("from_file", [False, True])
def test_the_secret_is_masked_in_output(variables, canary, tmp_path, from_file):
    file = tmp_path / "secret"
    file.write_text(canary, "utf-8")
    variables(URL, KEY, **({"file": file} if from_file else {"secret": canary}))
    api.client()

    assert registry.current().replace(f"it is {canary}.")[0] == "it is [access-key.secret]."


USE = """
import sys
before = set(sys.modules)
import credmagic
print(len(credmagic.use("warehouse")["password"]))
names = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(names & {"requests", "httpx", "httpx2", "pydantic", "sqlalchemy", "click", "cryptography", "IPython"}))
import os; print("CREDMAGIC_AUTH_SECRET" in os.environ)
"""


def test_a_use_elsewhere_imports_nothing_heavy(variables, canary, home):
    """The kernel side stays light, also where it speaks to another machine."""
    resolved = {
        "id": "0" * 32, "name": "warehouse", "kind": "basic", "kind_version": 1, "version": 1, "environment": "",
        "fields": {"user": "jo", "password": canary}, "secret": ["password"], "expires_at": None,
    }  # fmt: skip
    with running() as server:
        server.answer = lambda path, *_: (200, {"token": token()} if path.endswith("token") else resolved)
        variables(server.url, KEY, canary)
        done = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:3] == [str(len(canary)), "[]", "False"]
    assert not home.exists()


def test_a_command_that_is_run_does_not_inherit_the_secret(variables, canary):
    resolved = {
        "id": "0" * 32, "name": "wh", "kind": "basic", "kind_version": 1, "version": 1, "environment": "",
        "fields": {"user": "jo", "password": "geheim-123"}, "secret": ["password"], "expires_at": None,
        "environ": {"WH_PASSWORD": "geheim-123"}, "files": {}, "aliases": {},
    }  # fmt: skip
    with running() as server:
        server.answer = lambda path, *_: (200, {"token": token()} if path.endswith("token") else resolved)
        variables(server.url, KEY, canary)
        command = [sys.executable, "-c", "import sys; from credmagic.cli.main import main; sys.exit(main())"]
        done = subprocess.run([*command, "run", "wh", "--", "env"], capture_output=True, text=True, check=True)

    assert "WH_PASSWORD=geheim-123" in done.stdout
    assert f"CREDMAGIC_AUTH_KEY={KEY}" in done.stdout
    assert canary not in done.stdout + done.stderr


def test_status_says_which_server_answers(variables, canary, capsys):
    from credmagic.cli.main import main

    with running() as server:
        server.answer = lambda path, *_: (200, {"token": token()} if path.endswith("token") else {"store": "there"})
        variables(server.url, KEY, canary)

        assert main(["status"]) == 0

    assert f"{server.url}/credmagic" in capsys.readouterr().out
