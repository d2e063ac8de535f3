"""Are forms and pickers readable for everyone: no serious finding of axe-core, nothing cut off on a narrow screen?

With `CREDMAGIC_SCREENSHOTS=folder` each state is also kept as a picture, to be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credmagic.forms.form import Form
from credmagic.forms.picker import Picker

pytestmark = pytest.mark.e2e

Draw = Callable[..., Any]


def empty(client: Any, show: Draw) -> Any:
    return show(new(client, "database", name="warehouse"))


def folded_out(client: Any, show: Draw) -> Any:
    page = show(new(client, "ssh_key"))
    page.get_by_text("More", exact=True).click()
    return page


def error(client: Any, show: Draw) -> Any:
    page = empty(client, show)
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".cm-status .cm-refused").wait_for()
    return page


def busy(client: Any, show: Draw) -> Any:
    page = show(new(client, "bearer", name="slow"))
    page.get_by_label("Token", exact=True).fill(" geheim-geheim")
    page.evaluate("window.hold = ['submit']")
    page.get_by_role("button", name="Verify", exact=True).click()
    page.get_by_text("Checking with the server…").wait_for()
    return page


def saved(client: Any, show: Draw) -> Any:
    page = show(new(client, "bearer", name="a-name-of-a-credential-that-is-quite-long", environment="live"))
    page.get_by_label("Token", exact=True).fill("kurz")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("saved —").wait_for()
    return page


def edit(client: Any, show: Draw) -> Any:
    fields = {"aws_access_key_id": "AKIA1", "aws_secret_access_key": "geheim-geheim", "region": "eu-central-1"}
    view = client.call("create", name="lake", kind="s3", fields=fields, verify=False)
    page = show(Form(client, view, kinds=client.call("kinds", kind="s3")["kinds"], mode="edit"))
    page.get_by_label("Region", exact=True).wait_for()
    return page


def rows(client: Any, show: Draw) -> Any:
    return show(new(client, "key_value", name="settings"))


def chooser(client: Any, show: Draw) -> Any:
    return show(new(client, None))


def insecure(client: Any, show: Draw) -> Any:
    return show(new(client, "basic"), url="http://notebooks.test/")


def picker(client: Any, show: Draw) -> Any:
    for number in range(12):
        expires = "2027-01-01T00:00:00Z" if number == 2 else None
        client.call("create", name=f"key-{number}", kind="bearer", fields={"token": "geheim"}, expires_at=expires)
    page = show(Picker(client, client.call("kinds", kind="bearer")["kinds"], "bearer", "data", None))
    page.get_by_text("New…").wait_for()
    return page


def picked(client: Any, show: Draw) -> Any:
    page = picker(client, show)
    page.get_by_role("option").first.click()
    page.get_by_text("chosen").wait_for()
    return page


def new(client: Any, kind: str | None, **traits: Any) -> Form:
    return Form(client, kinds=client.call("kinds", kind=kind)["kinds"], **traits)


STATES = [empty, folded_out, error, busy, saved, edit, rows, chooser, insecure, picker, picked]


@pytest.mark.parametrize("width", [900, 360])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_every_state_is_accessible_and_fits(
    client: Any, mount: Any, serious: Any, state: Any, dark: bool, width: int
) -> None:
    page = state(client, lambda widget, **more: mount(widget, dark=dark, width=width, **more))
    if folder := os.environ.get("CREDMAGIC_SCREENSHOTS"):
        name = f"{state.__name__}-{'dark' if dark else 'light'}-{width}.png"
        page.screenshot(path=Path(folder) / name, full_page=True)

    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.querySelector('.credmagic-form').offsetWidth <= 480")
    assert page.errors == []


def test_the_check_of_looks_would_notice(client: Any, mount: Any, serious: Any) -> None:
    """The control: grey on grey and an input without a name are found."""
    page = mount(new(client, "basic"))
    page.add_style_tag(content=".credmagic-form .cm-label { color: #bbb !important }")
    page.evaluate("document.querySelector('.credmagic-form label').remove()")

    found = serious(page)

    assert any(one.startswith("color-contrast") for one in found)
    assert any(one.startswith("label") for one in found)
