"""Do credentials that are attached with `--inject` arrive before the first cell, and go with the extension?"""

import os

import pytest

from credmagic import api
from credmagic.client import token


class Server:
    """What a server answers a kernel whose notebook has an attached credential."""

    plane = "kernel"

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    def call(self, action, /, **params):
        """Answer `injections`, or fail as an unreachable server does."""
        self.asked += action == "injections"
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"injections": self.answer}

    def close(self):
        """Nothing to close."""


@pytest.fixture
def served(shell, monkeypatch):
    """Loads the extension as in a kernel that a server started; takes the server's answer."""

    def load(answer):
        monkeypatch.setenv("CREDMAGIC_SOCKET", "/nowhere/socket")
        monkeypatch.setenv(token.VARIABLE, "kernel-token")
        monkeypatch.setattr(token, "_token", None)
        server = Server(answer)
        monkeypatch.setattr(api, "_client", server)
        shell.run_line_magic("load_ext", "credmagic")
        return server

    return load


def attached(canary, inject="export"):
    resolved = {
        "id": "1", "name": "warehouse", "kind": "basic", "kind_version": 1, "version": 1, "environment": "draft",
        "fields": {"user": "ann", "password": canary}, "secret": ["password"], "expires_at": None,
        "environ": {"WAREHOUSE_USER": "ann", "WAREHOUSE_PASSWORD": canary}, "files": {}, "aliases": {},
    }  # fmt: skip
    return [{"inject": inject, "resolved": resolved}]


def test_values_come_with_the_first_cell_and_go_with_the_extension(shell, served, canary, capsys):
    server = served(attached(canary))
    assert server.asked == 0  # loading asks nobody
    shell.run_cell("import os\nseen = os.environ['WAREHOUSE_PASSWORD']")
    shell.run_cell("1")

    assert (shell.user_ns["seen"], server.asked) == (canary, 1)
    shell.run_line_magic("unload_ext", "credmagic")
    assert "WAREHOUSE_PASSWORD" not in os.environ
    assert canary not in "".join(capsys.readouterr())


def test_the_token_is_gone_from_the_environment(shell, served, canary):
    served(attached(canary))

    assert token.VARIABLE not in os.environ
    assert "CREDMAGIC_SOCKET" in os.environ


def test_a_cell_runs_even_if_the_vault_is_away(shell, served, canary, capsys):
    served(ConnectionError(canary))
    shell.run_cell("x = 1")
    said = "".join(capsys.readouterr())

    assert shell.user_ns["x"] == 1
    assert "were not injected" in said
    assert canary not in said


def test_without_a_server_nothing_is_asked(shell, monkeypatch, canary):
    server = Server(attached(canary))
    monkeypatch.setattr(api, "_client", server)
    monkeypatch.setattr(token, "_token", None)
    shell.run_line_magic("load_ext", "credmagic")
    shell.run_cell("1")

    assert server.asked == 0
