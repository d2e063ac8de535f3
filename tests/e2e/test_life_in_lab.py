"""A credential's life in a real JupyterLab: generated and shown once, drawn, exported, refused to be deleted, reloaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CELLS = [
    "%load_ext credmagic\nimport os\nos.environ['PW'] = 'first-long-secret'",
    "%cred add demo --kind basic user=ada --secret password=env:PW",
    "%cred rotate demo --generate",
    "db = %cred use demo\nprint(db.version, len(db['password']), db['password'])",
    "%cred attach demo --default",
    "%cred uses demo --graph",
    "%cred use demo --export",
    "%cred detach demo\n%cred rm demo",
    "%cred rotate demo user=bob --expires 2099-01-01\n%cred reload\nprint(os.environ['DEMO_USER'])",
    "%cred environment live\n%cred",
]
SHOTS = os.environ.get("CREDMAGIC_SCREENSHOTS")


def shot(page: Any, name: str) -> None:
    """Keep a picture, where somebody wants to look at it."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


@pytest.mark.parametrize("front_end", [("lab", "/")], indirect=True, ids=["lab"])
def test_a_life_in_one_notebook(front_end: Any) -> None:
    file = front_end.write("life.ipynb", CELLS)
    notebook = front_end.open("life.ipynb")
    page = notebook.page
    notebook.run(0)
    notebook.run(1)

    assert "is now version 2 with a new password, shown above, once" in notebook.run(2)
    box = page.get_by_label("password", exact=True)
    box.wait_for()
    made = box.input_value()
    shot(page, "reveal")
    notebook.save()
    assert len(made) == 64
    assert made.encode() not in b"".join(notebook.overheard)
    assert made.encode() not in file.read_bytes()
    page.get_by_role("button", name="Done", exact=True).click()
    page.get_by_text("It is stored").wait_for()

    assert "2 64 [demo.password]" in notebook.run(3)
    notebook.run(4)
    notebook.run(5)
    page.locator(".jp-RenderedMermaid img, .jp-RenderedMermaid svg").first.wait_for()
    shot(page, "graph")
    assert "DEMO_PASSWORD" in notebook.run(6)
    refused = notebook.run(7)
    assert "injected into the running kernel of" in refused
    assert "life.ipynb" in refused
    assert "bob" in notebook.run(8)
    overview = notebook.run(9)
    assert "live" in overview
    shot(page, "overview")
    notebook.save()
    everything = notebook.everything()
    page.context.close()

    kept = {one: one.read_bytes() for one in front_end.server.workdir.rglob("*") if one.is_file()}
    assert [one.name for one, data in kept.items() if made.encode() in data] == []
    assert made.encode() not in everything
