"""How does `credmagic demo` run, from one command to Ctrl-C?

A working folder, a home of its own (unless `CREDMAGIC_HOME` says which), the loopback service, and then
either JupyterLab on the quickstart or, with `--execute`, the same notebook without a browser.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import NoReturn

from credmagic.demo import service, workspace
from credmagic.errors import CredmagicError


def run(execute: bool, port: int | None, browser: bool) -> int:
    """Show the quickstart and return the exit code.

    `port` is JupyterLab's (a free one when None); `browser` allows opening one where there is a display.
    Raises `CredmagicError` when JupyterLab is not installed, does not start, or the port is taken.
    """
    _check_installed("nbclient" if execute else "jupyterlab")
    secret = workspace.demo_secret()
    with _ended_by_signals(), service.running(secret) as url, workspace.prepared(secret, url) as place:
        try:
            if execute:
                from credmagic.demo import headless

                return headless.execute(place.notebook)
            from credmagic.demo import lab

            return lab.serve(place, port, browser)
        except KeyboardInterrupt:
            print("\nThe demo has ended.")
            return 0


def _check_installed(package: str) -> None:
    if find_spec(package) is None:
        raise CredmagicError(
            f"the demo needs {package}, which is not installed", next_step='pip install "credmagic[lab]"'
        )


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a closed terminal or a `kill` end the demo as Ctrl-C does, so that nothing is left behind."""

    def stop(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
