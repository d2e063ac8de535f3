"""Does the kernel's half of a form and a picker relay, remember, and keep every typed thing out of its traits?"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from credmagic import forms
from credmagic.errors import CredmagicError, UnknownKind
from credmagic.forms import bundle, code, opened
from credmagic.forms.form import Form, attempt
from credmagic.forms.health import health
from credmagic.forms.picker import Picker

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(home: Path) -> Iterator[Any]:
    from credmagic.wiring import local_client

    made = local_client()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_open_forms() -> Iterator[None]:
    opened._open.clear()
    yield
    opened._open.clear()


def answered(widget: Any, message: dict[str, Any]) -> dict[str, Any]:
    """Send a message as the browser would and wait for the one answer."""
    came = threading.Event()
    replies: list[dict[str, Any]] = []

    def send(content: dict[str, Any], buffers: Any = None) -> None:
        replies.append(content)
        came.set()

    widget.send = send
    widget._heard(widget, message, [])
    assert came.wait(10)
    return replies[0]


def sealed(entry: dict[str, Any], kind: str, form: dict[str, Any]) -> str:
    import base64

    from credmagic.crypto.entry import entry_info, seal_entry

    key = base64.urlsafe_b64decode(entry["public_key"] + "=")
    message = seal_entry(key, entry_info(entry["entry_id"], kind), form)
    return base64.urlsafe_b64encode(message).decode().rstrip("=")


def new_form(client: Any, kind: str = "bearer", **traits: Any) -> Form:
    return Form(client, kinds=client.call("kinds", kind=kind)["kinds"], **traits)


def submit(form: Form, fields: dict[str, Any], **about: Any) -> dict[str, Any]:
    entry = answered(form, {"type": "begin", "seq": 1, "kind": "bearer"})
    what = sealed(entry, "bearer", {"name": "tok", "fields": fields, "verify": True, **about})
    message = {"type": "submit", "seq": 1, "purpose": "save", "entry_id": entry["entry_id"], "sealed": what}
    return answered(form, message)


def test_a_form_is_saved_and_its_state_holds_nothing_of_it(client: Any, canary: str) -> None:
    form = new_form(client)

    reply = submit(form, {"token": canary}, description="typed description")

    assert reply["ok"], reply
    assert reply["code"] == "bearer = %cred use tok"
    state = json.dumps(form.get_state())
    for typed in (canary, 'tok"', "typed description"):
        assert typed not in state
    assert form.phase == "saved"
    assert form.kinds == []


def test_a_refusal_leaves_the_form_open(client: Any) -> None:
    form = new_form(client)

    reply = submit(form, {"token": ""})

    assert not reply["ok"]
    assert reply["error"]["errors"].keys() == {"token"}
    assert form.phase == "open"


def test_a_used_key_opens_nothing_twice(client: Any) -> None:
    form = new_form(client)
    entry = answered(form, {"type": "begin", "seq": 1, "kind": "bearer"})
    what = sealed(entry, "bearer", {"name": "tok", "fields": {"token": "geheim-geheim"}, "verify": True})
    message = {"type": "submit", "seq": 1, "purpose": "verify", "entry_id": entry["entry_id"], "sealed": what}

    assert answered(form, message)["ok"]
    assert answered(form, message)["error"]["code"] == "bad_field"


def test_a_slow_vault_does_not_hold_up_the_kernel(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    form, go, came = new_form(client), threading.Event(), threading.Event()
    monkeypatch.setattr(client, "begin_entry", lambda *given: go.wait(10) and {})
    form.send = lambda content, buffers=None: came.set()

    form._heard(form, {"type": "begin", "seq": 1, "kind": "bearer"}, [])

    assert not came.is_set(), "the answer came before the vault's"
    go.set()
    assert came.wait(10)


def test_messages_that_no_browser_of_ours_sends_are_ignored(client: Any) -> None:
    form = new_form(client)

    for odd in ({}, {"type": "__init__"}, {"type": "end"}, {"type": None}):
        form._heard(form, odd, [])

    assert form.phase == "open"


def test_whatever_breaks_the_person_gets_an_answer_without_a_value() -> None:
    def broken() -> dict[str, Any]:
        raise ValueError("geheim")

    reply = attempt(broken)

    assert not reply["ok"]
    assert "geheim" not in json.dumps(reply)
    assert "ValueError" in reply["error"]["message"]


def test_an_edit_is_tied_to_the_credential_by_id(client: Any) -> None:
    view = client.call("create", name="tok", kind="bearer", fields={"token": "geheim-geheim"})
    form = Form(client, view, kinds=client.call("kinds", kind="bearer")["kinds"], mode="edit")

    reply = submit(form, {"token": "anderes-geheimnis"}, name="tok")

    assert reply["ok"], reply
    assert client.resolve("tok")["fields"]["token"] == "anderes-geheimnis"
    assert reply["view"]["id"] == view["id"]


def test_the_public_fields_of_an_edit_are_no_traits(client: Any) -> None:
    fields = {"aws_access_key_id": "AKIATYPED", "aws_secret_access_key": "geheim-geheim"}
    view = client.call("create", name="lake", kind="s3", fields=fields, verify=False)
    form = Form(client, view, kinds=client.call("kinds", kind="s3")["kinds"], mode="edit")

    assert "AKIATYPED" not in json.dumps(form.get_state())
    assert answered(form, {"type": "hello"})["view"]["fields"]["aws_access_key_id"] == "AKIATYPED"


class TestOpenForms:
    """`use` must be able to say "not submitted yet"."""

    def test_a_shown_form_is_open_until_it_is_saved(self, client: Any) -> None:
        form = new_form(client, name="tok")
        opened.add("tok", form)
        assert forms.open_forms() == {"tok"}

        submit(form, {"token": "geheim-geheim"})

        assert forms.open_forms() == set()

    def test_a_cancelled_form_is_not_open(self, client: Any) -> None:
        form = new_form(client, name="tok")
        opened.add("tok", form)

        form._cancel({})

        assert forms.open_forms() == set()
        assert form.phase == "cancelled"

    def test_running_the_cell_again_replaces_the_form(self, client: Any) -> None:
        first, second = new_form(client, name="tok"), new_form(client, name="tok")
        opened.add("tok", first)
        opened.add("tok", second)

        first._cancel({})  # its view is gone; a late message must not close the new one

        assert forms.open_forms() == {"tok"}

    def test_a_form_without_a_name_blocks_no_name(self, client: Any) -> None:
        opened.add("", new_form(client))

        assert forms.open_forms() == set()


class TestPicker:
    """A choice is bound and remembered."""

    @pytest.fixture
    def views(self, client: Any) -> list[Any]:
        return [
            client.call("create", name=name, kind="bearer", fields={"token": "geheim-geheim"}) for name in ("b", "a")
        ]

    def picker(self, client: Any, bind: Any = None) -> Picker:
        return Picker(client, client.call("kinds", kind="bearer")["kinds"], "bearer", "tok", bind)

    def test_rows_come_as_a_message_and_not_as_state(self, client: Any, views: list[Any]) -> None:
        client.call("create", name="other-kind", kind="basic", fields={"user": "u", "password": "geheim-geheim"})
        picker = self.picker(client)

        reply = answered(picker, {"type": "hello"})

        assert [row["name"] for row in reply["view"]["rows"]] == ["a", "b"]
        assert not reply["view"]["more"]
        assert views[0]["id"] not in json.dumps(picker.get_state())

    def test_a_choice_is_bound_and_shown_as_code(self, client: Any, views: list[Any]) -> None:
        bound = []
        picker = self.picker(client, lambda *given: bound.append(given))

        reply = answered(picker, {"type": "choose", "id": views[0]["id"]})

        assert bound == [("tok", views[0]["id"])]
        assert reply["view"]["code"] == "tok = %cred use b"
        assert "Not remembered" in reply["view"]["note"]  # no notebook in this process
        assert answered(picker, {"type": "hello"})["type"] == "chosen"

    def test_what_cannot_be_bound_is_said(self, client: Any, views: list[Any]) -> None:
        def refuse(variable: str, ref: str) -> None:
            raise CredmagicError("that is no variable", next_step="%cred select bearer as NAME")

        reply = answered(self.picker(client, refuse), {"type": "choose", "id": views[0]["id"]})

        assert reply["error"]["message"] == "that is no variable"

    def test_new_puts_a_form_in_the_pickers_place(self, client: Any) -> None:
        bound: list[Any] = []
        picker = self.picker(client, lambda *given: bound.append(given))
        picker._new({})
        (form,) = picker._box.children

        reply = submit(form, {"token": "geheim-geheim"})

        assert reply["code"] == "tok = %cred use tok"
        assert bound == [("tok", reply["view"]["id"])]


@pytest.mark.parametrize(
    ("view", "line"),
    [
        ({"name": "warehouse", "environment": ""}, "db = %cred use warehouse"),
        ({"name": "warehouse", "environment": "draft"}, "db = %cred use warehouse"),
        ({"name": "warehouse", "environment": "live"}, "db = %cred use warehouse --env live"),
        ({"name": "my db", "environment": ""}, "db = %cred use 'my db'"),
    ],
)
def test_the_line_of_code_finds_the_credential(home: Path, view: dict[str, Any], line: str) -> None:
    assert code.use_line("db", view) == line


@pytest.mark.parametrize(
    ("kind", "variable"), [("database", "db"), ("s3", "s3"), ("key_value", "kv"), ("gcp", "gcp"), ("basic", "basic")]
)
def test_the_variable_is_the_shortest_name_of_the_kind(client: Any, kind: str, variable: str) -> None:
    assert code.variable_for(client.call("kinds", kind=kind)["kinds"][0]) == variable


def test_the_prompt_asks_for_a_secret_of_every_kind(client: Any) -> None:
    for kind in client.call("kinds")["kinds"]:
        if not any(field["secret"] for field in kind["fields"]):
            continue  # a login that another service keeps, or nobody
        assert re.search(r"--secret \w+=prompt", code.prompt_line(kind, "name")), kind["kind"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "paused"}, ("refused", "paused")),
        ({"expires_at": "2025-12-31T00:00:00Z"}, ("refused", "expired")),
        ({"expires_at": "2026-01-04T12:00:00Z"}, ("note", "expires in 3 d")),
        ({"expires_at": "2026-01-01T12:00:00Z"}, ("note", "expires today")),
        ({"expires_at": "2030-01-01T00:00:00Z"}, ("muted", "not verified")),
        ({"verified": {"outcome": "ok"}}, ("accepted", "verified")),
        ({"verified": {"outcome": "refused"}}, ("refused", "refused")),
        ({"verified": {"outcome": "unverifiable"}}, ("muted", "not verifiable")),
    ],
)
def test_health_is_said_in_words_the_worst_first(changes: dict[str, Any], said: tuple[str, str]) -> None:
    assert health({"status": "active", "expires_at": None, "verified": None, **changes}, NOW) == said


def test_the_browser_loads_nothing_from_anywhere() -> None:
    """No import, no address but the SVG name space, no HTML made of text."""
    for files in (bundle.FORM, bundle.PICKER):
        source = bundle.module(files)
        assert not re.search(r"^\s*import\b|\bimport\(|\bfetch\(|XMLHttpRequest|innerHTML|eval\(", source, re.M)
        assert set(re.findall(r"https?://[\w./-]+", source)) == {"http://www.w3.org/2000/svg"}
        assert source.count("export default") == 1


def test_every_style_rule_stays_inside_the_form() -> None:
    rules = re.sub(r"/\*.*?\*/", "", bundle.style(), flags=re.S)
    selectors = [one.strip() for one in re.findall(r"(?:^|[{}])\s*([^{}@;]+)\{", rules)]
    assert len(selectors) > 30
    for selector in selectors:
        for part in re.split(r",(?![^(]*\))", selector):
            assert part.strip().startswith(".credmagic-form"), part


def test_a_form_for_an_unknown_kind_is_an_error_in_the_cell(client: Any) -> None:
    with pytest.raises(UnknownKind):
        forms.new(client, "databse", "warehouse")


def test_opening_forms_imports_no_widgets() -> None:
    """`use` asks for open forms on its hot path."""
    import subprocess
    import sys

    program = (
        "import sys, credmagic.forms as f; f.open_forms(); print('anywidget' in sys.modules, 'IPython' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]
