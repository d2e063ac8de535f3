"""Does a form do what LOOK asks: keys, errors, waiting, nothing typed lost or told to the kernel?

The real widget's two halves, a real vault, a real Chromium, without a notebook around them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from credmagic.forms.form import Form

pytestmark = pytest.mark.e2e

Open = Callable[..., Any]


def test_a_saved_form_becomes_a_card_with_the_line_of_code(client: Any, open_form: Open, canary: str) -> None:
    form = open_form("basic", name="api-login", environment="draft")
    form.field("User").fill("ada")
    form.field("Password").fill(canary)

    form.press("Save")

    card = form.saved()
    assert "api-login saved — User and password, draft, not verif" in card
    assert "basic = %cred use api-login" in card
    assert client.resolve("api-login")["fields"]["password"] == canary
    assert form.page.locator("input").count() == 0
    assert canary not in form.page.content()
    assert form.page.errors == []


def test_a_form_shows_what_it_will_be_called_without_a_name(client: Any, open_form: Open, canary: str) -> None:
    client.call("create", name="basic-2", kind="basic", fields={"user": "a", "password": canary}, verify=False)
    form = open_form("basic")
    assert form.field("Name").get_attribute("placeholder") == "basic-3"
    form.field("User").fill("ada")
    form.field("Password").fill(canary)

    form.press("Save")

    assert "basic = %cred use basic-3" in form.saved()
    assert client.resolve("basic-3")["fields"]["password"] == canary


def test_the_kernel_is_told_nothing_that_was_typed(client: Any, open_form: Open, canary: str) -> None:
    """Not even public fields: the kernel could put another host beside a sealed password."""
    form = open_form("basic", name="x")
    form.field("Name").fill("typed-name")
    form.field("User").fill("typed-user")
    form.field("Password").fill(canary)
    form.press("Save")
    form.saved()

    heard = json.dumps(form.page.heard)
    assert [message["type"] for message in form.page.heard] == ["hello", "begin", "submit"]
    for typed in ("typed-name", "typed-user", canary):
        assert typed not in heard


def test_the_card_copies_its_line(open_form: Open) -> None:
    form = open_form("basic", name="copied")
    form.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    form.field("User").fill("ada")
    form.field("Password").fill("geheim-geheim")
    form.press("Save")
    form.saved()

    form.press("Copy")

    form.page.get_by_text("Copied", exact=True).wait_for()
    assert form.page.evaluate("navigator.clipboard.readText()") == "basic = %cred use copied"


def test_a_refusal_names_the_field_and_loses_nothing(client: Any, open_form: Open) -> None:
    form = open_form("database", name="warehouse")
    form.field("Dialect").fill("postgresql")
    form.field("Host").fill("db.example.org")
    form.field("Port").fill("99999999")
    form.field("Password").fill(" s3cret s3cret")

    form.press("Save")

    form.page.locator(".cm-status .cm-refused").wait_for()
    assert form.field("Port").get_attribute("aria-invalid") == "true"
    assert "Port" in form.page.locator(".cm-status").inner_text()
    assert form.page.evaluate("document.activeElement.id") == form.field("Port").get_attribute("id")
    assert form.field("Password").input_value() == " s3cret s3cret"
    assert form.field("Host").input_value() == "db.example.org"
    assert client.call("list")["credentials"] == []


def test_what_is_missing_is_said_before_anything_is_sent(open_form: Open) -> None:
    form = open_form("basic")

    form.press("Save")

    status = form.page.locator(".cm-status").inner_text()
    assert "User is required. Password is required." in status
    assert form.page.evaluate("document.activeElement.id") == form.field("User").get_attribute("id")
    assert [message["type"] for message in form.page.heard] == ["hello"]


def test_an_error_in_the_folded_part_opens_it(open_form: Open) -> None:
    form = open_form("database", name="w")
    form.field("Dialect").fill("postgresql")
    form.field("Host").fill("h")
    form.more()
    form.field("Options").fill('{"a": geheim}')
    form.more()

    form.press("Save")

    assert form.page.locator("details").get_attribute("open") == ""
    assert "is not JSON: line 1, column 7" in form.page.locator(".cm-status").inner_text()
    assert "geheim" not in form.page.locator(".cm-status").inner_text()


def test_waiting_is_said_with_seconds_and_cancel_still_works(open_form: Open) -> None:
    form = open_form("basic", name="slow")
    form.field("User").fill("ada")
    form.field("Password").fill("geheim-geheim")
    form.page.evaluate("window.hold = ['submit']")

    form.press("Verify")

    form.page.get_by_text("Checking with the server…").wait_for()
    form.page.get_by_text(" 1 s").wait_for()
    assert form.page.get_by_role("button", name="Save", exact=True).is_disabled()
    assert form.page.get_by_role("button", name="Verify", exact=True).is_disabled()
    form.press("Cancel")
    form.page.get_by_text("Stopped waiting").wait_for()
    assert form.field("Password").input_value() == "geheim-geheim"
    assert form.page.get_by_role("button", name="Save", exact=True).is_enabled()


def test_a_second_press_uses_a_second_key(open_form: Open) -> None:
    form = open_form("basic", name="twice")
    form.field("User").fill("ada")
    form.field("Password").fill("geheim-geheim")

    form.press("Verify")
    form.page.get_by_text("Not verifiable").wait_for()
    form.press("Save")
    form.saved()

    entries = [message["entry_id"] for message in form.page.heard if message["type"] == "submit"]
    assert len(set(entries)) == 2


def test_a_busy_kernel_is_named(open_form: Open) -> None:
    form = open_form("basic")
    form.page.evaluate("window.hold = ['begin']")
    for title, text in (("Name", "n"), ("User", "u"), ("Password", "p")):
        form.field(title).fill(text)

    form.press("Save")

    form.page.get_by_text("Waiting for the kernel…").wait_for()


def test_enter_saves_and_escape_asks_before_it_cancels(client: Any, open_form: Open) -> None:
    form = open_form("basic", name="keys")
    form.field("User").fill("ada")
    form.page.keyboard.press("Escape")
    form.page.get_by_role("alertdialog").wait_for()
    form.page.keyboard.press("Enter")  # "Keep editing" has the focus
    assert form.field("User").input_value() == "ada"
    form.field("Password").fill("geheim-geheim")

    form.field("Password").press("Enter")

    form.saved()
    assert client.resolve("keys")["fields"]["user"] == "ada"


def test_escape_cancels_at_once_when_nothing_was_typed(open_form: Open) -> None:
    form = open_form("basic", name="untouched")
    form.field("User").focus()

    form.page.keyboard.press("Escape")

    form.page.get_by_text("Cancelled. Nothing was saved.").wait_for()
    assert form.page.heard[-1]["type"] == "cancel"


def test_keys_do_not_reach_the_notebook(open_form: Open) -> None:
    form = open_form("basic")
    form.page.evaluate("window.seen = 0; document.addEventListener('keydown', () => { window.seen += 1; })")

    form.field("User").press_sequentially("dd a")

    assert form.page.evaluate("window.seen") == 0
    assert form.page.locator("[data-lm-suppress-shortcuts=true]").count() == 1


def test_tab_walks_in_reading_order(open_form: Open) -> None:
    form = open_form("ssh_key")
    form.field("Name").focus()
    walked = []
    for _ in range(12):
        walked.append(
            form.page.evaluate(
                "(() => { const on = document.activeElement; return on.labels?.[0]?.textContent || on.textContent; })()"
            )
        )
        form.page.keyboard.press("Tab")

    assert walked == [
        "Name", "Environment", "Private key", "Load file", "Show", "Passphrase", "Show", "Host", "User",
        "Attach to this notebook", "More", "Save",
    ]  # fmt: skip


def test_a_failed_check_offers_to_save_without_it(client: Any, open_form: Open) -> None:
    form = open_form("database", name="offline")
    for title, text in {"Dialect": "postgresql", "Host": "127.0.0.1", "Port": "1", "Password": "geheim-geheim"}.items():
        form.field(title).fill(text)
    form.press("Save")
    form.page.get_by_role("button", name="Save without checking").wait_for()

    form.press("Save without checking")

    assert "not verified" in form.saved()
    assert client.resolve("offline")["fields"]["password"] == "geheim-geheim"


def test_a_taken_name_is_an_error_of_the_name(client: Any, open_form: Open) -> None:
    client.call("create", name="taken", kind="basic", fields={"user": "u", "password": "geheim-geheim"})
    form = open_form("basic", name="taken")
    form.field("User").fill("ada")
    form.field("Password").fill("anderes-geheimnis")

    form.press("Save")

    form.page.locator(".cm-status .cm-refused").wait_for()
    assert form.field("Name").get_attribute("aria-invalid") == "true"
    assert form.field("Password").input_value() == "anderes-geheimnis"


def test_everything_about_a_credential_can_be_given(client: Any, open_form: Open) -> None:
    form = open_form("basic")
    for title, text in {"Name": " login ", "Environment": "live", "User": "ada", "Password": "geheim-geheim"}.items():
        form.field(title).fill(text)
    form.more()
    form.field("Description").fill("of the press")
    form.field("Tags").press_sequentially("a, b ")
    form.field("Tags").press("Enter")
    form.field("Expires").fill("2031-01-31T12:00")

    form.press("Save")

    assert "basic = %cred use login --env live" in form.saved()
    view = client.call("show", ref="login", environment="live")
    assert (view["description"], view["tags"], view["expires_at"][:7]) == ("of the press", ["a", "b"], "2031-01")


def test_without_a_kind_the_person_chooses_one(client: Any, open_form: Open) -> None:
    form = open_form(None, name="chosen")

    form.field("Kind").select_option(label="Bearer token")

    form.field("Token").fill("geheim-geheim")
    form.press("Save")
    form.saved()
    assert client.call("show", ref="chosen")["kind"] == "bearer"


def test_a_view_drawn_again_keeps_what_was_typed(open_form: Open) -> None:
    form = open_form("basic")
    form.field("Password").fill("geheim-geheim")

    form.page.evaluate(
        """async () => {
          const el = document.createElement("div");
          document.querySelector("main").append(el);
          window.leave2 = await window.widget.render({ model: window.model, el });
        }"""
    )
    assert form.field("Password").input_value() == "geheim-geheim"
    form.page.evaluate("window.leave2()")

    assert form.page.locator("#out input[type=password]").input_value() == "geheim-geheim"


def test_a_saved_form_drawn_by_another_page_is_the_card(client: Any, mount: Any, open_form: Open) -> None:
    widget = Form(client, kinds=client.call("kinds", kind="basic")["kinds"], name="again")
    drawn = type(open_form("basic"))(mount(widget))
    drawn.field("User").fill("ada")
    drawn.field("Password").fill("geheim-geheim")
    drawn.press("Save")
    drawn.saved()

    reloaded = type(open_form("basic"))(mount(widget))

    assert "again saved" in reloaded.saved()


def test_without_a_secure_context_the_form_names_the_prompt(open_form: Open) -> None:
    form = open_form("basic", name="api login", page={"url": "http://notebooks.test/"})

    assert "nothing can be sealed here" in form.page.locator(".credmagic-form").inner_text()
    assert (
        form.page.locator("code").inner_text() == "%cred add 'api login' --kind basic user=… --secret password=prompt"
    )
    assert form.page.locator("input").count() == 0
