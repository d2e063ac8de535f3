"""Does a form do what LOOK asks: keys, errors, waiting, secrets kept byte for byte, nothing typed lost or leaked?

The real widget's two halves, a real vault, a real Chromium, without a notebook around them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from credmagic.errors import CredentialNotFound
from credmagic.forms.form import Form

pytestmark = pytest.mark.e2e

Open = Callable[..., Any]
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\r\nAAAA\tBBBB \r\n-----END OPENSSH PRIVATE KEY-----"


@pytest.fixture
def open_form(client: Any, mount: Any) -> Open:
    """`open_form(kind, name=…)` shows an empty form, `open_form(view=…)` one that edits."""

    def opened(kind: str | None = None, view: Any = None, url: str = "http://localhost/", **traits: Any) -> Any:
        kinds = client.call("kinds", kind=view["kind"] if view else kind)["kinds"]
        return mount(Form(client, view, kinds=kinds, mode="edit" if view else "new", **traits), url=url)

    return opened


def field(page: Any, title: str) -> Any:
    return page.get_by_label(title, exact=True)


def press(page: Any, name: str) -> Any:
    page.get_by_role("button", name=name, exact=True).click()


def paste(locator: Any, text: str) -> None:
    locator.evaluate(
        """(node, text) => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          node.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def drop(locator: Any, name: str, data: bytes) -> None:
    locator.evaluate(
        """(node, [name, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], name));
          node.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [name, list(data)],
    )


def value_of(client: Any, name: str) -> dict[str, Any]:
    return dict(client.resolve(name)["fields"])


def saved(page: Any) -> str:
    page.get_by_text("saved —").wait_for()
    return str(page.locator(".cm-card").inner_text())


def test_a_saved_form_becomes_a_card_with_the_line_of_code(client: Any, open_form: Open, canary: str) -> None:
    page = open_form("basic", name="api-login", environment="draft")
    field(page, "User").fill("ada")
    field(page, "Password").fill(canary)

    press(page, "Save")

    card = saved(page)
    assert "api-login saved — User and password, draft, not verif" in card
    assert "basic = %cred use api-login" in card
    assert value_of(client, "api-login")["password"] == canary
    assert page.locator("input").count() == 0
    assert canary not in page.content()
    assert page.errors == []


def test_the_kernel_is_told_nothing_that_was_typed(client: Any, open_form: Open, canary: str) -> None:
    """Not even public fields: the kernel could put another host beside a sealed password."""
    page = open_form("basic", name="x")
    field(page, "Name").fill("typed-name")
    field(page, "User").fill("typed-user")
    field(page, "Password").fill(canary)
    press(page, "Save")
    saved(page)

    heard = json.dumps(page.heard)
    assert [message["type"] for message in page.heard] == ["hello", "begin", "submit"]
    for typed in ("typed-name", "typed-user", canary):
        assert typed not in heard


def test_the_card_copies_its_line(open_form: Open) -> None:
    page = open_form("basic", name="copied")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    field(page, "User").fill("ada")
    field(page, "Password").fill("geheim-geheim")
    press(page, "Save")
    saved(page)

    press(page, "Copy")

    page.get_by_text("Copied", exact=True).wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "basic = %cred use copied"


def test_a_refusal_names_the_field_and_loses_nothing(client: Any, open_form: Open) -> None:
    page = open_form("database", name="warehouse")
    field(page, "Dialect").fill("postgresql")
    field(page, "Host").fill("db.example.org")
    field(page, "Port").fill("99999999")
    field(page, "Password").fill(" s3cret s3cret")

    press(page, "Save")

    page.locator(".cm-status .cm-refused").wait_for()
    assert field(page, "Port").get_attribute("aria-invalid") == "true"
    assert "Port" in page.locator(".cm-status").inner_text()
    assert page.evaluate("document.activeElement.id") == field(page, "Port").get_attribute("id")
    assert field(page, "Password").input_value() == " s3cret s3cret"
    assert field(page, "Host").input_value() == "db.example.org"
    assert client.call("list")["credentials"] == []


def test_what_is_missing_is_said_before_anything_is_sent(open_form: Open) -> None:
    page = open_form("basic")

    press(page, "Save")

    status = page.locator(".cm-status").inner_text()
    assert "Name is required. User is required. Password is required." in status
    assert page.evaluate("document.activeElement.id") == field(page, "Name").get_attribute("id")
    assert [message["type"] for message in page.heard] == ["hello"]


def test_an_error_in_the_folded_part_opens_it(open_form: Open) -> None:
    page = open_form("database", name="w")
    field(page, "Dialect").fill("postgresql")
    field(page, "Host").fill("h")
    page.get_by_text("More", exact=True).click()
    field(page, "Options").fill('{"a": geheim}')
    page.get_by_text("More", exact=True).click()

    press(page, "Save")

    assert page.locator("details").get_attribute("open") == ""
    assert "is not JSON: line 1, column 7" in page.locator(".cm-status").inner_text()
    assert "geheim" not in page.locator(".cm-status").inner_text()


def test_waiting_is_said_with_seconds_and_cancel_still_works(open_form: Open) -> None:
    page = open_form("basic", name="slow")
    field(page, "User").fill("ada")
    field(page, "Password").fill("geheim-geheim")
    page.evaluate("window.hold = ['submit']")

    press(page, "Verify")

    page.get_by_text("Checking with the server…").wait_for()
    page.get_by_text(" 1 s").wait_for()
    assert page.get_by_role("button", name="Save", exact=True).is_disabled()
    assert page.get_by_role("button", name="Verify", exact=True).is_disabled()
    press(page, "Cancel")
    page.get_by_text("Stopped waiting").wait_for()
    assert field(page, "Password").input_value() == "geheim-geheim"
    assert page.get_by_role("button", name="Save", exact=True).is_enabled()


def test_a_second_press_uses_a_second_key(open_form: Open) -> None:
    page = open_form("basic", name="twice")
    field(page, "User").fill("ada")
    field(page, "Password").fill("geheim-geheim")

    press(page, "Verify")
    page.get_by_text("Not verifiable").wait_for()
    press(page, "Save")
    saved(page)

    entries = [message["entry_id"] for message in page.heard if message["type"] == "submit"]
    assert len(set(entries)) == 2


def test_a_busy_kernel_is_named(open_form: Open) -> None:
    page = open_form("basic")
    page.evaluate("window.hold = ['begin']")
    for title, text in (("Name", "n"), ("User", "u"), ("Password", "p")):
        field(page, title).fill(text)

    press(page, "Save")

    page.get_by_text("Waiting for the kernel…").wait_for()


def test_enter_saves_and_escape_asks_before_it_cancels(client: Any, open_form: Open) -> None:
    page = open_form("basic", name="keys")
    field(page, "User").fill("ada")
    page.keyboard.press("Escape")
    page.get_by_role("alertdialog").wait_for()
    page.keyboard.press("Enter")  # "Keep editing" has the focus
    assert field(page, "User").input_value() == "ada"
    field(page, "Password").fill("geheim-geheim")

    field(page, "Password").press("Enter")

    saved(page)
    assert value_of(client, "keys")["user"] == "ada"


def test_escape_cancels_at_once_when_nothing_was_typed(open_form: Open) -> None:
    page = open_form("basic", name="untouched")
    field(page, "User").focus()

    page.keyboard.press("Escape")

    page.get_by_text("Cancelled. Nothing was saved.").wait_for()
    assert page.heard[-1]["type"] == "cancel"


def test_keys_do_not_reach_the_notebook(open_form: Open) -> None:
    page = open_form("basic")
    page.evaluate("window.seen = 0; document.addEventListener('keydown', () => { window.seen += 1; })")

    field(page, "User").press_sequentially("dd a")

    assert page.evaluate("window.seen") == 0
    assert page.locator("[data-lm-suppress-shortcuts=true]").count() == 1


def test_tab_walks_in_reading_order(open_form: Open) -> None:
    page = open_form("ssh_key")
    field(page, "Name").focus()
    walked = []
    for _ in range(12):
        walked.append(
            page.evaluate(
                "(() => { const on = document.activeElement; return on.labels?.[0]?.textContent || on.textContent; })()"
            )
        )
        page.keyboard.press("Tab")

    assert walked == [
        "Name", "Environment", "Private key", "Load file", "Show", "Passphrase", "Show", "Host", "User",
        "Attach to this notebook", "More", "Save",
    ]  # fmt: skip


def test_a_secret_is_masked_until_it_is_revealed(open_form: Open) -> None:
    page = open_form("basic")
    password = field(page, "Password")
    assert password.get_attribute("type") == "password"
    assert password.get_attribute("autocomplete") == "new-password"
    show = page.get_by_role("button", name="Show", exact=True)
    assert show.get_attribute("aria-pressed") == "false"

    show.click()

    assert show.get_attribute("aria-pressed") == "true"
    assert password.get_attribute("type") == "text"


def test_blanks_at_the_ends_are_kept_and_said(client: Any, open_form: Open) -> None:
    page = open_form("basic", name="blanks")
    field(page, "User").fill("ada")
    field(page, "Password").fill(" geheim-geheim ")
    assert page.get_by_text("Begins or ends with a blank").is_visible()

    press(page, "Save")

    saved(page)
    assert value_of(client, "blanks")["password"] == " geheim-geheim "


def test_a_dropped_key_file_is_kept_byte_for_byte(client: Any, open_form: Open) -> None:
    """A text area would turn CRLF into LF; the kind decides what becomes of a PEM, not the browser."""
    page = open_form("ssh_key", name="deploy")
    drop(field(page, "Private key"), "id_ed25519", PEM.encode())
    page.get_by_text(f"id_ed25519: {len(PEM)} bytes, 3 lines").wait_for()
    assert "AAAA" not in page.content()

    press(page, "Save")
    saved(page)

    stored = value_of(client, "deploy")["private_key"]
    assert stored.replace("\r\n", "\n").strip() == PEM.replace("\r\n", "\n").strip()
    assert "AAAA\tBBBB " in stored


def test_a_pasted_secret_of_several_lines_is_kept_whole(client: Any, open_form: Open) -> None:
    page = open_form("basic", name="lines")
    field(page, "User").fill("ada")
    paste(field(page, "Password"), "one\r\ntwo\n")
    page.get_by_text("Pasted: 9 bytes, 2 lines").wait_for()

    press(page, "Save")

    saved(page)
    assert value_of(client, "lines")["password"] == "one\r\ntwo\n"


@pytest.mark.parametrize(
    ("data", "said"), [(b"\xff\xfe\x00", "not text in UTF-8"), (b"x" * (128 * 1024 + 1), "larger than 128 KiB")]
)
def test_a_file_that_cannot_be_a_secret_is_refused_on_the_spot(open_form: Open, data: bytes, said: str) -> None:
    page = open_form("ssh_key")

    drop(field(page, "Private key"), "wrong", data)

    page.get_by_text(said).wait_for()


def test_a_json_file_is_taken_and_a_broken_one_is_placed(client: Any, open_form: Open) -> None:
    page = open_form("gcp", name="google")
    field(page, "Service account key").fill('{\n "type": "geheim,\n}')
    press(page, "Save")
    said = page.locator(".cm-status").inner_text()
    assert "is not JSON: line 2" in said
    assert "geheim" not in said


def test_entries_of_a_map_are_rows(client: Any, open_form: Open) -> None:
    page = open_form("key_value", name="settings")
    field(page, "Key").fill("API_KEY")
    field(page, "Value").fill("wert eins")
    press(page, "Add entry")
    field(page, "Key").last.fill("OTHER")
    field(page, "Value").last.fill("wert zwei")

    press(page, "Save")

    saved(page)
    fields = value_of(client, "settings")
    assert fields["API_KEY"] == "wert eins"
    assert fields["OTHER"] == "wert zwei"


def test_a_pasted_url_fills_the_fields(client: Any, open_form: Open) -> None:
    page = open_form("database", name="warehouse")

    paste(field(page, "Host"), "postgresql+psycopg://ada:p%40ss%2Fw%C3%B6rt@[::1]:5433/sales?sslmode=require")

    page.get_by_text("Filled from the URL").wait_for()
    expected = {
        "Dialect": "postgresql", "Host": "::1", "Port": "5433", "Database": "sales", "User": "ada",
        "Password": "p@ss/wört", "Driver": "psycopg", "TLS mode": "require",
    }  # fmt: skip
    assert {title: field(page, title).input_value() for title in expected} == expected
    assert field(page, "Password").get_attribute("type") == "password"


def test_a_failed_check_offers_to_save_without_it(client: Any, open_form: Open) -> None:
    page = open_form("database", name="offline")
    for title, text in {"Dialect": "postgresql", "Host": "127.0.0.1", "Port": "1", "Password": "geheim-geheim"}.items():
        field(page, title).fill(text)
    press(page, "Save")
    page.get_by_role("button", name="Save without checking").wait_for()

    press(page, "Save without checking")

    assert "not verified" in saved(page)
    assert value_of(client, "offline")["password"] == "geheim-geheim"


def test_a_taken_name_is_an_error_of_the_name(client: Any, open_form: Open) -> None:
    client.call("create", name="taken", kind="basic", fields={"user": "u", "password": "geheim-geheim"})
    page = open_form("basic", name="taken")
    field(page, "User").fill("ada")
    field(page, "Password").fill("anderes-geheimnis")

    press(page, "Save")

    page.locator(".cm-status .cm-refused").wait_for()
    assert field(page, "Name").get_attribute("aria-invalid") == "true"
    assert field(page, "Password").input_value() == "anderes-geheimnis"


def test_everything_about_a_credential_can_be_given(client: Any, open_form: Open) -> None:
    page = open_form("basic")
    for title, text in {"Name": " login ", "Environment": "live", "User": "ada", "Password": "geheim-geheim"}.items():
        field(page, title).fill(text)
    page.get_by_text("More", exact=True).click()
    field(page, "Description").fill("of the press")
    field(page, "Tags").press_sequentially("a, b ")
    field(page, "Tags").press("Enter")
    field(page, "Expires").fill("2031-01-31T12:00")

    press(page, "Save")

    assert "basic = %cred use login --env live" in saved(page)
    view = client.call("show", ref="login", environment="live")
    assert (view["description"], view["tags"], view["expires_at"][:7]) == ("of the press", ["a", "b"], "2031-01")


def test_without_a_kind_the_person_chooses_one(client: Any, open_form: Open) -> None:
    page = open_form(None, name="chosen")

    field(page, "Kind").select_option(label="Bearer token")

    field(page, "Token").fill("geheim-geheim")
    press(page, "Save")
    saved(page)
    assert client.call("show", ref="chosen")["kind"] == "bearer"


class TestEdit:
    """A stored credential in the form: secrets are never shown, and only what changed is sent."""

    @pytest.fixture
    def view(self, client: Any) -> Any:
        fields = {"aws_access_key_id": "AKIA1", "aws_secret_access_key": "geheim-geheim", "region": "eu-central-1"}
        client.call("create", name="lake", kind="s3", fields=fields, verify=False, tags=["old"], description="d")
        return client.call("show", ref="lake")

    def test_public_fields_are_filled_and_secrets_say_unchanged(self, open_form: Open, view: Any) -> None:
        page = open_form(view=view)

        assert field(page, "Region").input_value() == "eu-central-1"
        assert field(page, "Secret access key").input_value() == ""
        assert field(page, "Secret access key").get_attribute("placeholder") == "unchanged"
        assert field(page, "Session token").get_attribute("placeholder") is None

    def test_what_was_not_touched_stays(self, client: Any, open_form: Open, view: Any) -> None:
        page = open_form(view=view)
        field(page, "Region").fill("eu-west-1")

        press(page, "Save")
        if page.get_by_role("button", name="Save without checking").is_visible():
            press(page, "Save without checking")

        saved(page)
        stored = value_of(client, "lake")
        assert stored["region"] == "eu-west-1"
        assert stored["aws_secret_access_key"] == "geheim-geheim"
        assert client.call("show", ref="lake")["tags"] == ["old"]

    def test_emptied_public_fields_are_cleared(self, client: Any, open_form: Open, view: Any) -> None:
        page = open_form(view=view)
        field(page, "Region").fill("")
        page.get_by_text("More", exact=True).click()
        field(page, "Description").fill("")
        page.get_by_role("button", name="Remove old").click()

        press(page, "Save")

        saved(page)
        changed = client.call("show", ref="lake")
        assert changed["fields"].get("region") is None
        assert (changed["description"], changed["tags"]) == ("", [])

    def test_a_stored_secret_can_be_removed(self, client: Any, open_form: Open, view: Any) -> None:
        page = open_form(view=view)
        field(page, "Access key ID").fill("")
        page.get_by_label("Remove the stored value").check()

        press(page, "Save")

        saved(page)
        assert client.call("show", ref="lake")["secrets"] == []

    def test_a_new_name_renames(self, client: Any, open_form: Open, view: Any) -> None:
        page = open_form(view=view)
        field(page, "Name").fill("pond")

        press(page, "Save")

        saved(page)
        assert value_of(client, "pond")["aws_secret_access_key"] == "geheim-geheim"
        with pytest.raises(CredentialNotFound):
            client.call("show", ref="lake")


def test_a_view_drawn_again_keeps_what_was_typed(open_form: Open) -> None:
    page = open_form("basic")
    field(page, "Password").fill("geheim-geheim")

    page.evaluate(
        """async () => {
          const el = document.createElement("div");
          document.querySelector("main").append(el);
          window.leave2 = await window.widget.render({ model: window.model, el });
        }"""
    )
    assert field(page, "Password").input_value() == "geheim-geheim"
    page.evaluate("window.leave2()")

    assert page.locator("#out input[type=password]").input_value() == "geheim-geheim"


def test_a_saved_form_drawn_by_another_page_is_the_card(client: Any, mount: Any) -> None:
    form = Form(client, kinds=client.call("kinds", kind="basic")["kinds"], name="again")
    page = mount(form)
    field(page, "User").fill("ada")
    field(page, "Password").fill("geheim-geheim")
    press(page, "Save")
    saved(page)

    reloaded = mount(form)

    assert "again saved" in saved(reloaded)


def test_without_a_secure_context_the_form_names_the_prompt(open_form: Open) -> None:
    page = open_form("basic", name="api login", url="http://notebooks.test/")

    assert "nothing can be sealed here" in page.locator(".credmagic-form").inner_text()
    assert page.locator("code").inner_text() == "%cred add 'api login' --kind basic user=… --secret password=prompt"
    assert page.locator("input").count() == 0
