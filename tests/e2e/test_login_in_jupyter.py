"""Does a person get from a cell through a real provider's own pages to a token, without a trace of what came back?

JupyterLab in Chromium, at `/` and below a base URL, against the real oidc-provider. With `CREDMAGIC_SCREENSHOTS=folder`
each stage is also kept as a picture, to be looked at.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from credmagic.testing.oidc_provider import OidcProvider

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SHOTS = os.environ.get("CREDMAGIC_SCREENSHOTS")
LAB = pytest.mark.parametrize("front_end", [("lab", "/"), ("lab", "/user/jo/")], indirect=True, ids=["lab", "lab-at-base"])

MAKE = """import json, credmagic.api
made = credmagic.api.client().call("create", name="crm", kind="oauth", fields=json.load(open("fields.json")))"""
ACCEPTED = """import urllib.request
crm = %cred use crm
request = urllib.request.Request(USERINFO, headers={"Authorization": f"Bearer {str.__str__(crm.token)}"})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(opener.open(request).read().decode(), crm.token)"""
CELLS = ["%load_ext credmagic", MAKE, "%cred", "%cred login crm", ACCEPTED, "%cred login crm --device", ACCEPTED]


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as running:
        yield running


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def walk(tab: Any) -> None:
    """What a person does on the provider's pages: agree to the code, sign in, consent."""
    for _ in range(6):
        tab.wait_for_load_state()
        if not urlsplit(tab.url).path.startswith(("/interaction", "/device", "/auth")):
            return
        if tab.locator("input[name=login]").count():
            tab.fill("input[name=login]", "ada")
            tab.fill("input[name=password]", "any")
        if not tab.locator("button[type=submit]:visible").count():
            return
        with tab.expect_navigation():
            tab.locator("button[type=submit]:visible").first.click()


def opened_by(link: Any) -> Any:
    """The tab that a press on the link opens, without the fonts its pages would fetch from elsewhere."""
    link.page.context.route(re.compile("^https://"), lambda route: route.abort())
    with link.page.context.expect_page() as opened:
        link.click()
    return opened.value


def secrets_kept(front_end: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the vault holds of the credential, read from its store."""
    from credmagic.wiring import open_vault

    monkeypatch.setenv("CREDMAGIC_HOME", str(front_end.server.workdir / "home"))
    monkeypatch.setenv("CREDMAGIC_KEY_PROVIDER", "key_file")
    vault = open_vault(notify=lambda line: None)
    with vault.store.read() as reader:
        kept = vault.credential(reader, vault.find(reader, "crm", "")).secrets()
    vault.close()
    return {name: str.__str__(value) for name, value in kept.items()}


@LAB
def test_a_person_signs_in_from_a_cell(
    front_end: Any, provider: OidcProvider, serious: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = front_end.server.base_url.replace("/", "-")
    given = front_end.server.root / "fields.json"
    given.write_text(json.dumps({
        "client_id": "notebook", "client_secret": provider.clients["notebook"]["client_secret"],
        "token_url": provider.token_url, "authorization_url": provider.authorization_url,
        "device_authorization_url": provider.device_authorization_url,
        "scope": ["openid", "offline_access"], "custom_auth_query": {"prompt": "consent"},
    }))  # fmt: skip
    front_end.write("login.ipynb", [cell.replace("USERINFO", repr(provider.userinfo_url)) for cell in CELLS])
    notebook = front_end.open("login.ipynb")
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    given.unlink()
    assert "Sign in: %cred login crm" in notebook.run(2)
    shot(page, f"overview{base}")

    # an authorization code: the provider sends the browser back to this server, as the browser knows it
    notebook.run(3)
    cell = notebook.cell(3)
    cell.get_by_text(f"{front_end.server.url}credmagic/api/oauth/callback", exact=True).wait_for()
    shot(page, f"code{base}")
    tab = opened_by(cell.get_by_role("link", name=re.compile("Sign in at")))
    came_back: list[str] = []
    tab.on("request", lambda request: came_back.append(request.url) if "/oauth/callback" in request.url else None)
    walk(tab)
    tab.get_by_text("You can close this tab").wait_for()
    shot(tab, f"callback{base}")
    tab.close()
    cell.get_by_text("signed in, renews itself").wait_for()
    shot(page, f"done{base}")
    assert '"sub":"ada"' in notebook.run(4)

    # a code for another device
    notebook.run(5)
    cell = notebook.cell(5)
    link = cell.get_by_role("link", name=re.compile("Open the page"))
    link.wait_for()
    shot(page, f"device{base}")
    assert serious(page, ".credmagic-form") == []
    tab = opened_by(link)
    walk(tab)
    tab.close()
    cell.get_by_text("signed in, renews itself").wait_for()
    assert '"sub":"ada"' in notebook.run(6)

    # nothing of it is anywhere
    notebook.save()
    everything = notebook.everything()
    page.context.close()
    kept = {one: one.read_bytes() for one in front_end.server.workdir.rglob("*") if one.is_file()}
    query = parse_qs(urlsplit(came_back[0]).query)
    secret = {**secrets_kept(front_end, monkeypatch), "code": query["code"][0]}
    assert {"client_secret", "refresh_token", "token", "code"} <= secret.keys()
    for name, value in secret.items():
        assert value.encode() not in everything, name
        assert [one.name for one, data in kept.items() if value.encode() in data] == [], name
    assert query["state"][0].encode() in everything  # the control: what the page was told is overheard
    assert query["state"][0].encode() not in b"".join(kept.values())
