"""A default may belong to a notebook, a kernelspec or a whole server: a real server and real kernels."""

import pytest

from credmagic.client.socket import SocketClient
from credmagic.errors import CredentialNotFound
from credmagic.testing.jupyter import jupyter_server

SECRET = "canary-D-7b1c9e2f55"
LOAD = "%load_ext credmagic\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("defaults")) as running:
        yield running


@pytest.fixture
def kernel(server):
    """`kernel("a.ipynb")`: (its id, a client of its own)."""
    clients = []

    def started(notebook: str):
        kernel_id = server.start_kernel(notebook)
        env = server.kernel_environment(kernel_id)
        clients.append(SocketClient(env["CREDMAGIC_SOCKET"], env["CREDMAGIC_KERNEL_TOKEN"]))
        return kernel_id, clients[-1]

    yield started
    for client in clients:
        client.close()


def test_a_kind_takes_the_default_of_the_notebook_then_kernelspec_then_server(server, kernel) -> None:
    first, client = kernel("first.ipynb")
    for name in ("wide", "middle", "narrow"):
        client.call("create", name=name, kind="basic", fields={"user": name, "password": SECRET}, verify=False)
    with pytest.raises(CredentialNotFound, match="its server"):
        client.resolve(None, kind="basic")

    said = server.run(first, LOAD + "%cred attach wide server --default --inject export")
    assert "attached to this server, default" in said
    second, other = kernel("second.ipynb")
    assert other.resolve(None, kind="basic")["name"] == "wide"
    assert [one["resolved"]["name"] for one in other.call("injections")["injections"]] == ["wide"]
    assert "WIDE_USER=wide" in server.run(second, "import os; print(f\"WIDE_USER={os.environ['WIDE_USER']}\")")
    assert other.call("uses", ref="wide")["associations"][0]["object_id"] == str(server.root.resolve())

    client.call("attach", ref="middle", object_type="kernelspec", default=True)
    assert other.resolve(None, kind="basic")["name"] == "middle"
    client.call("attach", ref="narrow", default=True)
    assert client.resolve(None, kind="basic")["name"] == "narrow"
    assert other.resolve(None, kind="basic")["name"] == "middle"
    assert "this one, default of this server" in server.run(second, LOAD + "x = %cred why wide --json\nprint(x)")
    assert SECRET not in server.log
