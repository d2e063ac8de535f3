"""Does a generated value open in the page that asked for it, once, and is it nowhere else?"""

from __future__ import annotations

from typing import Any

import pytest

from credmagic.forms.reveal import Reveal

pytestmark = pytest.mark.e2e


@pytest.fixture
def revealed(client: Any, mount: Any) -> Any:
    """`revealed()` generates a password and shows it: the page, and what it must show."""

    def shown(**page: Any) -> tuple[Any, str]:
        client.call("create", name="demo", kind="basic", fields={"user": "ada", "password": "first-Kanari-1"})
        view = client.call("generate", ref="demo")
        reveal = Reveal(client, view["reveal_id"], "New password of demo, version 2")
        page = mount(reveal, **page)
        page.reveal = reveal
        return page, str.__str__(client.resolve("demo")["fields"]["password"])

    return shown


def test_the_page_opens_what_the_vault_sealed_to_it(revealed: Any) -> None:
    page, made = revealed()
    box = page.get_by_label("password", exact=True)
    box.wait_for()

    assert box.input_value() == made
    assert (box.get_attribute("type"), box.get_attribute("readonly")) == ("password", "")
    assert made not in str(page.heard)
    assert page.errors == []


def test_it_is_shown_only_when_asked_and_copied_without(revealed: Any) -> None:
    page, made = revealed()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show = page.get_by_role("button", name="Show", exact=True)
    show.click()
    assert page.get_by_label("password", exact=True).get_attribute("type") == "text"
    assert show.get_attribute("aria-pressed") == "true"
    show.click()
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == made


def test_done_leaves_nothing_and_a_reload_shows_nothing(revealed: Any, mount: Any) -> None:
    page, made = revealed()
    page.get_by_role("button", name="Done", exact=True).click()
    page.get_by_text("It is stored").wait_for()
    assert made not in page.content()

    again = mount(page.reveal)
    again.get_by_text("It was shown once").wait_for()
    assert made not in again.content()
    assert again.heard == []


def test_without_a_secure_page_nothing_is_asked(revealed: Any) -> None:
    page, made = revealed(url="http://lab.example/")
    page.get_by_text("plain http").wait_for()
    assert page.heard == []
    assert made not in page.content()


@pytest.mark.parametrize("dark", [False, True])
def test_it_reads_well(revealed: Any, serious: Any, dark: bool) -> None:
    page, _ = revealed(dark=dark, width=360)
    page.get_by_label("password", exact=True).wait_for()
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= 360")
