"""What the kernel relays when a generated value is shown once: ciphertext, and nothing of it in a trait."""

import base64
import json
import time

import pytest

from credmagic.crypto.entry import new_entry_key, open_entry, reveal_info
from credmagic.forms.reveal import Reveal
from credmagic.wiring import local_client


@pytest.fixture
def client(home):
    made = local_client()
    made.call("create", name="demo", kind="basic", fields={"user": "ada", "password": "first-Kanari-1"})
    yield made
    made.close()


@pytest.fixture
def widget(client):
    view = client.call("generate", ref="demo")
    reveal = Reveal(client, view["reveal_id"], "New password of demo, version 2")
    reveal.sent = []
    reveal.send = reveal.sent.append
    return reveal


def asked(widget, public):
    before = len(widget.sent)
    widget._heard(widget, {"type": "open", "public_key": public}, [])
    for _ in range(500):
        if len(widget.sent) > before:
            return widget.sent[-1]
        time.sleep(0.01)
    raise AssertionError("no answer")


def test_the_page_that_asked_first_gets_it_and_no_other(client, widget):
    private, point = new_entry_key()
    public = base64.urlsafe_b64encode(point).decode().rstrip("=")
    answer = asked(widget, public)
    made = client.resolve("demo")["fields"]["password"]

    assert (answer["ok"], answer["public_key"]) == (True, public)
    sealed = base64.urlsafe_b64decode(answer["sealed"] + "==")
    assert open_entry(private, sealed, reveal_info(answer["reveal_id"])) == {"password": made}
    second = asked(widget, public)
    assert (second["ok"], second["error"]["code"]) == (False, "not_found")
    assert widget.phase == "shown"
    assert made not in json.dumps(widget.sent)


def test_no_trait_and_no_words_hold_it(client, widget):
    asked(widget, base64.urlsafe_b64encode(new_entry_key()[1]).decode())
    made = client.resolve("demo")["fields"]["password"]
    state = json.dumps({key: value for key, value in widget.get_state().items() if key not in ("_esm", "_css", "layout")}, default=str)
    assert made not in state + repr(widget)


def test_other_messages_are_not_answered(widget):
    widget._heard(widget, {"type": "submit"}, [])
    time.sleep(0.05)
    assert widget.sent == []
