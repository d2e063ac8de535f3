"""Does a real ipykernel ever send a registered value to its clients, on any channel?"""

from __future__ import annotations

import contextlib
import json
import os
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

CANARY = "Kanari-3f9a1c77d2e4-ß/+&\"'"
LABEL = "[warehouse.password]"

SETUP = f"""
import base64, json, logging, os, subprocess, sys, threading, time
from IPython.display import display, HTML, Markdown, update_display
value = {CANARY!r}
class Shown:
    def _repr_html_(self): return "<b>" + value + "</b>"
    def __repr__(self): return "shown " + value
"""
INSTALL = """
from credmagic import redact
from credmagic.redact import registry
assert redact.install(get_ipython()) == "kernel"
registry.register("warehouse", {"password": value}, ["db.example"])
"""

CHANNELS = {
    "print": "print('x', value, 'y')",
    "stderr": "print(value, file=sys.stderr)",
    "repr": "value",
    "in_a_list": "[{'password': value}]",
    "as_a_key": "{value: 1}",
    "rich_repr": "Shown()",
    "display": "display(Shown()); display(HTML(value)); display(Markdown(value))",
    "display_json": "display({'application/json': {'deep': [{'er': value}]}}, raw=True)",
    "update_display": "h = display('a', display_id=True); h.update(Shown())",
    "traceback": "raise ValueError('bad ' + value)",
    "verbose": "%xmode Verbose\ndef f(password):\n    raise ValueError('no')\nf(value)",
    "source_line": f"password = {CANARY!r}; raise ValueError('no')",
    "context": "%xmode Context",
    "plain": "%xmode Plain\nraise KeyError(value)",
    "chained": "%xmode Context\ntry:\n    {}[value]\nexcept KeyError as e:\n    raise RuntimeError(value) from e",
    "syntax_error": f"def broken(: {CANARY!r}",
    "logging": "logging.getLogger('x').warning('got %s', value)",
    "warnings": "import warnings; warnings.warn(value)",
    "shell_escape": "os.environ['CANARY'] = value\n!echo \"$CANARY\"",
    "os_system": "os.system('printf \"%s\\n\" \"$CANARY\"'); time.sleep(.3)",
    "subprocess": "subprocess.run([sys.executable, '-c', 'import os; print(os.environ[\"CANARY\"])']); time.sleep(.3)",
    "subprocess_stderr": "subprocess.run([sys.executable, '-c', 'import os,sys; print(os.environ[\"CANARY\"], file=sys.stderr)']); time.sleep(.3)",
    "os_write": "os.write(1, value.encode() + b'\\n'); time.sleep(.2)",
    "thread": "t = threading.Thread(target=print, args=(value,)); t.start(); t.join()",
    "thread_display": "t = threading.Thread(target=display, args=(Shown(),)); t.start(); t.join()",
    "thread_error": "t = threading.Thread(target=lambda: 1 / len(value[:0])); t.start(); t.join(); print(value)",
    "comm_open": "from comm import create_comm; c = create_comm(target_name='x', data={'v': value}); c.send({'v': [value]}); c.close({'v': value})",
    "widget": "import ipywidgets as w; w.Text(value=value, description=value)",
    "widget_output": "o = w.Output()\nwith o:\n    print(value)\no",
    "pager": "get_ipython().show_usage = None\nfrom IPython.core import page; page.page(value)",
    "help": "def documented(): pass\ndocumented.__doc__ = value\n?documented",
    "user_expression": "z = value",
    "base64": "print(base64.b64encode(value.encode())); print(base64.b64encode(b'user:' + value.encode()).decode())",
    "hex": "print(value.encode().hex(), value.encode('utf-16-le').hex().upper())",
    "json": "print(json.dumps({'v': value}))",
    "two_writes": "sys.stdout.write(value[:9]); sys.stdout.flush(); sys.stdout.write(value[9:]); print()",
    "two_writes_apart": "sys.stdout.write(value[:9]); sys.stdout.flush(); time.sleep(.3); print(value[9:])",
    "letter_by_letter": "for c in value: print(c, end='', flush=True)",
    "many_flushes": "for i in range(3):\n    for c in [value[i:i+4] for i in range(0, len(value), 4)]:\n        print(c, end='', flush=True)\n        time.sleep(.06)\n    print()",
    "coloured": "print(value[:8] + '\\x1b[31m' + value[8:] + '\\x1b[0m')",
    "at_the_end": "print(value, end='')",
    "only_the_beginning": "print(value[:4], end='')",
}  # fmt: skip


class Kernel:
    """A kernel of its own home, and everything it ever sent."""

    def __init__(self, manager: KernelManager, log: Path) -> None:
        self.log = log
        self.client = manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str, **options: Any) -> list[dict[str, Any]]:
        """Execute and return all messages of that request: iopub up to idle, comms of threads, and the reply."""
        request = self.client.execute(code, **options)
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            messages.append(message)
            mine = message["parent_header"].get("msg_id") == request
            if mine and message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        messages += self.later(0.1)
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != request:
            pass  # of `wait_for_ready`
        return [*messages, reply]

    def later(self, quiet: float) -> list[dict[str, Any]]:
        """What threads and the pipes of subprocesses still send, until nothing comes for `quiet` seconds."""
        messages = []
        with contextlib.suppress(queue.Empty):
            while True:
                messages.append(self.client.get_iopub_msg(timeout=quiet))
        return messages


def text_of(messages: list[dict[str, Any]]) -> str:
    """Everything a client is shown, with consecutive stream pieces joined as a front end does."""
    streams: dict[str, str] = {}
    rest = []
    for message in messages:
        if message["msg_type"] == "stream":
            name = message["content"]["name"]
            streams[name] = streams.get(name, "") + message["content"]["text"]
        elif message["msg_type"] != "execute_input":
            rest.append(json.dumps(message["content"], ensure_ascii=False))
    return "\n".join([*streams.values(), *rest])


def forms_in(text: str) -> list[str]:
    """Which encodings of the canary are in `text`, also those that JSON escaped once more."""
    from credmagic.redact.encodings import forms

    wanted = {f for form in forms(CANARY) for f in (form, json.dumps(form, ensure_ascii=False)[1:-1])}
    return sorted(form for form in wanted if form in text)


@contextlib.contextmanager
def running(home: Path, *codes: str) -> Iterator[Kernel]:
    env = {**os.environ, "CREDMAGIC_HOME": str(home), "IPYTHONDIR": str(home / "ipython"), "HOME": str(home)}
    env.pop("PYTEST_CURRENT_TEST", None)  # ipykernel would not watch file descriptors
    manager = KernelManager(kernel_name="python3")
    with open(home / "kernel.log", "wb") as log:
        manager.start_kernel(env=env, stdout=log, stderr=log)
        kernel = Kernel(manager, home / "kernel.log")
        try:
            for code in codes:
                reply = kernel.run(code)[-1]
                assert reply["content"]["status"] == "ok", reply["content"]
            yield kernel
        finally:
            kernel.client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.context.destroy(linger=0) if manager.context else None


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("filtered"), SETUP, INSTALL) as kernel:
        yield kernel


@pytest.fixture(scope="module")
def open_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("open"), SETUP) as kernel:
        yield kernel


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_channel_shows_the_value(filtered: Kernel, channel: str) -> None:
    messages = filtered.run(CHANNELS[channel], user_expressions={"z": "value"})

    text = text_of(messages)

    assert forms_in(text) == []
    if channel == "only_the_beginning":
        assert CANARY[:4] in text


SILENT = {"context", "syntax_error", "only_the_beginning"}


@pytest.mark.parametrize("channel", sorted(set(CHANNELS) - SILENT))
def test_without_the_filter_every_channel_shows_it(open_kernel: Kernel, channel: str) -> None:
    """The control: a channel that cannot leak proves nothing above."""
    if channel in ("subprocess", "subprocess_stderr", "os_system"):
        open_kernel.run("os.environ['CANARY'] = value")
    if channel == "widget_output":
        open_kernel.run("import ipywidgets as w")
    messages = open_kernel.run(
        CHANNELS[channel], user_expressions={"z": "value"} if channel == "user_expression" else {}
    )

    def seen() -> list[str]:
        return forms_in(text_of(messages).replace("\x1b[31m", ""))

    for _ in range(20):
        if not seen():
            messages[-1:-1] = open_kernel.later(0.2)

    assert seen()


def stream_texts(messages: list[dict[str, Any]]) -> list[str]:
    return [m["content"]["text"] for m in messages if m["msg_type"] == "stream" and m["content"]["text"]]


def test_text_is_out_before_what_comes_after_it(filtered: Kernel) -> None:
    """What was held back keeps its place before a display, and never comes after idle."""
    code = "print(value[:4], end=''); display('shown'); print(value[:5], end='')"

    messages = filtered.run(code)

    kinds = [m["msg_type"] for m in messages if m["msg_type"] in ("stream", "display_data", "status")]
    texts = stream_texts(messages)
    assert "".join(texts) == CANARY[:4] + CANARY[:5]
    assert kinds.index("display_data") > kinds.index("stream")
    assert kinds[-1] == "status"


def test_a_few_letters_wait_no_longer_than_they_must(filtered: Kernel) -> None:
    """`Password: K` is on the screen while the cell still runs, soon after it was flushed."""
    code = "import time; print('Password: ' + value[:1], end='', flush=True); time.sleep(.5); print('done')"

    messages = filtered.run(code)

    stamps = {m["content"]["text"]: m["header"]["date"] for m in messages if m["msg_type"] == "stream"}
    assert stamps.keys() >= {"Password: ", CANARY[0], "done\n"}
    assert (stamps[CANARY[0]] - stamps["Password: "]).total_seconds() < 0.15


def test_a_forked_child_is_masked_too(filtered: Kernel) -> None:
    code = """
import os
pid = os.fork()
if not pid:
    print('child', value, flush=True); print('open end ' + value[:1], end='', flush=True); os._exit(0)
os.waitpid(pid, 0); time.sleep(.2)
"""
    messages = filtered.run(code)

    assert "child [warehouse.password]" in text_of(messages)
    assert "open end K" in text_of(messages)
    assert forms_in(text_of(messages)) == []


def test_a_form_of_ours_reaches_the_browser_unchanged(filtered: Kernel) -> None:
    """Its name may happen to be a value: the form is public by construction, and must not break."""
    code = """
from credmagic.forms.form import Form
class NoVault: pass
form = Form(NoVault(), kinds=[], name=value)
form.send({"type": "entry", "entry_id": value})
"""
    messages = filtered.run(code)
    opened = [m["content"] for m in messages if m["msg_type"] == "comm_open"]
    forms = [c for c in opened if c["data"]["state"].get("_anywidget_id", "").startswith("credmagic.")]

    assert messages[-1]["content"]["status"] == "ok", messages[-1]["content"]
    assert forms[0]["data"]["state"]["name"] == CANARY
    sent = [m["content"]["data"] for m in messages if m["msg_type"] == "comm_msg"]
    assert {"method": "custom", "content": {"type": "entry", "entry_id": CANARY}} in sent


def test_a_broken_filter_shows_a_notice_instead_of_text(filtered: Kernel) -> None:
    filtered.run("from credmagic.redact import registry; good = registry.current; registry.current = lambda: 1 / 0")

    messages = filtered.run("print('hello', value); 1 / 0")
    filtered.run("registry.current = good")

    assert forms_in(text_of(messages)) == []
    assert "[redaction failed]" in text_of(messages)
    assert messages[-1]["content"]["status"] == "error"
    assert "hello" in text_of(filtered.run("print('hello')"))


def test_after_uninstalling_the_kernel_sends_as_before(filtered: Kernel) -> None:
    filtered.run("redact.uninstall(get_ipython())")

    opened = filtered.run("print(value)")
    filtered.run("redact.install(get_ipython())")
    closed = filtered.run("print(value)")

    assert CANARY in text_of(opened)
    assert CANARY not in text_of(closed)


LOGGED = r"""
os.environ['CANARY'] = value
subprocess.run('echo in the log $CANARY', shell=True)
subprocess.run(['sh', '-c', 'printf %s "$CANARY" | cut -c1-9 | tr -d "\n"; sleep .01; printf "%s\n" "$CANARY" | cut -c10-'])
subprocess.run('echo handed over $CANARY', shell=True, stdout=sys.stdout)
get_ipython().kernel.log.error('logged %s', value)
os.write(2, b'not utf-8 \xff\xfe ' + value.encode() + b' end of it'); time.sleep(.3)
"""


def test_the_copy_of_subprocess_output_in_the_servers_log_is_masked(filtered: Kernel) -> None:
    assert filtered.run(LOGGED)[-1]["content"]["status"] == "ok"

    log = filtered.log.read_bytes()

    assert forms_in(log.decode("utf-8", "replace")) == []
    assert b"in the log [warehouse.password]" in log
    assert b"handed over [warehouse.password]" in log
    assert b"not utf-8 \xff\xfe [warehouse.password] end of it" in log


def test_without_the_filter_the_servers_log_has_the_value(open_kernel: Kernel) -> None:
    open_kernel.run(LOGGED)

    assert CANARY.encode() in open_kernel.log.read_bytes()


def test_a_form_opened_before_the_first_value_is_recognised_too(tmp_path: Path) -> None:
    """Until there is a value nothing is wrapped, and nobody sees the form open."""
    opened = """
from credmagic import redact
redact.install(get_ipython())
from credmagic.forms.form import Form
form = Form(object(), kinds=[], name="x")
"""
    with running(tmp_path, SETUP, opened, INSTALL) as kernel:
        messages = kernel.run("form.send({'type': 'entry', 'entry_id': value}); form.name = value; print(value)")

    sent = [m["content"]["data"] for m in messages if m["msg_type"] == "comm_msg"]
    assert {"method": "custom", "content": {"type": "entry", "entry_id": CANARY}} in sent
    assert any(data.get("state", {}).get("name") == CANARY for data in sent)
    assert stream_texts(messages) == ["[warehouse.password]\n"]
