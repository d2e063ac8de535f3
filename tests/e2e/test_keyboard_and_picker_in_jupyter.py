"""Can everything be done in a real JupyterLab without a mouse, and does the picker bind and remember a choice?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.parametrize("front_end", [("lab", "/")], indirect=True)]

FOCUSED = """() => {
  const on = document.activeElement;
  const inside = Boolean(on.closest(".credmagic-form"));
  return inside && (on.labels?.[0]?.textContent || on.getAttribute("aria-label") || on.textContent);
}"""
ACTIVE = "(number) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = number; }"


def keep(page: Any, name: str) -> None:
    if folder := os.environ.get("CREDMAGIC_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def tab_to(page: Any, title: str) -> list[str]:
    """Press Tab until the named control of a form has the focus; the controls passed on the way."""
    passed = []
    for _ in range(80):
        if focused := page.evaluate(FOCUSED):
            passed.append(focused)
        if focused == title:
            return passed
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {title}: {passed}")


def test_a_credential_is_made_without_a_mouse(front_end: Any) -> None:
    """From the cell through each field in reading order; Enter saves; letters are no shortcuts of the notebook."""
    front_end.write("keys.ipynb", ["%load_ext credmagic", "%cred new basic keyed", "k = %cred use keyed\nk['user']"])
    notebook = front_end.open("keys.ipynb")
    page = notebook.page
    page.evaluate(ACTIVE, 0)
    page.keyboard.press("Control+Enter")
    notebook.wait_until_idle()
    page.evaluate(ACTIVE, 1)
    page.keyboard.press("Control+Enter")
    page.get_by_label("User", exact=True).wait_for()
    notebook.wait_until_idle()

    order = tab_to(page, "User")
    page.keyboard.type("dd ada m y")  # d d would delete the cell, m make it text
    order += tab_to(page, "Password")
    page.keyboard.type("geheim-geheim")
    keep(page, "lab-keyboard")
    page.keyboard.press("Enter")

    page.get_by_text("keyed saved —").wait_for()
    assert list(dict.fromkeys(order)) == ["Name", "Environment", "User", "Password"]
    assert "dd ada m y" in notebook.run(2)
    assert notebook.cell(2).count() == 1


def test_escape_and_shortcuts_stay_in_the_form(front_end: Any) -> None:
    front_end.write("escape.ipynb", ["%load_ext credmagic\n%cred new basic left", "1 + 1"])
    notebook = front_end.open("escape.ipynb")
    page = notebook.page
    notebook.run(0)
    tab_to_user = page.get_by_label("User", exact=True)
    tab_to_user.focus()
    page.keyboard.type("a b x c v")  # shortcuts of command mode

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Discard", exact=True).focus()
    page.keyboard.press("Enter")

    page.get_by_text("Cancelled. Nothing was saved.").wait_for()
    assert page.locator(".jp-Notebook .jp-Cell").count() == 2


def test_the_picker_binds_and_the_notebook_remembers(front_end: Any) -> None:
    front_end.write(
        "pick.ipynb",
        [
            "%load_ext credmagic",
            "open('t', 'w').write('geheim-geheim')\n"
            "for name in ('alpha', 'beta'):\n"
            "    get_ipython().run_line_magic('cred', f'add {name} --kind bearer --secret token=file:t')",
            "%cred select bearer as tok",
            "tok.name, tok['token']",
            "again = %cred use --kind bearer\nagain.name",
        ],
    )
    notebook = front_end.open("pick.ipynb")
    page = notebook.page
    for number in (0, 1, 2):
        notebook.run(number)
    page.get_by_role("combobox", name="Choose: Bearer token").focus()
    page.keyboard.type("be")
    page.get_by_role("option").filter(has_text="alpha").wait_for(state="detached")
    keep(page, "lab-picker")

    page.keyboard.press("Enter")

    page.get_by_text("beta chosen").wait_for()
    assert "tok = %cred use beta" in notebook.output(2)
    assert "Remembered as this notebook's default" in notebook.output(2)
    assert "('beta', [beta.token])" in notebook.run(3)
    assert "beta" in notebook.run(4)


def test_new_in_the_picker_makes_and_binds_one(front_end: Any) -> None:
    front_end.write("fresh.ipynb", ["%load_ext credmagic", "%cred select basic as login", "login['user']"])
    notebook = front_end.open("fresh.ipynb")
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    page.get_by_role("option", name="New…").click()
    for title, text in (("Name", "fresh"), ("User", "grace"), ("Password", "geheim-geheim")):
        page.get_by_label(title, exact=True).fill(text)

    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_text("fresh saved —").wait_for()
    assert "login = %cred use fresh" in notebook.output(1)
    assert "grace" in notebook.run(2)


def test_the_form_is_accessible_inside_the_real_lab_in_both_themes(front_end: Any, serious: Any) -> None:
    front_end.write("looks.ipynb", ["%load_ext credmagic", "%cred new database warehouse"])
    notebook = front_end.open("looks.ipynb")
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".cm-status .cm-refused").wait_for()

    for theme in ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"):
        page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        page.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=theme)
        page.wait_for_timeout(300)
        keep(page, f"lab-form-{theme.split(maxsplit=1)[1].replace(' ', '-')}")
        assert serious(page, ".credmagic-form") == [], theme


def test_leaving_and_reopening_the_notebook_keeps_a_usable_form(front_end: Any) -> None:
    """The page is loaded again while the form is open: what was typed is gone, the form is not."""
    front_end.write("again.ipynb", ["%load_ext credmagic", "%cred new basic later", "x = %cred use later\nx['user']"])
    notebook = front_end.open("again.ipynb")
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    page.get_by_label("User", exact=True).fill("ada")
    notebook.save()
    page.reload()
    notebook.wait_until_idle()
    page.get_by_label("User", exact=True).wait_for()
    assert page.get_by_label("User", exact=True).input_value() == ""
    page.get_by_label("User", exact=True).fill("grace")
    page.get_by_label("Password", exact=True).fill("geheim-geheim")

    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_text("later saved —").wait_for()
    assert "grace" in notebook.run(2)


def test_a_form_of_a_restarted_kernel_says_so_and_shows_what_was_typed(front_end: Any) -> None:
    front_end.write("gone.ipynb", ["%load_ext credmagic", "%cred new bearer orphan"])
    notebook = front_end.open("gone.ipynb")
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    page.get_by_label("Token", exact=True).fill("geheim-geheim")
    notebook.restart()

    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_text("The kernel that drew this is gone. Run the cell again.").wait_for()
    assert page.get_by_label("Token", exact=True).input_value() == "geheim-geheim"
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_text("Cancelled.").wait_for()
