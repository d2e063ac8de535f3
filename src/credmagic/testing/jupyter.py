"""How is a real Jupyter server started for a test, and talked to?

A subprocess with directories of its own on a loopback port below the range kernels take theirs from; its log is
kept, so that a test can look for what should not be in it. Only the standard library talks to it.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOKEN = "test-jupyter-token-0123456789"


@dataclass
class Answer:
    """Status, headers and body of one answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class JupyterServer:
    """A running server; `request` speaks to it as the owner of its token."""

    port: int
    base_url: str
    root: Path
    log_file: Path
    process: subprocess.Popen[bytes]
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"token {TOKEN}"})

    @property
    def log(self) -> str:
        """Everything it has logged so far."""
        return self.log_file.read_text("utf-8", "replace")

    def request(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """One request below `base_url`; `headers` replaces the identity, bytes are sent as they are."""
        sent = dict(self.headers if headers is None else headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, self.base_url + path, body, sent)
            response = connection.getresponse()
            names = {name.lower() for name, _ in response.getheaders()}
            return Answer(response.status, {name: response.headers[name] or "" for name in names}, response.read())
        finally:
            connection.close()

    def stop(self, timeout: float = 30.0) -> None:
        """End it as Ctrl-C does, twice asked."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    """A loopback port between 20000 and 30000, outside the range kernels draw theirs from."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def jupyter_server(
    workdir: Path, *options: str, base_url: str = "/", environment: Mapping[str, str] | None = None
) -> Iterator[JupyterServer]:
    """A server over `workdir/root` in the environment of this process; stopped at the end."""
    root = workdir / "root"
    root.mkdir(parents=True, exist_ok=True)
    log_file = workdir / "server.log"
    port = free_port()
    command = [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--debug", f"--port={port}",
        "--ip=127.0.0.1", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.base_url={base_url}", f"--ServerApp.root_dir={root}",
        '--ServerApp.jpserver_extensions={"credmagic": True}', *options,
    ]  # fmt: skip
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
        )
    server = JupyterServer(port, base_url, root, log_file, process)
    try:
        _wait_until_up(server)
        yield server
    finally:
        server.stop()


def _wait_until_up(server: JupyterServer, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            if server.request("GET", "api/status").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the Jupyter server did not start:\n{server.log[-4000:]}")
