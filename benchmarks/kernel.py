"""What does a notebook feel: loading the extension, a use through the server, starting a server and a kernel?"""

from __future__ import annotations

import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_client.blocking.client import BlockingKernelClient
from limits import Limits
from timing import Row, once, paired

LOAD = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
ip = InteractiveShell()
ip.run_cell("1")
start = time.perf_counter()
ip.run_line_magic("load_ext", sys.argv[1])
print(time.perf_counter() - start)
"""

USES = """
import json, statistics, time, credmagic
credmagic.use("n7")
def once():
    start = time.perf_counter(); credmagic.use("n7"); return time.perf_counter() - start
print(json.dumps(statistics.median(once() for _ in range(400))))
"""


def rows(work: Path) -> Iterator[Row]:
    """The lines that need IPython, a Jupyter server and a kernel."""
    yield _load_ext()
    os.environ["CREDMAGIC_RATES"] = "off"
    with Server(work / "server", extension=True) as server:
        kernel = server.kernel()
        yield _socket(server, kernel, Limits(work / "socket.db"))
        yield _magic(kernel)
        kernel.stop_channels()
    yield from _starts(work)


def _load_ext() -> Row:
    def load(name: str) -> float:
        done = subprocess.run([sys.executable, "-c", LOAD, name], capture_output=True, text=True, check=True)
        return float(done.stdout.split()[-1])

    pairs = [(load("credmagic"), load("dotenv")) for _ in range(9)]
    ours, limit = (statistics.median(times) for times in zip(*pairs, strict=True))
    return Row("%load_ext credmagic", ours, limit, "%load_ext dotenv", 1.5)


class Server:
    """A Jupyter server of its own directories, with or without the extension."""

    def __init__(self, root: Path, *, extension: bool) -> None:
        self.root = root
        self.extension = extension
        self.port = random.randrange(20000, 30000)
        self.started = 0.0

    def __enter__(self) -> Server:
        self.root.mkdir(parents=True, exist_ok=True)
        names = ["HOME", "IPYTHONDIR", "XDG_RUNTIME_DIR"]
        names += [f"JUPYTER_{part}_DIR" for part in ("RUNTIME", "CONFIG", "DATA")]
        env = {**os.environ, **{name: str(self.root / name.lower()) for name in names}}
        (self.root / "xdg_runtime_dir").mkdir(mode=0o700, exist_ok=True)
        switch = json.dumps({"ServerApp": {"jpserver_extensions": {"credmagic": self.extension}}})
        (self.root / "jupyter_config_dir").mkdir(exist_ok=True)
        (self.root / "jupyter_config_dir/jupyter_server_config.json").write_text(switch)
        command = [
            sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0", "--IdentityProvider.token=bench", f"--ServerApp.root_dir={self.root}",
        ]  # fmt: skip
        start = time.perf_counter()
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self._answer("GET", "/api") is None:
            time.sleep(0.005)
        self.started = time.perf_counter() - start
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        self.process.wait()

    def _answer(self, method: str, path: str, body: str | None = None) -> bytes | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": "token bench", "Content-Type": "application/json"})
            return connection.getresponse().read()
        except OSError:
            return None
        finally:
            connection.close()

    def kernel(self) -> BlockingKernelClient:
        """A started kernel's client, ready."""
        made = json.loads(self._answer("POST", "/api/kernels", "{}") or b"{}")
        path = self.root / "jupyter_runtime_dir" / f"kernel-{made['id']}.json"
        while not path.exists():
            time.sleep(0.01)
        client = BlockingKernelClient(connection_file=str(path))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        return client

    def empty(self) -> float:
        """Median seconds of the emptiest handler Jupyter has, over a kept connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

        def ask() -> None:
            connection.request("GET", "/api", headers={"Authorization": "token bench"})
            connection.getresponse().read()

        ask()
        median = statistics.median(once(ask) for _ in range(400))
        connection.close()
        return median


def run(kernel: BlockingKernelClient, code: str) -> str:
    """Run code in the kernel; what it printed."""
    printed: list[str] = []

    def hook(message: dict[str, dict[str, str]]) -> None:
        content = message["content"]
        printed.append(content.get("text", "") or "\n".join(content.get("traceback", [])))

    kernel.execute_interactive(code, output_hook=hook, timeout=120)
    return "".join(printed)


def _socket(server: Server, kernel: BlockingKernelClient, limits: Limits) -> Row:
    secret = server.root / "secret"
    secret.write_text("x" * 120)
    run(kernel, f"%cred add n7 --kind basic user=ada --secret password=file:{secret} --no-verify")
    ours, floors = [], []
    for _ in range(3):
        ours.append(float(run(kernel, USES).split()[-1]))
        floors.append(server.empty() + statistics.median(once(limits.write) for _ in range(200)))
    mine, floor = statistics.median(ours), statistics.median(floors)
    return Row("kernel → socket → vault → kernel, warm", mine, floor, "empty handler + write limit", 1.3)


def _magic(kernel: BlockingKernelClient) -> Row:
    noop = "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef noop(line): return None"
    run(kernel, noop)
    ours, limit = paired(lambda: run(kernel, "x = %cred use n7"), lambda: run(kernel, "x = %noop"), 60)
    return Row("x = %cred use n7, over ZeroMQ", ours, limit, "a no-op magic", 1.5)


def _starts(work: Path) -> Iterator[Row]:
    servers: dict[bool, list[float]] = {True: [], False: []}
    kernels: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(7):
        for extension in (True, False):
            with Server(work / f"start-{turn}-{extension}", extension=extension) as server:
                servers[extension].append(server.started)
                time.sleep(3)  # until whatever either of them does after its start is done
                start = time.perf_counter()
                kernel = server.kernel()
                kernels[extension].append(time.perf_counter() - start)
                kernel.stop_channels()
    for name, times in (("server start with the extension", servers), ("kernel start with the extension", kernels)):
        yield Row(name, statistics.median(times[True]), statistics.median(times[False]), "without", 1.03)
