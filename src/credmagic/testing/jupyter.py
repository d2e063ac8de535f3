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
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from credmagic.testing.tls import Certificate

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
    workdir: Path
    process: subprocess.Popen[bytes]
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"token {TOKEN}"})
    certificate: Path | None = None
    """What a client has to trust (PEM), of a server that speaks https."""

    @property
    def url(self) -> str:
        """Where it answers, its base URL included; ends in a slash."""
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}{self.base_url}"

    @property
    def root(self) -> Path:
        """Where its notebooks lie."""
        return self.workdir / "root"

    @property
    def log(self) -> str:
        """Everything it has logged so far."""
        return (self.workdir / "server.log").read_text("utf-8", "replace")

    def request(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """One request below `base_url`; `headers` replaces the identity, bytes are sent as they are."""
        sent = dict(self.headers if headers is None else headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = self._connection()
        try:
            connection.request(method, self.base_url + path, body, sent)
            response = connection.getresponse()
            names = {name.lower() for name, _ in response.getheaders()}
            return Answer(response.status, {name: response.headers[name] or "" for name in names}, response.read())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.certificate is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=trusting)

    def start_kernel(self, notebook: str | None = None) -> str:
        """Start a kernel, for a notebook (a path below the root) or for nobody; returns its id."""
        if notebook is None:
            return str(self.request("POST", "api/kernels", {}).json()["id"])
        session = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
        return str(self.request("POST", "api/sessions", session).json()["kernel"]["id"])

    def run(self, kernel_id: str, code: str, seconds: float = 60.0) -> str:
        """Run code in a kernel as a front end does; what it printed, or its traceback."""
        client = self.ready(kernel_id, seconds)
        shown: list[str] = []

        def note(message: dict[str, Any]) -> None:
            content = message["content"]
            shown.append(content.get("text") or "".join(content.get("traceback", [])))

        try:
            client.execute_interactive(code, timeout=seconds, output_hook=note, store_history=False)
        finally:
            client.stop_channels()
        return "".join(shown)

    def connected(self, kernel_id: str) -> Any:
        """A client of the kernel's own channels."""
        from jupyter_client.blocking.client import BlockingKernelClient

        client: Any = BlockingKernelClient(
            connection_file=str(self.workdir / "jupyter-runtime" / f"kernel-{kernel_id}.json")
        )
        client.load_connection_file()
        client.start_channels()
        return client

    def ready(self, kernel_id: str, seconds: float = 60.0) -> Any:
        """A client of a kernel that answers; on a busy machine one is taken for dead that only starts slowly."""
        deadline = time.monotonic() + seconds
        while True:
            client = self.connected(kernel_id)
            try:
                client.wait_for_ready(timeout=seconds)
            except RuntimeError:
                client.stop_channels()
                if time.monotonic() > deadline:
                    raise
            else:
                return client

    def kernel_environment(self, kernel_id: str) -> dict[str, str]:
        """The variables a kernel was started with (Linux), the removed ones too."""
        code = "print(open('/proc/self/environ').read().replace(chr(0), chr(10)))"
        lines = self.run(kernel_id, code).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def wait(self, holds: Callable[[], bool], seconds: float = 30.0) -> None:
        """Until `holds()`; fails with the end of the log when that takes too long."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"still not so after {seconds} s:\n{self.log[-4000:]}")
            time.sleep(0.1)

    def stop(self, timeout: float = 30.0) -> None:
        """End it as its owner does; kill it when it does not end."""
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


def isolated(workdir: Path) -> dict[str, str]:
    """This process's environment, with every directory a server, a kernel or a vault uses below `workdir`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CREDMAGIC_", "JUPYTER_"))}
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "DBUS_SESSION_BUS_ADDRESS"):
        kept.pop(proxy, None)
    kept.pop("PYTEST_CURRENT_TEST", None)  # with it ipykernel does not read file descriptors, as it does for users
    user = workdir / "user"
    user.mkdir(parents=True, exist_ok=True)
    return kept | {
        "CREDMAGIC_HOME": str(workdir / "home"),
        "CREDMAGIC_KEY_PROVIDER": "key_file",
        "HOME": str(user),
        "XDG_CONFIG_HOME": str(user / ".config"),
        "XDG_DATA_HOME": str(user / ".local/share"),
        "IPYTHONDIR": str(workdir / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(workdir / "jupyter-runtime"),
        "JUPYTER_CONFIG_DIR": str(workdir / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(workdir / "jupyter-data"),
    }


@contextmanager
def jupyter_server(
    workdir: Path,
    *options: str,
    base_url: str = "/",
    environment: Mapping[str, str] | None = None,
    certificate: Certificate | None = None,
) -> Iterator[JupyterServer]:
    """A server over `workdir/root` with all its directories below `workdir`; stopped at the end.

    With a `certificate` it speaks https.
    """
    port = free_port()
    (workdir / "root").mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--debug", f"--port={port}",
        "--ip=127.0.0.1", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.base_url={base_url}", f"--ServerApp.root_dir={workdir / 'root'}",
        *(certificate.server_options if certificate else ()), *options,
    ]  # fmt: skip
    env = {**isolated(workdir), **(environment or {})}
    with (workdir / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)
    server = JupyterServer(port, base_url, workdir, process, certificate=certificate.cert if certificate else None)
    try:
        wait_until_up(server)
        yield server
    finally:
        server.stop()


def wait_until_up(server: JupyterServer, seconds: float = 60.0) -> None:
    """Return when the server answers. Raises `RuntimeError` with the end of its log when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            if server.request("GET", "api").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the Jupyter server did not start:\n{server.log[-4000:]}")
