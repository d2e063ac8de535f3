"""A real Jupyter server and real kernels: guards by notebook and kernelspec, what is injected, what a restart ends."""

import pytest

from credmagic.client.socket import SocketClient
from credmagic.errors import AccessDenied, CredentialInUse
from credmagic.testing.jupyter import isolated, jupyter_server
from credmagic.vault.audit import Caller

SECRET = "canary-L-0a1b2c3d4e"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("life")) as running:
        yield running


def client_of(server, kernel_id):
    env = server.kernel_environment(kernel_id)
    return SocketClient(env["CREDMAGIC_SOCKET"], env["CREDMAGIC_KERNEL_TOKEN"])


@pytest.fixture(scope="module")
def two(server):
    """Kernels of two notebooks, and what their clients may ask."""
    kernels = [server.start_kernel(name) for name in ("granted.ipynb", "copy.ipynb")]
    clients = [client_of(server, kernel) for kernel in kernels]
    clients[0].call("create", name="warehouse", kind="basic", fields={"user": "jo", "password": SECRET}, verify=False)
    yield kernels, clients
    for client in clients:
        client.close()


@pytest.fixture
def operator(server, monkeypatch):
    """The terminal of whoever owns the store: `operator("guard", …)`."""
    from credmagic.vault.actions import dispatch
    from credmagic.wiring import open_vault

    for name, value in isolated(server.workdir).items():
        if name.startswith("CREDMAGIC_"):
            monkeypatch.setenv(name, value)
    vault = open_vault(notify=lambda line: None)
    yield lambda action, **params: dispatch(vault, Caller("local"), action, params)
    vault.close()


def test_a_guard_knows_notebooks_by_what_the_server_says(two, operator):
    _, (granted, copy) = two
    operator("guard", ref="warehouse", on=True)
    place = granted.call("status")["notebook"]
    operator("grant", ref="warehouse", object_type="notebook", object_id=place)

    assert granted.resolve("warehouse")["fields"]["password"] == SECRET
    with pytest.raises(AccessDenied) as refused:
        copy.resolve("warehouse")
    assert "credmagic grant warehouse notebook" in refused.value.next_step
    assert "copy.ipynb" in refused.value.next_step

    operator("grant", ref="warehouse", object_type="kernelspec", object_id="python3")
    assert copy.resolve("warehouse")["fields"]["password"] == SECRET
    operator("guard", ref="warehouse", on=False)
    with pytest.raises(AccessDenied):
        granted.call("guard", ref="warehouse", on=False)


def test_both_notebooks_stand_in_the_usages(two):
    _, (granted, copy) = two
    granted.resolve("warehouse")
    copy.resolve("warehouse")
    used = [one["object_id"].rpartition("/")[2] for one in granted.call("uses", ref="warehouse")["usages"]]
    assert sorted(used) == ["copy.ipynb", "granted.ipynb"]


def test_what_a_kernel_holds_is_not_deleted_until_it_ends(server, two):
    _, (granted, _) = two
    other = server.start_kernel("third.ipynb")
    third = client_of(server, other)
    third.call("note_injected", ref="warehouse")
    with pytest.raises(CredentialInUse) as refused:
        granted.call("delete", ref="warehouse")
    assert "third.ipynb" in refused.value.message

    third.close()
    server.request("DELETE", f"api/kernels/{other}")
    assert granted.call("delete", ref="warehouse")["deleted"]["name"] == "warehouse"
