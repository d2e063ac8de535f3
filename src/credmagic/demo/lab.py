"""How does the demo's JupyterLab start, say where it is, and end?"""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from credmagic.demo.workspace import NOTEBOOK, Place
from credmagic.errors import CredmagicError

START_SECONDS = 90
STOP_SECONDS = 10
PORTS = range(20_000, 30_000)
"""Below the ports the system hands out by itself: there a kernel's socket could take ours between test and
start.
"""


def serve(place: Place, port: int | None, browser: bool) -> int:
    """Run JupyterLab on the quickstart until it ends. Raises `CredmagicError` when it does not start."""
    shown = browser and _has_display()
    token_file = place.private / "token"
    with os.fdopen(os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(24))
    process = subprocess.Popen(
        _command(place, _free_port(port), shown),
        cwd=place.folder,
        env=os.environ | {"JUPYTER_TOKEN_FILE": str(token_file)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C ends the demo, and the demo ends Jupyter, without a question in between
    )
    try:
        print(_welcome(_link(process), place, shown), flush=True)
        token_file.unlink()
        return process.wait()
    finally:
        _stop(process)


def _command(place: Place, port: int, shown: bool) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": str(port),
        "ServerApp.port_retries": "0",
        "ServerApp.root_dir": str(place.folder),
        "ServerApp.open_browser": str(shown),
        "Application.log_level": "WARN",
        "LabApp.news_url": "None",  # no question about news over the first cell
        "LabApp.workspaces_dir": str(place.private / "workspaces"),
    }
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options["ServerApp.allow_root"] = "True"
    return [
        sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items()), NOTEBOOK
    ]  # fmt: skip


def _has_display() -> bool:
    """Whether a browser could be opened here: not in a container, and on Linux only with a display."""
    if any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _free_port(wanted: int | None) -> int:
    for port in [wanted] if wanted else random.sample(PORTS, 50):
        with socket.socket() as probe:
            # As servers do: a port that was just given up counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(os.name == "posix"))
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    what = f"port {wanted} is taken" if wanted else "no free port was found"
    raise CredmagicError(what, next_step="Choose another one: credmagic demo --port NUMBER")


def _link(process: subprocess.Popen[bytes]) -> str:
    """The notebook's address with its token, as soon as the server has written where it listens."""
    from jupyter_core.paths import jupyter_runtime_dir

    info_file = Path(jupyter_runtime_dir()) / f"jpserver-{process.pid}.json"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        info = _read(info_file)
        if info and _listens(info["port"]):
            return f"{info['url']}lab/tree/{NOTEBOOK}?token={quote(info['token'])}"
        time.sleep(0.1)
    raise CredmagicError(
        "JupyterLab did not start", next_step="See why: jupyter lab --debug (and jupyter server extension list)"
    )


def _read(info_file: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(info_file.read_text())
    except (OSError, ValueError):  # not there yet, or half written
        return {}
    return found


def _listens(port: int) -> bool:
    """Jupyter writes down where it will listen a moment before it does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _welcome(link: str, place: Place, shown: bool) -> str:
    opened = "JupyterLab opens in your browser; if it does not" if shown else "JupyterLab is ready"
    home = "a throw-away home" if place.throw_away else os.environ["CREDMAGIC_HOME"]
    return (
        f"{opened}, open this link:\n\n    {link}\n\n"
        f"Credentials are kept in {home}. The notebook is a working copy that goes when the demo ends.\n"
        "Stop with Ctrl-C."
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End Jupyter, which ends its kernels; it is given some seconds for that."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
