"""How long does a token outlive the key, the role or the identity it was given to? Two processes, one store.

A real server answers; this process is the other one, as a shell beside it is. Each trial takes a live token, ends it here
and asks the server at once: the very first answer has to be a refusal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from credmagic.errors import NotSignedIn
from credmagic.testing.jupyter import JupyterServer, isolated, jupyter_server
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.vault.sign_in import sign_in, who
from credmagic.vault.vault import Vault
from credmagic.wiring import open_vault

TRIALS = 40
PROMISED = 1.0
"""Seconds."""
Act = Callable[..., dict[str, Any]]

ENDINGS = [
    ("key_pause", lambda name, key: {"key_id": key}),
    ("key_remove", lambda name, key: {"key_id": key}),
    ("app_update", lambda name, key: {"ref": name, "roles": ["ADMIN"]}),
    ("machine_pause", lambda name, key: {"ref": name}),
    ("app_remove", lambda name, key: {"ref": name}),
]


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Vault, Path]]:
    workdir = tmp_path_factory.mktemp("revocation")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in isolated(workdir).items():
            patch.setenv(name, value)
        opened = open_vault(notify=lambda line: None)
        yield opened, workdir
        opened.close()


@pytest.fixture(scope="module")
def act(vault: tuple[Vault, Path]) -> Act:
    def run(action: str, **params: Any) -> dict[str, Any]:
        return dispatch(vault[0], Caller("local"), action, params)

    return run


@pytest.fixture(scope="module")
def server(vault: tuple[Vault, Path]) -> Iterator[JupyterServer]:
    with jupyter_server(vault[1]) as running:
        yield running


def test_a_token_ends_with_what_it_was_given_for(vault, act: Act, server: JupyterServer) -> None:
    first, took = [], []
    for number in range(TRIALS):
        name = f"app {number}"
        act("app_add", name=name)
        key = act("key_create", ref=name)
        token = {"X-Authorization": sign_in(vault[0], Caller("machine"), key["id"], key["secret"], 60).token}
        assert server.request("GET", "credmagic/api/applications", headers=token).status == 200
        action, params = ENDINGS[number % len(ENDINGS)]

        act(action, **params(name, key["id"]))
        ended = time.monotonic()
        first.append(server.request("GET", "credmagic/api/applications", headers=token).status)
        while server.request("GET", "credmagic/api/applications", headers=token).status != 401:
            assert time.monotonic() - ended < 10
        took.append(time.monotonic() - ended)

    late = sum(status != 401 for status in first)
    print(f"{TRIALS} trials, {late} late, longest {max(took) * 1000:.0f} ms")
    assert late == 0
    assert max(took) <= PROMISED


def test_a_new_password_ends_what_the_old_one_opened(vault, act: Act, server: JupyterServer) -> None:
    act("machine_add", id="bot", password="a-good-password")
    token = {"X-Authorization": sign_in(vault[0], Caller("machine"), "bot", "a-good-password").token}
    assert server.request("GET", "credmagic/api/applications", headers=token).status == 200

    act("machine_set_password", ref="bot", password="another-password")

    assert server.request("GET", "credmagic/api/applications", headers=token).status == 401


def test_what_a_server_ends_is_ended_in_the_other_process_too(vault, act: Act, server: JupyterServer) -> None:
    act("app_add", name="boss", roles=["ADMIN"])
    act("app_add", name="job")
    admin, key = act("key_create", ref="boss"), act("key_create", ref="job")
    by = {"X-Authorization": sign_in(vault[0], Caller("machine"), admin["id"], admin["secret"]).token}
    token = sign_in(vault[0], Caller("machine"), key["id"], key["secret"]).token
    at = f"credmagic/api/applications/{act('app', ref='job')['id']}/accessKeys/{key['id']}"

    assert server.request("DELETE", at, {}, headers=by).status in (200, 204)

    with pytest.raises(NotSignedIn):
        who(vault[0], token)
    assert str.__str__(token) not in server.log
    assert key["secret"] not in server.log
