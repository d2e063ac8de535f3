"""What elastic.io lets people rely on: asked before saved, counted by kind, not deleted while in use, linked when made."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from credmagic import api
from credmagic.cli.main import main
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.wiring import open_vault

GOOD = "right-long-secret"


class _Service(BaseHTTPRequestHandler):
    """Lets in whoever sends the right password; says back what it was sent, as careless services do."""

    def do_GET(self):
        sent = self.headers.get("Authorization", "")
        good = sent == "Basic " + base64.b64encode(f"ada:{GOOD}".encode()).decode()
        body = f"you sent {sent}".encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shell(home, capfd):
    """Runs one `credmagic` command line; gives exit code, stdout and stderr."""

    def run(line):
        code = main(line.split())
        return (code, *capfd.readouterr())

    yield run
    api.close()


def add(shell, service, name="shop", flags=""):
    return shell(f"add {name} --kind basic user=ada url={service} --secret password=env:PW {flags}")


def test_what_the_service_refuses_is_not_stored(shell, service, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)

    code, out, err = add(shell, service)

    assert (code, out) == (7, "")
    assert "did not accept" in err
    assert "--no-verify" in err
    assert canary not in err
    assert api.client().call("list")["credentials"] == []


def test_it_is_stored_unverified_when_that_is_said(shell, service, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)

    assert add(shell, service, flags="--no-verify")[0] == 0
    assert api.client().call("show", ref="shop")["verified"] is None


def test_a_credential_without_a_name_gets_one(shell, service, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)

    code, out, err = add(shell, service, name="", flags="--no-verify")

    assert (code, err) == (0, "")
    assert out.startswith("✓ basic-1 saved")
    assert api.use("basic-1")["password"] == canary
    assert canary not in out


def test_what_the_service_accepts_is_stored_with_the_answer(shell, service, monkeypatch):
    monkeypatch.setenv("PW", GOOD)

    assert add(shell, service)[0] == 0
    assert api.client().call("show", ref="shop")["verified"]["outcome"] == "ok"


def test_a_rotation_is_asked_for_too_and_keeps_the_old_values(shell, service, monkeypatch, canary):
    monkeypatch.setenv("PW", GOOD)
    add(shell, service)
    monkeypatch.setenv("PW", canary)

    assert shell("rotate shop --secret password=env:PW")[0] == 7
    assert api.client().call("show", ref="shop")["version"] == 1
    assert api.use("shop")["password"] == GOOD


def test_a_kind_that_cannot_be_asked_passes(shell, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)

    assert shell("add pairs --kind key_value --secret entries.A=env:PW")[0] == 0
    assert (api.client().call("show", ref="pairs")["verified"] or {}).get("outcome") in (None, "unverifiable")


def test_credentials_are_counted_by_kind(shell, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)
    for name in ("a", "b"):
        shell(f"add {name} --kind basic user=ada --secret password=env:PW --no-verify")
    shell("add c --kind bearer --secret token=env:PW --no-verify")

    shown = shell("overview")[1]

    assert "User and password · 2" in shown
    assert "Bearer token · 1" in shown
    assert {group["kind"]: len(group["credentials"]) for group in json.loads(shell("overview --json")[1])["groups"]} == {
        "basic": 2, "bearer": 1,
    }  # fmt: skip


def test_what_is_linked_is_not_deleted_and_the_refusal_names_where(shell, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)
    shell("add a --kind basic user=ada --secret password=env:PW --no-verify")
    shell("attach a notebook reports/sales.ipynb")

    code, _, err = shell("rm a")

    assert (code, "sales.ipynb" in err) == (5, True), err
    assert len(api.client().call("list")["credentials"]) == 1
    assert shell("detach a notebook reports/sales.ipynb")[0] == 0
    assert shell("rm a")[0] == 0


def test_linking_while_making_needs_a_notebook_and_else_makes_nothing(shell, monkeypatch, canary):
    monkeypatch.setenv("PW", canary)

    code, _, err = shell("add a --kind basic user=ada --secret password=env:PW --no-verify --attach")

    assert (code, "notebook" in err) == (2, True)
    assert api.client().call("list")["credentials"] == []


def test_a_credential_is_linked_to_its_notebook_when_it_is_made(home, canary):
    with contextlib.closing(open_vault(notify=lambda line: None)) as vault:
        caller = Caller("kernel", notebook="reports/sales.ipynb", kernel_id="k-1")
        fields = {"user": "ada", "password": canary}
        dispatch(vault, caller, "create", {
            "name": "a", "kind": "basic", "fields": fields, "verify": False, "attach": True,
        })  # fmt: skip

        assert [one["name"] for one in dispatch(vault, caller, "associated", {})["associated"]] == ["a"]


def test_a_kind_declares_what_a_form_needs(shell):
    fields = {one["name"]: one for one in json.loads(shell("kinds database --json")[1])["kinds"][0]["fields"]}

    assert fields["password"]["secret"]
    assert "postgresql" in fields["dialect"]["choices"]
    assert fields["dialect"]["required"]
    assert all(one["title"] for one in fields.values())
    assert {"help", "placeholder", "more", "type", "open_choice"} <= set(fields["host"])
