"""What a person sees of a login, in the browser's half alone: every state readable, by keyboard, in both themes.

The vault and the provider are real. With `CREDMAGIC_SCREENSHOTS=folder` each state is kept as a picture, to be looked at.
"""

from __future__ import annotations

import os
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from credmagic.forms.form import Form
from credmagic.forms.login import Login
from credmagic.forms.picker import Picker
from credmagic.testing.oidc_provider import OidcProvider

pytestmark = pytest.mark.e2e

Draw = Callable[..., Any]


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as running:
        yield running


@pytest.fixture
def crm(client: Any, provider: OidcProvider) -> Any:
    """A client whose credential `crm` waits for a sign-in at the provider."""
    client.provider = provider
    client.call("create", name="crm", kind="oauth", fields=fields(provider), verify=False)
    return client


def fields(provider: OidcProvider) -> dict[str, Any]:
    return {
        "client_id": "notebook", "client_secret": provider.clients["notebook"]["client_secret"],
        "token_url": provider.token_url, "authorization_url": provider.authorization_url,
        "device_authorization_url": provider.device_authorization_url,
        "scope": ["openid", "offline_access"], "custom_auth_query": {"prompt": "consent"},
    }  # fmt: skip


def opener(page: Any) -> Any:
    return page.get_by_role("link", name=re.compile("Sign in at|Open the page"))


# ── the states ───────────────────────────────────────────────────────────────────────────────────────────────
def code(client: Any, show: Draw) -> Any:
    page = show(Login(client, "crm", None))
    opener(page).wait_for()
    return page


def device(client: Any, show: Draw) -> Any:
    page = show(Login(client, "crm", None, how="device"))
    opener(page).wait_for()
    return page


def pasting(client: Any, show: Draw) -> Any:
    page = code(client, show)
    page.get_by_text("The tab shows an error").click()
    page.get_by_label("Paste the whole address").wait_for()
    return page


def done(client: Any, show: Draw) -> Any:
    page = pasting(client, show)
    page.answer = client.provider.sign_in(opener(page).get_attribute("href"))
    page.get_by_label("Paste the whole address").fill(page.answer)
    page.get_by_role("button", name="Finish", exact=True).click()
    page.get_by_text("signed in, renews itself").wait_for()
    return page


def failed(client: Any, show: Draw) -> Any:
    page = pasting(client, show)
    page.get_by_label("Paste the whole address").fill("no-such-code")
    page.get_by_label("Paste the whole address").press("Enter")
    page.get_by_role("button", name="Try again").wait_for()
    return page


def cancelled(client: Any, show: Draw) -> Any:
    page = code(client, show)
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_text("Cancelled. Nothing was changed.").wait_for()
    return page


def busy(client: Any, show: Draw) -> Any:
    page = code(client, show)
    page.evaluate("() => { window.hold = ['login']; }")
    page.get_by_text("The kernel is busy").wait_for(timeout=15_000)
    return page


def form(client: Any, show: Draw) -> Any:
    view = client.call("show", ref="crm")
    page = show(Form(client, view, kinds=client.call("kinds", kind="oauth")["kinds"], mode="edit"))
    page.get_by_role("button", name="Save and sign in").wait_for()
    return page


def form_login(client: Any, show: Draw) -> Any:
    page = form(client, show)
    page.get_by_role("button", name="Save and sign in").click()
    opener(page).wait_for()
    return page


def form_saved(client: Any, show: Draw) -> Any:
    page = form(client, show)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Sign in", exact=True).wait_for()
    return page


STATES = [device, pasting, failed, cancelled, form_login, form_saved]
BOTH = [(state, *look) for state in STATES for look in ((False, 900), (True, 360))]


@pytest.mark.parametrize(("state", "dark", "width"), [*BOTH, (done, False, 360), (busy, True, 900)])
def test_every_state_is_accessible_and_fits(
    crm: Any, mount: Any, serious: Any, state: Any, dark: bool, width: int
) -> None:
    page = state(crm, lambda widget, **more: mount(widget, dark=dark, width=width, **more))
    if folder := os.environ.get("CREDMAGIC_SCREENSHOTS"):
        theme = "dark" if dark else "light"
        page.screenshot(path=Path(folder) / f"login-{state.__name__}-{theme}-{width}.png", full_page=True)

    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.errors == []


# ── what it does ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_tab_that_comes_back_to_this_process_ends_it(crm: Any, mount: Any) -> None:
    page = code(crm, mount)
    address = crm.provider.sign_in(opener(page).get_attribute("href"))
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address) as tab:
        assert b"You can close this tab" in tab.read()
    page.get_by_text("signed in, renews itself").wait_for()

    assert page.get_by_text("%cred use crm").is_visible()
    assert parse_qs(urlsplit(address).query)["code"][0] not in str(page.heard) + page.content()
    crm.resolve("crm")


def test_the_link_leads_to_the_provider_in_a_tab_that_knows_nothing_of_this_one(crm: Any, mount: Any) -> None:
    link = opener(code(crm, mount))
    assert link.get_attribute("target") == "_blank"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert link.get_attribute("href").startswith(crm.provider.authorization_url)


def test_the_page_asks_now_and_then_and_no_more_once_it_is_over(crm: Any, mount: Any) -> None:
    page = code(crm, mount)
    page.wait_for_timeout(4500)
    assert [one["do"] for one in page.heard] == ["open", "check", "check"]
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.wait_for_timeout(2500)
    assert [one["do"] for one in page.heard][3:] == ["stop"]


def test_a_page_asks_nothing_while_its_last_question_is_open(crm: Any, mount: Any) -> None:
    page = code(crm, mount)
    page.evaluate("() => { window.sent = 0; window.model.send = async () => { window.sent += 1; }; }")
    page.wait_for_timeout(5000)
    assert page.evaluate("window.sent") == 1


def test_a_page_that_is_loaded_again_shows_the_same_login(crm: Any, mount: Any) -> None:
    widget = Login(crm, "crm", None)
    first, second = mount(widget), mount(widget)
    links = []
    for page in (first, second):
        opener(page).wait_for()
        links.append(opener(page).get_attribute("href"))
    assert links[0] == links[1]


def test_after_a_failure_one_button_begins_anew(crm: Any, mount: Any) -> None:
    page = failed(crm, mount)
    assert page.get_by_role("alert").get_by_text("%cred login crm").is_visible()
    assert page.evaluate("document.activeElement.className") == "cm-card"
    page.get_by_role("button", name="Try again").click()
    opener(page).wait_for()


def test_it_is_walked_through_by_keyboard_in_reading_order(crm: Any, mount: Any) -> None:
    page = code(crm, mount)
    seen = []
    for _ in range(4):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"))
    assert [re.split(" at | \\(", one)[0] for one in seen] == [
        "Sign in", "Copy the redirect URI", "Cancel", "The tab shows an error, or does not come back?",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "redirect"),
    [("/", "/credmagic/api/oauth/callback"), ("/user/jo/", "/user/jo/credmagic/api/oauth/callback")],
)
def test_the_browser_says_under_which_address_it_knows_the_server(crm: Any, mount: Any, base: str, redirect: str) -> None:
    page = code(crm, mount)
    config = f'<script id="jupyter-config-data" type="application/json">{{"baseUrl": "{base}", "token": "t"}}</script>'
    page.evaluate("(html) => document.head.insertAdjacentHTML('beforeend', html)", config)
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    opener(page).wait_for()
    assert [one.get("callback") for one in page.heard if one["do"] in ("open", "again")] == [
        None, f"http://localhost{redirect}",
    ]  # fmt: skip


def test_a_page_without_an_address_of_its_own_leaves_it_to_the_vault(crm: Any, mount: Any) -> None:
    assert code(crm, mount).heard[0] == {"type": "login", "do": "open", "callback": None}


def test_a_form_that_saves_and_signs_in_checks_nothing_before(crm: Any, mount: Any) -> None:
    page = form_login(crm, mount)
    kinds = [one["type"] for one in page.heard]
    assert kinds == ["hello", "begin", "submit", "login"]
    address = crm.provider.sign_in(opener(page).get_attribute("href"))
    page.get_by_text("The tab shows an error").click()
    page.get_by_label("Paste the whole address").fill(address)
    page.get_by_role("button", name="Finish", exact=True).click()
    page.get_by_text("signed in, renews itself").wait_for()
    assert page.get_by_text("%cred use crm").count() == 1


def test_a_picker_says_what_needs_a_sign_in(crm: Any, mount: Any) -> None:
    page = mount(Picker(crm, crm.call("kinds")["kinds"], None, "data", None))
    page.get_by_text("sign in: %cred login crm").wait_for()
