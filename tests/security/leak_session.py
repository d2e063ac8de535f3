"""What can be seen of a credmagic session from outside? One server, one kernel and many commands, and all they leave and say.

`Session` runs things and keeps everything they showed; `surfaces()` is all of it, by place.
"""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

from credmagic.testing.jupyter import Answer, JupyterServer, isolated
from security.leaks import Canary

COMMAND = str(Path(sys.executable).with_name("credmagic"))
NOTEBOOK = "main.ipynb"
_PLACES = (  # the first that matches a path below the working directory
    ("store", "home/data/credmagic.db"),
    ("store's log", "home/data/credmagic.db-wal"),
    ("key files", "home/config"),
    ("run directory", "home/run"),
    ("protected store", "protected"),
    ("history", "ipython"),
    ("checkpoint", "root/.ipynb_checkpoints"),
    ("notebook", f"root/{NOTEBOOK}"),
    ("embedded notebook", "root/embedded.ipynb"),
    ("guarded files", "root"),
    ("server log", "server.log"),
    ("kernel log", "kernel.log"),
    ("Jupyter's runtime files", "jupyter-runtime"),
    ("pickles", "dumps/pickle"),
    ("kernel memory", "dumps/memory"),
    ("answers of the socket", "dumps/socket"),
    ("other files", ""),
)


class Watch(threading.Thread):
    """Reads arguments and environment of every process that works below a directory, as soon as it exists."""

    def __init__(self, workdir: Path) -> None:
        super().__init__(daemon=True)
        self._mark = str(workdir).encode()
        self._reads: dict[str, int] = {}
        self._over = threading.Event()
        self.arguments: set[bytes] = set()
        self.environments: dict[str, set[bytes]] = defaultdict(set)

    def run(self) -> None:
        while not self._over.wait(0.02):
            pids = [name for name in os.listdir("/proc") if name.isdigit()]
            self._reads = {pid: self._reads.get(pid, 0) for pid in pids}
            for pid in pids:
                if self._reads[pid] < 10:  # a young process may still become another program
                    self._reads[pid] += 1
                    self._read(Path("/proc", pid))

    def _read(self, process: Path) -> None:
        try:
            arguments, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            if self._mark not in environment or arguments != (process / "cmdline").read_bytes():
                return
        except OSError:
            return
        self.arguments.add(arguments)
        for program in (b"ipykernel", b"jupyter_server", b"bin/credmagic"):
            if program in arguments:
                self.environments[program.decode()].add(environment)

    def stop(self) -> None:
        self._over.set()
        self.join()


class Session:
    """One home, one server with one kernel, and what was seen of them."""

    def __init__(self, server: JupyterServer, given: Path) -> None:
        self.server = server
        self.workdir = server.workdir
        self.given = given
        self.seen: dict[str, list[bytes]] = defaultdict(list)
        self.notebook = v4.new_notebook()
        self.watch = Watch(self.workdir)
        self.watch.start()
        (self.workdir / "dumps").mkdir()
        self.kernel_id = server.start_kernel(NOTEBOOK)
        self._connect()

    # ── kernel ───────────────────────────────────────────────────────────────────────────────────────────
    def _connect(self) -> None:
        self.client = self.server.ready(self.kernel_id)
        self.cell("%load_ext credmagic\nimport credmagic.api, pathlib", fails=False)
        self.cell(f"dumps = pathlib.Path({str(self.workdir / 'dumps')!r})", fails=False)

    def restart_kernel(self) -> None:
        """A new process for the same notebook."""
        self.client.stop_channels()
        assert self.server.request("POST", f"api/kernels/{self.kernel_id}/restart", {}).status == 200
        self._connect()

    def cell(self, source: str, *, answers: Sequence[str] = (), fails: bool | None = None) -> dict[str, Any]:
        """Run a cell as a front end does; the content of the reply. `fails` says whether it has to."""
        shown = v4.new_code_cell(source)
        self.notebook.cells.append(shown)
        waiting = list(answers)
        request = self.client.execute(source, allow_stdin=bool(answers))
        texts: dict[str, str] = defaultdict(str)
        while True:
            if waiting and self.client.stdin_channel.msg_ready():
                self._keep("kernel: stdin", self.client.get_stdin_msg(timeout=1)["content"])
                self.client.input(waiting.pop(0))
            if not self.client.iopub_channel.msg_ready():
                time.sleep(0.001)
                continue
            message = self.client.get_iopub_msg(timeout=1)
            kind, content = message["msg_type"], message["content"]
            self._keep("kernel: code" if kind == "execute_input" else "kernel: iopub", content)
            if message["parent_header"].get("msg_id") != request:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind == "stream":
                texts[content["name"]] += content["text"]
            if kind in ("stream", "display_data", "execute_result", "error"):
                shown.outputs.append(v4.output_from_msg(message))
        self.seen["kernel: iopub"].extend(text.encode() for text in texts.values())
        return self._replied(request, shown, fails)

    def _replied(self, request: str, shown: Any, fails: bool | None) -> dict[str, Any]:
        while (reply := self.client.get_shell_msg(timeout=30))["parent_header"].get("msg_id") != request:
            continue
        content: dict[str, Any] = reply["content"]
        self._keep("kernel: replies", content)
        for payload in content.get("payload", ()):
            if payload["source"] == "set_next_input" and payload["replace"]:
                shown.source = payload["text"]
        if fails is not None:
            assert (content["status"] == "error") is fails, (shown.source[:200], content.get("ename"), shown.outputs)
        return content

    def text(self) -> str:
        """What the last cell printed."""
        return "".join(o.get("text", "") for o in self.notebook.cells[-1].outputs)

    def _keep(self, surface: str, value: Any) -> None:
        self.seen[surface].append(json.dumps(value, ensure_ascii=False, default=str).encode())

    # ── server ───────────────────────────────────────────────────────────────────────────────────────────
    def ask(self, method: str, path: str, body: Any = None, *, status: int = 0) -> Answer:
        """One request on the Jupyter port; bytes are sent as they are."""
        headers = {**self.server.headers, "Content-Type": "application/json"}
        answer = self.server.request(method, "credmagic/" + path, body, headers=headers)
        kind = "refusals" if answer.status >= 400 else "reads" if method == "GET" else "writes"
        self.seen[f"REST: {kind}"].append(json.dumps(answer.headers).encode() + answer.body)
        assert status in (0, answer.status), (path, answer.status, answer.body)
        return answer

    def store(self, name: str, canaries: Mapping[str, Canary]) -> None:
        """A credential that holds all of them."""
        entries = {shape: canary.value for shape, canary in canaries.items()}
        self.ask(
            "POST", "api/v2/credentials/", {"name": name, "credentialType": "key_value", "entries": entries}, status=201
        )

    def save(self) -> None:
        """Save the notebook as the front end does, and its checkpoint."""
        content = json.loads(nbformat.writes(self.notebook))
        for path, body, method in (
            (NOTEBOOK, {"type": "notebook", "format": "json", "content": content}, "PUT"),
            (f"{NOTEBOOK}/checkpoints", {}, "POST"),
        ):
            assert self.server.request(method, f"api/contents/{path}", body).status in (200, 201)

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────
    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Where commands, scripts and kernels of this session work."""
        return {**isolated(self.workdir), "PYTHONWARNINGS": "ignore", **(more or {})}

    def command(self, *words: str, env: Mapping[str, str] | None = None, code: int | None = 0) -> str:
        """One `credmagic …` in a shell; its output. `code` is the exit code it must have."""
        done = subprocess.run(
            [COMMAND, *words], env=self.environment(env), capture_output=True, timeout=60, stdin=subprocess.DEVNULL
        )
        out = "audit" if words[0] == "audit" else "--json" if "--json" in words else "stdout"
        self.seen[f"commands: {out}"].append(done.stdout)
        self.seen["commands: stderr"].append(done.stderr)
        assert code in (None, done.returncode), (words[:2], done.returncode, done.stderr)
        return done.stdout.decode()

    def script(self, code: str, *arguments: str) -> str:
        """A plain Python program; its output."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], env=self.environment(), capture_output=True, timeout=60
        )
        self.seen["scripts"] += [done.stdout, done.stderr]
        return done.stdout.decode()

    def terminal(self, words: Sequence[str], answers: Mapping[str, str]) -> None:
        """One `credmagic …` on a terminal, where each prompt (its end is the key) gets its answer."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["setsid", "--ctty", COMMAND, *words], env=self.environment(), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        screen, waiting = b"", dict(answers)
        while select.select([ours], [], [], 30)[0]:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # how Linux says that the other side is closed
                break
            screen += piece
            for prompt in [prompt for prompt in waiting if screen.endswith(prompt.encode())]:
                os.write(ours, waiting.pop(prompt).encode() + b"\n")
        os.close(ours)
        self.seen["terminal"].append(screen)
        assert (process.wait(30), waiting) == (0, {}), screen

    def file(self, canary: Canary) -> str:
        """A file of the user's own that holds the value, outside of everything that is searched."""
        path = self.given / f"{canary.scenario}-{canary.shape}".replace(" ", "-")
        path.write_bytes(canary.value.encode())
        return str(path)

    def by_file(self, canaries: Mapping[str, Canary]) -> list[str]:
        """`--secret` words for all of them."""
        return [f"--secret={shape}=file:{self.file(canary)}" for shape, canary in canaries.items()]

    # ── what is left ─────────────────────────────────────────────────────────────────────────────────────
    def surfaces(self) -> dict[str, bytes]:
        """Everything there is to see, by place."""
        found: dict[str, list[bytes]] = defaultdict(list, {name: list(parts) for name, parts in self.seen.items()})
        for path in sorted(self.workdir.rglob("*")):
            if path.is_file():
                name = str(path.relative_to(self.workdir))
                found[next(surface for surface, start in _PLACES if _below(name, start))].append(path.read_bytes())
        found["arguments"] = list(self.watch.arguments)
        for program, environments in self.watch.environments.items():
            found[f"environment of {program}"] = list(environments)
        written = [path for name in (NOTEBOOK, "embedded.ipynb") if (path := self.workdir / "root" / name).exists()]
        found["widget state"] = [_widgets(path) for path in written if path.stem == "embedded"]
        found["HTML"] = [_html(path) for path in written]
        return {name: b"\n".join(parts) for name, parts in found.items()}


def _below(name: str, start: str) -> bool:
    return not start or name == start or name.startswith((start + "/", start + "-sh", start + ".sqlite"))


def _widgets(path: Path) -> bytes:
    return json.dumps(nbformat.read(path, as_version=4).metadata["widgets"], ensure_ascii=False).encode()


def _html(path: Path) -> bytes:
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(nbformat.read(path, as_version=4))
    return str(body).encode()
