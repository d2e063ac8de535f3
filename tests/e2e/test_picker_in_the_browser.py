"""Is a stored credential chosen with a few keys, and does the picker say what makes the choice repeatable?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from credmagic.forms.picker import Picker

pytestmark = pytest.mark.e2e


@pytest.fixture
def picked(client: Any, mount: Any) -> Any:
    """`picked(count)` stores so many credentials and shows the picker; `.bound` is what was chosen."""

    def shown(count: int, **page: Any) -> Any:
        for number in range(count):
            environment = "live" if number % 2 else "draft"
            fields = {"token": "geheim-geheim"}
            client.call("create", name=f"key-{number:02}", kind="bearer", fields=fields, environment=environment)
        bound: list[Any] = []
        kinds = client.call("kinds", kind="bearer")["kinds"]
        shown = mount(Picker(client, kinds, "bearer", "tok", lambda *given: bound.append(given)), **page)
        shown.bound = bound
        shown.get_by_text("New…").wait_for()
        return shown

    return shown


def test_the_third_row_is_chosen_by_keys(client: Any, picked: Any) -> None:
    page = picked(5)
    page.get_by_role("combobox").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    marked = page.get_by_role("option", selected=True)
    assert "key-02" in marked.inner_text()
    assert page.get_by_role("combobox").get_attribute("aria-activedescendant") == marked.get_attribute("id")

    page.keyboard.press("Enter")

    page.get_by_text("key-02 chosen").wait_for()
    assert page.locator("code").inner_text() == "tok = %cred use key-02"
    assert page.bound == [("tok", client.call("show", ref="key-02")["id"])]


def test_at_most_eight_rows_and_new_is_the_last(picked: Any) -> None:
    page = picked(30)

    options = page.get_by_role("option").all_inner_texts()

    assert len(options) == 8
    assert options[-1] == "New…"
    assert "30 match, 23 not shown" in page.get_by_role("status").inner_text()


def test_the_filter_narrows_by_name_and_environment(picked: Any) -> None:
    page = picked(30)

    page.get_by_role("combobox").fill("live 2")

    names = [text.split()[0] for text in page.get_by_role("option").all_inner_texts()]
    assert names == ["key-21", "key-23", "key-25", "key-27", "key-29", "New…"]
    page.keyboard.press("Escape")
    assert page.get_by_role("combobox").input_value() == ""


def test_each_row_says_health_and_environment(picked: Any) -> None:
    page = picked(2)

    row = page.get_by_role("option").nth(1).inner_text()

    assert "live" in row
    assert "not verif" in row


def test_new_asks_the_kernel_for_a_form(picked: Any) -> None:
    page = picked(1)
    page.get_by_role("combobox").focus()
    page.keyboard.press("ArrowUp")  # over the top to the last row

    page.keyboard.press("Enter")

    page.wait_for_timeout(50)
    assert page.heard[-1]["type"] == "new"


def test_an_empty_store_says_so_and_offers_new(picked: Any) -> None:
    page = picked(0)

    assert "Nothing stored yet." in page.get_by_role("status").inner_text()
    assert page.get_by_role("option").all_inner_texts() == ["New…"]


def test_names_are_no_state_that_a_notebook_could_save(client: Any, picked: Any) -> None:
    picked(1)
    picker = Picker(client, client.call("kinds", kind="bearer")["kinds"], "bearer", "tok", None)

    assert "key-00" not in json.dumps(picker.get_state())
