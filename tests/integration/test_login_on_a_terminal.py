"""Somebody signs in from a shell at a real provider: by a link, by a code for another device, by pasting an address."""

import os
import pty
import re
import signal
import subprocess
import sys
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest

from credmagic.testing.oidc_provider import OidcProvider
from credmagic.wiring import local_client

LINK = re.compile(r"(http://\S+/auth\?\S+|http://\S+\?user_code=\S+)\s")
COMMAND = [sys.executable, "-c", "import sys; from credmagic.cli.main import main; sys.exit(main())", "login", "crm"]


@pytest.fixture(scope="module")
def provider():
    with OidcProvider() as running:
        yield running


@pytest.fixture
def crm(home, provider, monkeypatch):
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    client = local_client()
    fields = {
        "client_id": "notebook", "client_secret": provider.clients["notebook"]["client_secret"],
        "token_url": provider.token_url, "authorization_url": provider.authorization_url,
        "device_authorization_url": provider.device_authorization_url,
        "scope": ["openid", "offline_access"], "custom_auth_query": {"prompt": "consent"},
    }  # fmt: skip
    client.call("create", name="crm", kind="oauth", fields=fields, verify=False)
    yield client
    client.close()


def started(*options):
    return subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def link_in(login):
    said = ""
    while not (found := LINK.search(said)):
        line = login.stdout.readline()
        assert line, said
        said += line
    return found[1], said


def accepted(client, provider):
    resolved = client.resolve("crm")
    return provider.accepts(str.__str__(resolved["fields"][resolved["token"]]))


def test_by_a_link_that_comes_back_to_the_command(crm, provider):
    with started() as login:
        link, said = link_in(login)
        address = provider.sign_in(link)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address) as tab:
            assert b"You can close this tab" in tab.read()
        said += login.stdout.read()

    assert login.returncode == 0
    assert "✓ signed in for crm, renews itself" in said
    assert parse_qs(urlsplit(address).query)["code"][0] not in said
    assert accepted(crm, provider)


def test_by_a_code_on_another_device(crm, provider):
    with started("--device") as login:
        link, said = link_in(login)
        provider.sign_in(link)
        said += login.stdout.read()

    assert (login.returncode, "✓ signed in for crm" in said) == (0, True)
    assert accepted(crm, provider)


def test_by_an_address_that_is_pasted_and_not_shown(crm, provider):
    reading, terminal = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    with subprocess.Popen([*COMMAND, "--paste"], start_new_session=True, **streams) as login:
        os.close(terminal)
        said = _until(reading, LINK) + _until(reading, re.compile("nothing is shown"))
        found = LINK.search(said)
        address = provider.sign_in(found[1])
        os.write(reading, f"{address}\n".encode())
        said += _until(reading, re.compile("signed in for crm"))
        login.wait(30)
    os.close(reading)

    assert login.returncode == 0
    assert address.startswith("http://127.0.0.1/callback?")
    assert parse_qs(urlsplit(address).query)["code"][0] not in said
    assert "--paste" not in said, "who pastes is not told to"
    assert accepted(crm, provider)


def _until(reading, pattern):
    said = ""
    while not pattern.search(said):
        said += os.read(reading, 65536).decode()
    return said


def test_who_gives_up_at_the_provider_is_told_what_to_run(crm, provider):
    with started() as login:
        link, said = link_in(login)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(provider.sign_in(link, deny=True)):
            said += login.stdout.read()

    assert login.returncode == 8
    assert "credmagic login crm" in said.splitlines()[-1]


def test_an_interrupt_gives_it_up(crm):
    with started() as login:
        link_in(login)
        login.send_signal(signal.SIGINT)
        said = login.stdout.read()

    assert login.returncode == 130
    assert "Traceback" not in said
    assert crm.call("show", ref="crm")["sign_in"] == "needed"
