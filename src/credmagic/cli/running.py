"""Which credmagic servers run on this machine, and what is the address of one?

Jupyter leaves a private file for each running server (address, token, process); one whose port does not answer is
gone. `CREDMAGIC_URL` names one elsewhere. An address may be given as a browser shows it.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from credmagic.cli.usage import UsageError
from credmagic.errors import word
from credmagic.values import SecretStr

BASE = "/credmagic"
"""Where credmagic is below a Jupyter server's own address."""
_PAGES = ("/lab", "/tree", "/notebooks", "/doc")
"""What follows that address in a browser."""
_PATIENCE = 0.5
"""Seconds in which a port of this machine answers."""


@dataclass(frozen=True)
class Server:
    """A server: `base` ends in `/credmagic`; `token` is its Jupyter token where that is known here."""

    base: str
    token: SecretStr | None = None
    pid: int = 0

    @property
    def page(self) -> str:
        """Its address in a browser."""
        return self.base.removesuffix(BASE) + "/"


def chosen(url: str | None, prog: str) -> Server:
    """The server at `url`, else the one there is. Raises `UsageError` when that is none, or several."""
    running = list(found())
    if url or os.environ.get("CREDMAGIC_URL"):
        base = address(url or os.environ["CREDMAGIC_URL"])
        return next((server for server in running if server.base == base), Server(base))
    parent = os.environ.get("JPY_PARENT_PID", "")
    mine = [server for server in running if str(server.pid) == parent] or running
    if len(mine) == 1:
        return mine[0]
    if not mine:
        raise UsageError(
            "no Jupyter server runs here", next_step=f"Start one (jupyter lab), or name it: {prog} --url URL"
        )
    choices = " or ".join(f"{prog} --url {word(server.page)}" for server in mine)
    raise UsageError(f"{len(mine)} Jupyter servers run here", next_step=f"Choose one: {choices}")


def found() -> Iterator[Server]:
    """The servers of this user that run on this machine, the newest first."""
    from jupyter_core.paths import jupyter_runtime_dir

    files = Path(jupyter_runtime_dir()).glob("jpserver-*.json")
    for file in sorted(files, key=_age):
        server = _read(file)
        if server is not None and _answers(server.base):
            yield server


def _age(file: Path) -> float:
    try:
        return -file.stat().st_mtime
    except OSError:  # its server has just ended
        return 0.0


def _read(file: Path) -> Server | None:
    try:
        about: dict[str, Any] = json.loads(file.read_text("utf-8"))
        base = address(str(about["url"]))
        token = str(about.get("token") or "")
        return Server(base, SecretStr(token, "[jupyter.token]") if token else None, int(about.get("pid") or 0))
    except (OSError, ValueError, KeyError, TypeError, UsageError):  # half written, or of a server without a port
        return None


def _answers(base: str) -> bool:
    parts = urlsplit(base)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), _PATIENCE):
            return True
    except (OSError, ValueError):
        return False


def address(url: str) -> str:
    """Where credmagic is on a server, however its address was given: of JupyterLab, with `/credmagic`, with `/api`.

    Raises `UsageError` for what is no http address, or carries more than an address.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("--url is no http or https address", next_step="Write it as in a browser: https://host/path/")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise UsageError(
            "--url carries more than an address (a name, a token or a query)",
            next_step="Write the address alone, up to the question mark.",
        )
    path = parts.path.rstrip("/").removesuffix("/api")
    if not path.endswith(BASE):
        path = parts.path.rstrip("/")
        for page in _PAGES:
            path = path.partition(f"{page}/")[0].removesuffix(page)
    return f"{parts.scheme}://{parts.netloc}{path.removesuffix(BASE)}{BASE}"
