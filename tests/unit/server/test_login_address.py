"""To which address does a browser come back, when nobody says one?"""

import pytest
from jupyter_server.serverapp import ServerApp

from credmagic.server.origin import callback_address

CALLBACK = "credmagic/api/oauth/callback"


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    for name in ("JUPYTERHUB_PUBLIC_URL", "JUPYTERHUB_SERVICE_PREFIX"):
        monkeypatch.delenv(name, raising=False)


def address(**settings):
    where = {"ip": "127.0.0.1", "port": 8899, **settings}
    return callback_address(ServerApp(**where))


def test_it_is_the_servers_own_below_its_base_url():
    assert address() == f"http://127.0.0.1:8899/{CALLBACK}"
    assert address(base_url="/user/jo/") == f"http://127.0.0.1:8899/user/jo/{CALLBACK}"


def test_it_is_where_jupyter_says_that_people_find_it():
    shown = address(custom_display_url="https://notebooks.example/lab", base_url="/user/jo/")
    assert shown == f"https://notebooks.example/user/jo/{CALLBACK}"


@pytest.mark.parametrize("public", ["https://hub.example:8443/user/jo/", "https://hub.example:8443"])
def test_a_hub_knows_it_better(monkeypatch, public):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/jo/")
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", public)
    assert address(base_url="/user/jo/") == f"https://hub.example:8443/user/jo/{CALLBACK}"


@pytest.mark.parametrize("public", ["", "hub.example", "ftp://hub.example/", "http://["])
def test_behind_a_hub_that_does_not_say_nothing_is_guessed(monkeypatch, public):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/jo/")
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", public)
    assert address(base_url="/user/jo/") is None


def test_a_socket_is_no_address_for_a_browser():
    assert callback_address(ServerApp(sock="/run/jupyter.sock")) is None
