"""The extension from start to stop: on by installation, off by its switch, limited, and gone without a trace."""

import json
import os
import signal
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from credmagic.client.socket import SocketClient
from credmagic.errors import RateLimited
from credmagic.testing.jupyter import jupyter_server

OFF = '--ServerApp.jpserver_extensions={"credmagic": False}'


@pytest.fixture
def tmp_path():
    """A short one: a socket's path that is too long would lie elsewhere, which another test is about."""
    with tempfile.TemporaryDirectory(prefix="cm-") as made:
        yield Path(made)


def client_of(server):
    env = server.kernel_environment(server.start_kernel())
    return SocketClient(env["CREDMAGIC_SOCKET"], env["CREDMAGIC_KERNEL_TOKEN"])


def ask_often(client, times):
    for _ in range(times):
        client.call("names")


def test_installing_is_enough_to_be_on():
    """The wheel's shared data: one file for the server, one for IPython."""
    data = Path(sysconfig.get_path("data"))
    config = data / "etc/jupyter/jupyter_server_config.d/credmagic.json"
    assert json.loads(config.read_text()) == {"ServerApp": {"jpserver_extensions": {"credmagic": True}}}
    assert (data / "etc/ipython/startup/50-credmagic.py").is_file()


def test_the_extension_points_to_itself():
    import credmagic

    (point,) = credmagic._jupyter_server_extension_points()
    module = __import__(point["module"], fromlist=["x"])
    assert callable(module._load_jupyter_server_extension)
    assert callable(module._start_jupyter_server_extension)


def test_switched_off_it_does_nothing(tmp_path):
    with jupyter_server(tmp_path, OFF) as server:
        env = server.kernel_environment(server.start_kernel())

        assert "CREDMAGIC_SOCKET" not in env
        assert "CREDMAGIC_KERNEL_TOKEN" not in env
        assert server.request("GET", "credmagic/api/health").status == 404
    assert not (tmp_path / "home").exists()


def test_starting_makes_no_store_and_stopping_leaves_no_socket(tmp_path):
    with jupyter_server(tmp_path) as server:
        server.wait(lambda: list((tmp_path / "home/run").glob("k-*.sock")) != [])
        assert server.request("GET", "credmagic/api/health").json()["vault"] == "none"

    assert [path.name for path in (tmp_path / "home").iterdir()] == ["run"]
    assert list((tmp_path / "home/run").iterdir()) == []


def test_a_killed_server_leaves_a_socket_that_the_next_one_removes(tmp_path):
    with jupyter_server(tmp_path) as server:
        server.wait(lambda: list((tmp_path / "home/run").glob("k-*.sock")) != [])
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    (left,) = (tmp_path / "home/run").glob("k-*.sock")

    with jupyter_server(tmp_path) as server:
        server.wait(lambda: not left.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ending_is_quick_and_no_thread_holds_it_up(tmp_path):
    import time

    with jupyter_server(tmp_path) as server:
        client_of(server).call("names")
        asked = time.monotonic()
        server.stop()

        assert time.monotonic() - asked < 15
        assert server.process.returncode in (0, -signal.SIGTERM)


def test_limits_are_settings(tmp_path):
    options = ["--Credmagic.kernel_requests_per_minute=20", "--Credmagic.browser_writes_per_minute=2"]
    with jupyter_server(tmp_path, *options) as server:
        client = client_of(server)
        client.call("names")
        with pytest.raises(RateLimited) as error:
            ask_often(client, 20)  # the kernel's own first questions count as well

        writes = [
            server.request("POST", "credmagic/api/v2/credentials/", {"name": f"n{n}", "user": "u", "password": "p"})
            for n in range(3)
        ]

        assert 1 <= error.value.details["retry_after"] <= 60
        assert [answer.status for answer in writes] == [201, 201, 429]
        assert 1 <= int(writes[2].headers["retry-after"]) <= 60
        assert server.request("GET", "credmagic/api/v2/credentials/").json()["totalCount"] == 2


def test_limits_can_be_switched_off_and_status_says_so(tmp_path):
    options = ["--Credmagic.kernel_requests_per_minute=2"]
    with jupyter_server(tmp_path, *options, environment={"CREDMAGIC_RATES": "off"}) as server:
        client = client_of(server)

        for _ in range(6):
            status = client.call("status")

        assert status["rates"] == "off"


def test_without_a_place_for_the_socket_kernels_start_all_the_same(tmp_path):
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    with jupyter_server(tmp_path, f"--Credmagic.socket_dir={blocked}/run") as server:
        env = server.kernel_environment(server.start_kernel())
        health = server.request("GET", "credmagic/api/health").json()

        assert "CREDMAGIC_SOCKET" not in env
        assert health["kernels"] is False
        assert "no kernel socket" in health["warnings"][0]


def test_gateway_kernels_get_nothing_and_the_log_says_so(tmp_path):
    """The gateway need not exist: what matters is what this server would send it."""
    with jupyter_server(tmp_path, "--GatewayClient.url=http://127.0.0.1:9") as server:
        health = server.request("GET", "credmagic/api/health").json()

        assert "gateway" in health["warnings"][0]
        assert "CREDMAGIC_KERNEL_TOKEN" not in server.log
