"""Attachments follow a notebook that the server renames; grants stay with the place they were given to."""

import time

import pytest

from credmagic.testing.jupyter import jupyter_server

SECRET = "Kanari-renamed-1"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("renames")) as running:
        yield running


def attached(server, kernel):
    return server.run(kernel, "print([v['name'] for v in credmagic.api.client().call('associated')['associated']])")


def test_what_is_attached_follows_the_notebook_and_its_folder(server):
    assert server.request("PUT", "api/contents/old", {"type": "directory"}).status == 201
    empty = {"type": "file", "format": "text", "content": "{}"}
    assert server.request("PUT", "api/contents/old/first.ipynb", empty).status == 201
    kernel = server.start_kernel("old/first.ipynb")
    server.run(kernel, f"import credmagic, credmagic.api, os; os.environ['PW'] = '{SECRET}'")
    server.run(kernel, "%cred add warehouse --kind basic user=ada --secret password=env:PW --no-verify")
    server.run(kernel, "%cred attach warehouse --default")
    assert "warehouse" in attached(server, kernel)

    for old, new in (("old/first.ipynb", "old/second.ipynb"), ("old", "new")):
        assert server.request("PATCH", f"api/contents/{old}", {"path": new}).status == 200
    session = server.request("GET", "api/sessions").json()[0]
    server.request("PATCH", f"api/sessions/{session['id']}", {"path": "new/second.ipynb"})

    until = time.monotonic() + 10
    while "warehouse" not in attached(server, kernel) and time.monotonic() < until:
        time.sleep(0.2)
    assert "warehouse" in attached(server, kernel)
    assert SECRET not in server.log
