"""Each way of `attach --inject` is there in the first cell of a kernel: a real server, real kernels."""

import hashlib

import pytest

from credmagic.client.socket import SocketClient
from credmagic.testing.jupyter import jupyter_server

SHOW = "import hashlib, os, pathlib\ndigest = lambda text: hashlib.sha256(str.__str__(text).encode()).hexdigest()\n"
WAYS = {
    "export": "os.environ['LAKE_PASSWORD']",
    "namespace": "lake['password']",
    "wxo": "os.environ['WXO_CONNECTION_lake_password']",
    "file": "pathlib.Path(os.environ['DOOR_KEY_FILE']).read_text().strip()",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("injected")) as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    """The client of a kernel; in its store is what the ways of handing over are about."""
    environment = server.kernel_environment(server.start_kernel("first.ipynb"))
    made = SocketClient(environment["CREDMAGIC_SOCKET"], environment["CREDMAGIC_KERNEL_TOKEN"])
    made.call("connection_add", app_id="lake")
    made.call("connection_configure", app_id="lake", environment="draft", kind="basic", sharing="team")
    yield made
    made.close()


@pytest.mark.parametrize("way", WAYS)
def test_it_is_there_before_the_first_cell_and_no_output_has_it(server, client, canary, way):
    if way == "file":
        name, values = "door", {"kind": "ssh_key", "fields": {"private_key": canary}}
    else:
        name, values = "lake", {"kind": "basic", "fields": {"user": "ann", "password": canary}}
    client.call("create", name=name, environment="draft", team=name == "lake", verify=False, **values)
    notebook = str((server.root / f"{way}.ipynb").resolve())
    client.call("attach", ref=name, object_type="notebook", object_id=notebook, inject=way)
    try:
        kernel = server.start_kernel(f"{way}.ipynb")
        shown = server.run(kernel, f"{SHOW}print(digest({WAYS[way]}), {WAYS[way]})")
    finally:
        client.call("delete", ref=name, environment="draft", force=True)

    assert hashlib.sha256(canary.encode()).hexdigest() in shown
    assert canary not in shown + server.log
