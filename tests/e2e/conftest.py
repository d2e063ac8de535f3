"""A real Chromium; a bare page in which the browser's half of a widget meets the kernel's half; real Jupyter servers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from credmagic.testing.fixtures import require
from credmagic.testing.front_end import FrontEnd

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic",
]  # fmt: skip

DARK = """:root { --jp-ui-font-color1: rgba(255,255,255,1); --jp-ui-font-color2: rgba(255,255,255,.7);
--jp-layout-color0: #111; --jp-layout-color1: #212121; --jp-layout-color2: #424242; --jp-border-color1: #616161;
--jp-border-color2: #424242; --jp-brand-color1: #2196f3; --jp-ui-inverse-font-color1: rgba(0,0,0,1);
--jp-success-color1: #4caf50; --jp-warn-color1: #ff9800; --jp-error-color1: #d32f2f; color-scheme: dark }
body { background: #111 }"""
"""The variables of JupyterLab's dark theme that a form uses."""

PAGE = """<!doctype html><html lang="en"><head><title>form</title><style>body {{ margin: 12px }} h1 {{ display: none }}
{theme}</style><style>{style}</style></head><body><main><h1>Notebook</h1><div id="out"></div></main></body></html>"""

MOUNT = """async ([esm, state]) => {
  const module = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
  const listeners = [];
  const hear = (reply) => listeners.forEach((listener) => listener(reply));
  window.hold = [];  // types of messages that get no answer: a busy kernel, a slow server
  window.model = {
    get: (name) => state[name], off() {}, on: (event, listener) => event === "msg:custom" && listeners.push(listener),
    send: async (message) => {
      if (!window.hold.includes(message.type)) (await window.kernel(message)).forEach(hear);
    },
  };
  window.widget = await module.default();
  await window.widget.initialize({ model: window.model });
  window.leave = await window.widget.render({ model: window.model, el: document.getElementById("out") });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, headless. Not for the session: its event loop would run on under other tests."""
    require("chromium", CHROMIUM)
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def client(home: Path) -> Iterator[Any]:
    """A real vault in this process."""
    from credmagic.wiring import local_client

    made = local_client()
    yield made
    made.close()


Mount = Callable[..., Any]


@pytest.fixture
def mount(browser: Any) -> Iterator[Mount]:
    """`mount(widget, dark=…, width=…, url=…)` shows a widget in a page of its own and answers its messages."""
    contexts: list[Any] = []

    def mounted(widget: Any, *, dark: bool = False, width: int = 900, url: str = "http://localhost/") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        html = PAGE.format(theme=DARK if dark else "", style=widget._css)
        page.route(url + "**", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(url)
        page.heard = []
        page.expose_function("kernel", lambda message: _answer(widget, page.heard, message))
        page.evaluate(MOUNT, [widget._esm, widget.get_state()])
        return page

    yield mounted
    for context in contexts:
        context.close()


class FormPage:
    """A form on a page, by the words a person reads."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def field(self, title: str) -> Any:
        return self.page.get_by_label(title, exact=True)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def more(self) -> None:
        self.page.get_by_text("More", exact=True).click()

    def paste(self, title: str, text: str) -> None:
        self.field(title).evaluate(
            """(node, text) => {
              const data = new DataTransfer();
              data.setData("text/plain", text);
              node.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
            }""",
            text,
        )

    def drop(self, title: str, name: str, data: bytes) -> None:
        self.field(title).evaluate(
            """(node, [name, bytes]) => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(bytes)], name));
              node.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
            }""",
            [name, list(data)],
        )

    def saved(self) -> str:
        """The words of the card that takes the form's place; where the service is away, saved without asking it."""
        card = self.page.get_by_text("saved —")
        unasked = self.page.get_by_role("button", name="Save without checking")
        card.or_(unasked).first.wait_for(timeout=20_000)
        if unasked.is_visible():
            unasked.click()
        card.wait_for()
        return str(self.page.locator(".cm-card").inner_text())


@pytest.fixture
def open_form(client: Any, mount: Mount) -> Callable[..., FormPage]:
    """`open_form(kind, name=…)` shows an empty form, `open_form(view=…)` one that edits."""
    from credmagic.forms.form import Form

    def opened(
        kind: str | None = None, view: Any = None, *, page: dict[str, Any] | None = None, **traits: Any
    ) -> FormPage:
        kinds = client.call("kinds", kind=view["kind"] if view else kind)["kinds"]
        return FormPage(
            mount(Form(client, view, kinds=kinds, mode="edit" if view else "new", **traits), **(page or {}))
        )

    return opened


def _answer(widget: Any, heard: list[Any], message: dict[str, Any]) -> list[Any]:
    """What the kernel's half sends back; `heard` keeps what it was sent."""
    replies: list[Any] = []
    heard.append(message)
    widget.send = lambda content, buffers=None: replies.append(content)
    getattr(widget, "_" + message["type"])(message)
    return replies


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core: from `CREDMAGIC_TEST_AXE`, `node_modules`, or fetched by npm."""
    found = [Path(os.environ.get("CREDMAGIC_TEST_AXE", "none")), Path("node_modules/axe-core/axe.min.js")]
    if not any(path.is_file() for path in found):
        require("npm (for axe-core)", shutil.which("npm"))
        folder = tmp_path_factory.mktemp("axe")
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"]
        require("axe-core", subprocess.run(command, capture_output=True, timeout=120).returncode == 0)
        found.append(folder / "node_modules/axe-core/axe.min.js")
    return next(path for path in found if path.is_file()).read_text("utf-8")


@pytest.fixture
def serious(axe: str) -> Callable[[Any], list[str]]:
    """`serious(page)`: what axe-core finds serious or critical in the page, or in one element of it."""

    def found(page: Any, inside: str = "body") -> list[str]:
        page.evaluate(axe)
        result = page.evaluate("(inside) => axe.run(inside)", inside)
        bad = [one for one in result["violations"] if one["impact"] in ("serious", "critical")]
        return [f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}" for one in bad]

    return found


SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false"},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosaveInterval": 2},
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
}


@pytest.fixture(scope="module")
def front_end(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Any]:
    """A running JupyterLab or Notebook; parametrize it indirectly with (app, base_url)."""
    app, base_url = request.param
    workdir = tmp_path_factory.mktemp(app)
    for name, settings in SETTINGS.items():
        file = workdir / "jupyter-config/lab/user-settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    with FrontEnd.running(app, base_url, workdir, browser) as running:
        yield running
