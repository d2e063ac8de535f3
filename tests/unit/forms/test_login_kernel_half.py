"""What the kernel says to a page that shows a login: what to open and how it stands, and no part of what comes back."""

import json
import urllib.error
import urllib.request

import pytest

from credmagic.forms.login import Login
from credmagic.forms.loopback import Loopback
from credmagic.forms.signing_in import SigningIn
from credmagic.wiring import local_client

CODE = "Kanari-code-0123456789"
FIELDS = {
    "client_id": "notebook", "client_secret": "Kanari-client-secret", "token_url": "http://127.0.0.1:9/token",
    "authorization_url": "http://127.0.0.1:9/auth", "scope": ["openid"],
}  # fmt: skip


class Plane:
    """The same vault as another plane reaches it."""

    def __init__(self, client, plane):
        self.plane, self.nick = plane, ""
        self._client = client

    def call(self, action, /, **params):
        return self._client.call(action, **params)


@pytest.fixture
def client(home):
    made = local_client()
    made.call("create", name="crm", kind="oauth", fields=FIELDS, verify=False)
    yield made
    made.close()


def talk(client, **how):
    signing = SigningIn(client, "crm", None, lambda reply: signing.sent.append(reply), **how)
    signing.sent = []

    def say(do, **more):
        signing.heard({"type": "login", "do": do, **more})
        return signing.sent[-1]

    return say


def get(address):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_page_that_is_loaded_again_gets_the_same_login(client):
    say = talk(client)
    first, second = say("open")["view"], say("open")["view"]
    assert first["state"] == second["state"] == "waiting"
    assert first["authorization_url"] == second["authorization_url"]


def test_on_a_server_the_browser_says_where_it_comes_back_to(client):
    callback = "https://hub.example.org/user/jo/credmagic/api/oauth/callback"
    assert talk(Plane(client, "kernel"))("open", callback=callback)["view"]["redirect_uri"] == callback


def test_what_was_asked_for_counts_more_than_what_the_browser_says(client):
    say = talk(Plane(client, "kernel"), redirect_uri="https://own.example.org/back")
    assert say("open", callback="https://hub.example.org/x")["view"]["redirect_uri"] == "https://own.example.org/back"


def test_without_a_server_it_comes_back_to_a_port_of_this_process(client):
    shown = talk(client)("open", callback="http://localhost:8888/credmagic/api/oauth/callback")["view"]
    assert shown["redirect_uri"].startswith("http://127.0.0.1:")


def test_no_reply_and_no_trait_holds_what_was_pasted_or_is_kept(client):
    widget = Login(client, "crm", None)
    widget.sent = []
    widget.send = widget.sent.append
    widget._login({"do": "open"})
    widget._login({"do": "paste", "answer": CODE})
    traits = {key: value for key, value in widget.get_state().items() if key not in ("_esm", "_css", "layout")}

    assert widget.sent[-1]["view"]["state"] == "failed"  # the token endpoint does not answer
    assert widget.phase == "failed"
    said = json.dumps([widget.sent, traits], default=str) + repr(widget)
    assert "Kanari" not in said
    assert "login_id" not in said


def test_a_login_that_was_given_up_takes_no_answer(client):
    say = talk(client)
    address = say("open")["view"]["redirect_uri"]
    assert say("stop")["view"] == {"state": "cancelled"}
    assert say("check")["view"] == {"state": "cancelled"}
    assert say("again")["view"]["redirect_uri"] != address


def test_a_refusal_is_told_and_can_be_tried_again(client):
    say = talk(client, how="device")
    reply = say("open")
    assert reply["ok"] is False
    assert reply["error"]["next_step"].endswith("%cred login crm")
    assert say("open")["ok"] is False


def test_other_messages_are_not_answered(client):
    signing = SigningIn(client, "crm", None, pytest.fail)
    signing.heard({"type": "login", "do": "resolve"})


def test_where_there_are_no_widgets_it_says_what_to_run(client):
    assert "%cred login crm --paste" in Login(client, "crm", None)._in_words()


# ── the port of this process ─────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def loopback():
    made = Loopback()
    made.answers = []
    made.wait_for("https://login.example.org/auth?state=right", made.answers.append, 60)
    yield made
    made.close()


def test_the_browser_that_brings_the_state_is_taken_once(loopback):
    for _ in range(2):
        status, page = get(f"{loopback.address}?state=right&code={CODE}")
        assert status == 200
        assert "You can close this tab" in page
        assert CODE not in page
    assert loopback.answers == [f"?state=right&code={CODE}"]


def test_another_page_of_the_browser_does_not_end_the_login(loopback):
    for query in ("", "?state=wrong&code=x", "?code=x"):
        assert get(loopback.address + query)[0] == 200
    assert loopback.answers == []
    get(f"{loopback.address}?state=right&code=x")
    assert len(loopback.answers) == 1


def test_nothing_else_is_there(loopback):
    assert get(loopback.address.replace("/callback", "/?state=right"))[0] == 404
    assert loopback.answers == []


def test_what_comes_back_is_logged_nowhere(loopback, capfd):
    get(f"{loopback.address}?state=right&code={CODE}")
    assert capfd.readouterr() == ("", "")
