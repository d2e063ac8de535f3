"""How often is a login renewed when many ask at the moment its token ends? Counted at the real provider.

It ends the whole login when a refresh token comes twice, so each token that it accepts afterwards says that none did.
"""

import os
import threading
import time
from contextlib import nullcontext

import pytest

from credmagic.client.socket import SocketClient
from credmagic.testing.fixtures import require
from credmagic.testing.jupyter import jupyter_server
from credmagic.testing.oidc_provider import OidcProvider
from credmagic.testing.postgres import empty_database, postgres_server
from security.renewals import REDIRECT, Process, expire, fields, signed_in, stored, token, vault_of_ours

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
MANY = 50
LIFE = 3
"""Seconds that a token lives whose end is waited for."""


@pytest.fixture(scope="module")
def provider():
    require("fork", hasattr(os, "fork"))
    with OidcProvider() as running:
        yield running


@pytest.fixture
def vault(home, provider):
    with vault_of_ours() as opened:
        signed_in(opened, provider, "mail")
        yield opened


def at_once(askers):
    """What each of the functions answers, called by threads that start together."""
    gate, answers = threading.Barrier(len(askers)), []

    def run(ask):
        gate.wait()
        try:
            answers.append(ask())
        except Exception as error:
            answers.append(error)

    threads = [threading.Thread(target=run, args=(ask,)) for ask in askers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.fixture
def kernels(tmp_path, provider):
    """Clients of one server's socket, of two kernels in turn; somebody has signed in there."""
    with jupyter_server(tmp_path) as server:
        found = [server.kernel_environment(server.start_kernel(f"{name}.ipynb")) for name in ("one", "two")]
        tokens = [(env["CREDMAGIC_SOCKET"], env["CREDMAGIC_KERNEL_TOKEN"]) for env in found]
        clients = [SocketClient(*tokens[number % 2]) for number in range(MANY)]
        first = clients[0]
        first.call("create", name="mail", kind="oauth", fields=fields(provider), verify=False)
        begun = first.call("login_begin", ref="mail", how="code", redirect_uri=REDIRECT)
        address = provider.sign_in(begun["authorization_url"])
        assert first.call("login_finish", login_id=begun["login_id"], answer=address)["state"] == "done"
        yield clients
        for client in clients:
            client.close()


def test_fifty_clients_of_two_kernels_renew_once_when_a_token_ends(provider, kernels):
    provider.set(life=LIFE)
    old = str.__str__(kernels[0].resolve("mail")["fields"]["token"])
    provider.set(life=3600)
    time.sleep(LIFE)
    assert not provider.accepts(old)
    before = provider.asked()
    answers = at_once([lambda client=client: client.resolve("mail")["fields"]["token"] for client in kernels])
    assert provider.asked() == before + 1
    assert len(answers) == MANY
    assert len(set(map(str, answers))) == 1
    assert provider.accepts(answers[0])


def test_fifty_threads_of_one_vault_renew_once_when_a_token_ends(provider, vault):
    token(vault, "mail")
    expire(vault, "mail")
    before = provider.asked()
    answers = at_once([lambda: token(vault, "mail")] * MANY)
    assert provider.asked() == before + 1
    assert len(answers) == MANY
    assert len(set(answers)) == 1
    assert provider.accepts(answers[0])


def all_ask(count, use):
    """What `count` processes get that have a vault each and ask when the last of them is ready."""
    gate, opener = os.pipe()

    def ask(vault, say):
        say("ready")
        os.close(opener)
        os.read(gate, 1)  # until the other end is closed
        try:
            say(use(vault))
        except Exception as error:
            say(repr(error))

    processes = [Process(ask) for _ in range(count)]
    for process in processes:
        assert process.heard.readline()
    os.close(opener)
    start = time.monotonic()
    told = [process.heard.readline().strip().strip('"') for process in processes]
    assert [process.ended() for process in processes] == [0] * count
    os.close(gate)
    print(f"{count} processes: {time.monotonic() - start:.1f} s")
    return told


def test_fifty_processes_renew_one_after_the_other_and_none_is_signed_out(provider, vault):
    before, version = provider.asked(), stored(vault, "mail")[1]
    tokens = all_ask(MANY, lambda own: token(own, "mail"))
    assert provider.asked() == before + MANY
    assert len(set(tokens)) == MANY
    assert all(provider.accepts(each) for each in tokens)
    assert provider.accepts(stored(vault, "mail")[0])
    assert stored(vault, "mail")[1] == version + MANY


@pytest.fixture
def vault_on_postgresql(home, provider, monkeypatch):
    with postgres_server() as (server, _), empty_database(server) as url:
        monkeypatch.setenv("CREDMAGIC_STORE_URL", url)
        with vault_of_ours() as opened:
            signed_in(opened, provider, "mail")
            yield opened


def test_processes_with_a_store_on_postgresql_take_turns_too(provider, vault_on_postgresql):
    before = provider.asked()
    tokens = all_ask(10, lambda own: token(own, "mail"))
    assert provider.asked() == before + 10
    assert all(provider.accepts(each) for each in tokens)
    assert provider.accepts(stored(vault_on_postgresql, "mail")[0])


def test_the_control_without_turns_is_caught(provider, vault):
    def careless(own):
        own.store.exclusively = lambda name: nullcontext()
        return token(own, "mail")

    tokens = all_ask(10, careless)
    assert not all(provider.accepts(each) for each in tokens)
    assert not provider.accepts(stored(vault, "mail")[0])
