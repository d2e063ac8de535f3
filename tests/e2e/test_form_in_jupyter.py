"""Is a credential made in a form, and used in the next cell, nowhere but sealed in the store? (issue's main job)

Real JupyterLab and Notebook 7, widget state saving on, autosave while typing, also behind a base URL.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FRONT_ENDS = [("lab", "/"), ("lab", "/user/jo/"), ("notebook", "/")]
CELLS = [
    "%load_ext credmagic",
    "%cred new basic api-login",
    "login = %cred use api-login\nprint(login['user'], login['password'], len(login['password']))",
    "import base64, urllib.request\n"
    "pair = base64.b64encode(f\"{login['user']}:{login['password']}\".encode())\n"
    "asked = urllib.request.Request(login['url'], headers={'Authorization': 'Basic ' + pair.decode()})\n"
    "print(urllib.request.urlopen(asked).status)",
]


@pytest.fixture(scope="module")
def secret() -> str:
    import secrets

    return f"Kanari-{secrets.token_hex(12)}-ß/+&\"'"


@pytest.fixture(scope="module")
def service(secret: str) -> Iterator[str]:
    """The address of a service that really checks user and password."""
    from credmagic.demo import service

    with service.running(secret) as url:
        yield url + "/orders"


def spellings(secret: str) -> dict[str, bytes]:
    raw = secret.encode()
    found = {
        "raw": raw,
        "url": urllib.parse.quote(secret, safe="").encode(),
        "url plus": urllib.parse.quote_plus(secret).encode(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "json": json.dumps(secret)[1:-1].encode(),
        "json, not ascii": json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        "the plain part": secret[: secret.rindex("-")].encode(),
    }
    for shift in range(3):
        whole = base64.b64encode(b"x" * shift + raw).decode()
        found[f"base64 at {shift}"] = whole[4 if shift else 0 : len(whole) - 4].encode()
    return found


def hits(secret: str, where: dict[str, bytes]) -> list[str]:
    """Where the secret stands, and how it is spelled there."""
    return [f"{name}: {how}" for name, data in where.items() for how, text in spellings(secret).items() if text in data]


def files(folder: Path) -> dict[str, bytes]:
    """Everything a session left on disk: notebooks, checkpoints, logs, history, the store."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def fill(page: Any, secret: str, url: str) -> None:
    page.get_by_label("User", exact=True).fill("ada")
    page.get_by_label("URL", exact=True).fill(url)
    page.get_by_label("Password", exact=True).press_sequentially(secret, delay=1)


@pytest.mark.parametrize("front_end", FRONT_ENDS, indirect=True, ids=lambda one: one[0] + one[1].rstrip("/"))
def test_a_form_made_credential_is_used_in_the_next_cell_and_stands_nowhere(
    front_end: Any, secret: str, service: str
) -> None:
    file = front_end.write("main.ipynb", CELLS)
    begun = time.monotonic()
    notebook = front_end.open("main.ipynb")
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    assert page.get_by_label("Name", exact=True).input_value() == "api-login"
    assert "form_open" in notebook.run(2) or "not submitted yet" in notebook.output(2)
    fill(page, secret, service)
    page.get_by_role("button", name="Verify", exact=True).click()
    page.get_by_text("Verified in").wait_for()
    notebook.save()
    typed = file.read_bytes()  # while the secret stands in the input
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("saved — User and password").wait_for()
    assert f"[api-login.password] {len(secret)}" in notebook.run(2)
    took = time.monotonic() - begun
    assert "200" in notebook.run(3)
    notebook.save()
    saved = file.read_bytes()
    notebook.restart()
    notebook.run(0)
    assert f"[api-login.password] {len(secret)}" in notebook.run(2)
    notebook.save()
    listed = front_end.server.request("GET", "credmagic/api/v2/credentials/")
    overheard = notebook.everything()
    page.context.close()

    assert took < 60
    assert listed.status == 200
    assert b"api-login" in listed.body
    assert all(b"credmagic.forms.form.Form" in one for one in (typed, saved)), "widget state was not saved"
    assert b"begin" in overheard, "no frame was kept"
    kept = files(front_end.server.workdir)
    assert any(name.endswith("history.sqlite") for name in kept)
    assert any(".ipynb_checkpoints" in name for name in kept)
    kept |= {"notebook while typing": typed, "notebook before the restart": saved}
    assert hits(secret, {**kept, "the page and all it said": overheard, "REST": listed.body}) == []
