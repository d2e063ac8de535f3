"""How is a real JupyterLab or Notebook driven in a real browser, and everything it says overheard?

`FrontEnd.running` starts a server with directories of its own; `open` shows a notebook in a page whose WebSocket
frames, requests and responses are kept, so that a test can look for what should not be in them. Needs playwright.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from credmagic.testing.jupyter import TOKEN, JupyterServer, free_port, isolated, wait_until_up

_PATHS = {
    "lab": ("jupyterlab", "lab/workspaces/{stem}/tree/{name}", "LabApp"),
    "notebook": ("notebook", "notebooks/{name}", "JupyterNotebookApp"),
}
_PATIENCE = 60_000.0
"""Milliseconds for anything a page waits for."""
_IDLE = """() => {
  const context = window.jupyterapp?.shell.currentWidget?.context?.sessionContext;
  return Boolean(context?.isReady && context.session?.kernel?.status === "idle" && !context.hasPendingInput);
}"""
_QUIET = "() => ![...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')].some((one) => one.textContent.includes('*'))"  # noqa: E501


class FrontEnd:
    """One server, and the pages opened on it."""

    def __init__(self, app: str, server: JupyterServer, browser: Any) -> None:
        self.app = app
        self.server = server
        self._browser = browser
        self._contexts: list[Any] = []

    @classmethod
    @contextmanager
    def running(cls, app: str, base_url: str, workdir: Path, browser: Any, *options: str) -> Iterator[Self]:
        """`app` is `lab` or `notebook`; its log (at debug) is `workdir/server.log`, notebooks lie in `workdir/root`."""
        module, _, application = _PATHS[app]
        port = free_port()
        (workdir / "root").mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable, "-m", module, "--no-browser", "--allow-root", "--debug", "--ip=127.0.0.1",
            f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.base_url={base_url}", f"--ServerApp.root_dir={workdir / 'root'}",
            f"--{application}.expose_app_in_browser=True",
            '--ServerApp.jpserver_extensions={"credmagic": True}', *options,
        ]  # fmt: skip
        with (workdir / "server.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=isolated(workdir))
        front_end = cls(app, JupyterServer(port, base_url, workdir, process), browser)
        try:
            wait_until_up(front_end.server)
            yield front_end
        finally:
            for context in front_end._contexts:
                context.close()
            front_end.server.stop()

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """A new notebook of code cells."""
        file = self.server.root / name
        blank: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        made = [{**blank, "id": f"c{number}", "source": source} for number, source in enumerate(cells)]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        file.write_text(json.dumps(notebook), encoding="utf-8")
        return file

    def open(self, name: str, *, width: int = 1000, height: int = 900) -> NotebookPage:
        """Show a notebook; returns when its kernel is idle."""
        context = self._browser.new_context(viewport={"width": width, "height": height})
        self._contexts.append(context)
        shown = NotebookPage(context.new_page())
        path = _PATHS[self.app][1].format(name=name, stem=Path(name).stem)  # a workspace of its own: no tabs of others
        shown.page.goto(f"http://127.0.0.1:{self.server.port}{self.server.base_url}{path}?token={TOKEN}")
        shown.wait_until_idle()
        return shown


class NotebookPage:
    """A notebook in a browser. `overheard` holds every frame, posted body and answer as bytes."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.overheard: list[bytes] = []
        page.set_default_timeout(_PATIENCE)
        page.on("websocket", self._listen)
        page.on("request", lambda request: self._keep(request.post_data_buffer))
        page.on("requestfinished", self._keep_answer)

    def _listen(self, websocket: Any) -> None:
        websocket.on("framesent", self._keep)
        websocket.on("framereceived", self._keep)

    def _keep(self, payload: bytes | str | None) -> None:
        if payload:
            self.overheard.append(payload.encode() if isinstance(payload, str) else payload)

    def _keep_answer(self, request: Any) -> None:
        if "/api/" in request.url:  # not the application's own scripts
            response = request.response()
            try:
                self._keep(response.body() if response else None)
            except Exception:  # a page that is closing has no bodies
                return

    def wait_until_idle(self) -> None:
        """Until the kernel is there and has nothing to do."""
        self.page.wait_for_function(_IDLE, timeout=_PATIENCE)

    def cell(self, number: int) -> Any:
        """The code cell of that number, from 0."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)

    def run(self, number: int) -> str:
        """Run one cell; what it shows when it is done."""
        self.page.evaluate(
            """async (number) => {
              window.jupyterapp.shell.currentWidget.content.activeCellIndex = number;
              await window.jupyterapp.commands.execute("notebook:run-cell");
            }""",
            number,
        )
        self.page.wait_for_function(_QUIET)
        self.wait_until_idle()
        return self.output(number)

    def output(self, number: int) -> str:
        """What a cell shows now."""
        return str(self.cell(number).locator(".jp-OutputArea-output").all_inner_texts())

    def save(self) -> None:
        """Save the notebook and wait for the server's answer."""
        with self.page.expect_response(
            lambda response: response.request.method == "PUT" and "/api/contents/" in response.url
        ):
            self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")

    def restart(self) -> None:
        """Restart the kernel, without the question."""
        self.page.evaluate("window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()")
        self.wait_until_idle()

    def everything(self) -> bytes:
        """What the page shows, keeps and said: DOM, input values, storage, frames, requests, answers."""
        kept = self.page.evaluate(
            """() => JSON.stringify([document.documentElement.outerHTML, { ...localStorage }, { ...sessionStorage },
                 [...document.querySelectorAll("input, textarea")].map((one) => one.value)])"""
        )
        return b"\n".join([*self.overheard, str(kept).encode()])
