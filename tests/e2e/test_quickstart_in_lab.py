"""Does `credmagic demo` lead a newcomer through the quickstart in a real browser, the form included?"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from credmagic.demo.workspace import shipped_notebook
from credmagic.testing.front_end import NotebookPage

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BOOK = nbformat.reads(shipped_notebook().decode(), as_version=4)
CODE = {cell.id: number for number, cell in enumerate(cell for cell in BOOK.cells if cell.cell_type == "code")}
"""Cell id → its number among the code cells; `INDEX` is its place among all cells."""
INDEX = [number for number, cell in enumerate(BOOK.cells) if cell.cell_type == "code"]


@pytest.fixture
def link(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What a running demo prints; Jupyter's app is within the page's reach for the test alone."""
    configuration = Path(os.environ["JUPYTER_CONFIG_DIR"])
    configuration.mkdir(parents=True)
    (configuration / "jupyter_lab_config.json").write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}))
    monkeypatch.delenv("CREDMAGIC_HOME")
    command = "import sys; from credmagic.cli.main import main; sys.exit(main())"
    demo = subprocess.Popen(
        [sys.executable, "-c", command, "demo", "--no-browser"], text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert demo.stdout is not None
    said = ""
    while "Ctrl-C" not in said and (line := demo.stdout.readline()):
        said += line
    try:
        yield re.findall(r"http://\S+", said)[0]
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)


def run(notebook: NotebookPage, name: str) -> str:
    """Run one code cell by its id; what it shows."""
    number = CODE[name]
    notebook.run(INDEX[number])
    return notebook.output(number)


def test_the_quickstart_is_walked_through_in_under_a_minute(link: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1100, "height": 1000})
    notebook = NotebookPage(context.new_page())
    page = notebook.page
    begun = time.monotonic()
    page.goto(link)
    notebook.wait_until_idle()
    run(notebook, "load")
    run(notebook, "new-warehouse")
    form = notebook.cell(CODE["new-warehouse"])
    form.get_by_label("Dialect", exact=True).fill("sqlite")
    form.get_by_label("Database", exact=True).fill("warehouse.db")
    form.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("warehouse saved").wait_for()
    run(notebook, "use-warehouse")
    assert "1410.25" in run(notebook, "query-warehouse")
    assert time.monotonic() - begun < 60
    run(notebook, "service")
    assert "verified" in run(notebook, "add-demo-api")
    assert "ada [demo-api.password]" in run(notebook, "use-demo-api")
    assert "telescope" in run(notebook, "get-orders")
    assert "ada [demo-api.password]" in run(notebook, "export-demo-api")
    assert "False" in run(notebook, "gone")
    assert "warehouse" in run(notebook, "overview")
    assert "demo-api" in run(notebook, "why")
    run(notebook, "uses")
    if folder := os.environ.get("CREDMAGIC_TEST_SHOTS"):
        page.screenshot(path=f"{folder}/quickstart.png")
    context.close()
