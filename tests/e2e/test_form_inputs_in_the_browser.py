"""What comes of each type of input: byte for byte, masked, refused on the spot, and in an edit only what changed?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from credmagic.errors import CredentialNotFound

pytestmark = pytest.mark.e2e

Open = Callable[..., Any]
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\r\nAAAA\tBBBB \r\n-----END OPENSSH PRIVATE KEY-----"


def test_a_secret_is_masked_until_it_is_revealed(open_form: Open) -> None:
    form = open_form("basic")
    password = form.field("Password")
    assert password.get_attribute("type") == "password"
    assert password.get_attribute("autocomplete") == "new-password"
    show = form.page.get_by_role("button", name="Show", exact=True)
    assert show.get_attribute("aria-pressed") == "false"

    show.click()

    assert show.get_attribute("aria-pressed") == "true"
    assert password.get_attribute("type") == "text"


def test_blanks_at_the_ends_are_kept_and_said(client: Any, open_form: Open) -> None:
    form = open_form("basic", name="blanks")
    form.field("User").fill("ada")
    form.field("Password").fill(" geheim-geheim ")
    assert form.page.get_by_text("Begins or ends with a blank").is_visible()

    form.press("Save")

    form.saved()
    assert client.resolve("blanks")["fields"]["password"] == " geheim-geheim "


def test_a_dropped_key_file_is_kept_byte_for_byte(client: Any, open_form: Open) -> None:
    """A text area would turn CRLF into LF; the kind decides what becomes of a PEM, not the browser."""
    form = open_form("ssh_key", name="deploy")
    form.drop("Private key", "id_ed25519", PEM.encode())
    form.page.get_by_text(f"id_ed25519: {len(PEM)} bytes, 3 lines").wait_for()
    assert "AAAA" not in form.page.content()

    form.press("Save")
    form.saved()

    stored = client.resolve("deploy")["fields"]["private_key"]
    assert stored.replace("\r\n", "\n").strip() == PEM.replace("\r\n", "\n").strip()
    assert "AAAA\tBBBB " in stored


def test_a_pasted_secret_of_several_lines_is_kept_whole(client: Any, open_form: Open) -> None:
    form = open_form("basic", name="lines")
    form.field("User").fill("ada")
    form.paste("Password", "one\r\ntwo\n")
    form.page.get_by_text("Pasted: 9 bytes, 2 lines").wait_for()

    form.press("Save")

    form.saved()
    assert client.resolve("lines")["fields"]["password"] == "one\r\ntwo\n"


@pytest.mark.parametrize(
    ("data", "said"), [(b"\xff\xfe\x00", "not text in UTF-8"), (b"x" * (128 * 1024 + 1), "larger than 128 KiB")]
)
def test_a_file_that_cannot_be_a_secret_is_refused_on_the_spot(open_form: Open, data: bytes, said: str) -> None:
    form = open_form("ssh_key")

    form.drop("Private key", "wrong", data)

    form.page.get_by_text(said).wait_for()


def test_a_json_file_is_taken_and_a_broken_one_is_placed(client: Any, open_form: Open) -> None:
    form = open_form("gcp", name="google")
    form.field("Service account key").fill('{\n "type": "geheim,\n}')
    form.press("Save")
    said = form.page.locator(".cm-status").inner_text()
    assert "is not JSON: line 2" in said
    assert "geheim" not in said


def test_entries_of_a_map_are_rows(client: Any, open_form: Open) -> None:
    form = open_form("key_value", name="settings")
    form.field("Key").fill("API_KEY")
    form.field("Value").fill("wert eins")
    form.press("Add entry")
    form.field("Key").last.fill("OTHER")
    form.field("Value").last.fill("wert zwei")

    form.press("Save")

    form.saved()
    fields = client.resolve("settings")["fields"]
    assert fields["API_KEY"] == "wert eins"
    assert fields["OTHER"] == "wert zwei"


def test_a_pasted_url_fills_the_fields(client: Any, open_form: Open) -> None:
    form = open_form("database", name="warehouse")

    form.paste("Host", "postgresql+psycopg://ada:p%40ss%2Fw%C3%B6rt@[::1]:5433/sales?sslmode=require")

    form.page.get_by_text("Filled from the URL").wait_for()
    expected = {
        "Dialect": "postgresql", "Host": "::1", "Port": "5433", "Database": "sales", "User": "ada",
        "Password": "p@ss/wört", "Driver": "psycopg", "TLS mode": "require",
    }  # fmt: skip
    assert {title: form.field(title).input_value() for title in expected} == expected
    assert form.field("Password").get_attribute("type") == "password"


class TestEdit:
    """A stored credential in the form: secrets are never shown, and only what changed is sent."""

    @pytest.fixture
    def view(self, client: Any) -> Any:
        fields = {"aws_access_key_id": "AKIA1", "aws_secret_access_key": "geheim-geheim", "region": "eu-central-1"}
        fields["endpoint_url"] = "http://127.0.0.1:9"  # nobody is there: a refusal comes at once
        client.call("create", name="lake", kind="s3", fields=fields, verify=False, tags=["old"], description="d")
        return client.call("show", ref="lake")

    def test_public_fields_are_filled_and_secrets_say_unchanged(self, open_form: Open, view: Any) -> None:
        form = open_form(view=view)

        assert form.field("Region").input_value() == "eu-central-1"
        assert form.field("Secret access key").input_value() == ""
        assert form.field("Secret access key").get_attribute("placeholder") == "unchanged"
        assert form.field("Session token").get_attribute("placeholder") is None

    def test_what_was_not_touched_stays(self, client: Any, open_form: Open, view: Any) -> None:
        form = open_form(view=view)
        form.field("Region").fill("eu-west-1")

        form.press("Save")

        form.saved()
        stored = client.resolve("lake")["fields"]
        assert stored["region"] == "eu-west-1"
        assert stored["aws_secret_access_key"] == "geheim-geheim"
        assert client.call("show", ref="lake")["tags"] == ["old"]

    def test_emptied_public_fields_are_cleared(self, client: Any, open_form: Open, view: Any) -> None:
        form = open_form(view=view)
        form.field("Region").fill("")
        form.more()
        form.field("Description").fill("")
        form.page.get_by_role("button", name="Remove old").click()

        form.press("Save")

        form.saved()
        changed = client.call("show", ref="lake")
        assert changed["fields"].get("region") is None
        assert (changed["description"], changed["tags"]) == ("", [])

    def test_a_stored_secret_can_be_removed(self, client: Any, open_form: Open, view: Any) -> None:
        form = open_form(view=view)
        form.field("Access key ID").fill("")
        form.page.get_by_label("Remove the stored value").check()

        form.press("Save")

        form.saved()
        assert client.call("show", ref="lake")["secrets"] == []

    def test_a_new_name_renames(self, client: Any, open_form: Open, view: Any) -> None:
        form = open_form(view=view)
        form.field("Name").fill("pond")

        form.press("Save")

        form.saved()
        assert client.resolve("pond")["fields"]["aws_secret_access_key"] == "geheim-geheim"
        with pytest.raises(CredentialNotFound):
            client.call("show", ref="lake")
