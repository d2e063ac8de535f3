"""Does `%cred` work in a real kernel, as a front end sees it over ZeroMQ?"""

import os
import time

import pytest
from jupyter_client.manager import KernelManager

from credmagic import api

S = "hunter2-kanari"


class Kernel:
    """A kernel and what it said."""

    def __init__(self):
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env=dict(os.environ))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code):
        """Run one cell; the reply and all text that reached the front end."""
        shown = []

        def keep(message):
            if message["msg_type"] != "execute_input":  # the front end's own text, sent back to it
                shown.append(message["content"])

        reply = self.client.execute_interactive(code, output_hook=keep, timeout=60)
        return reply["content"], repr(shown) + repr(reply["content"])

    def complete(self, code):
        """The matches of the Tab key at the end of `code`."""
        self.client.complete(code, len(code))
        return self.client.get_shell_msg(timeout=30)["content"]

    def close(self):
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel_home(tmp_path_factory):
    """One home for the module: a kernel takes a second to start."""
    root = tmp_path_factory.mktemp("kernel")
    patch = pytest.MonkeyPatch()
    for name in ("CREDMAGIC_SOCKET", "CREDMAGIC_KERNEL_TOKEN", "CREDMAGIC_ENVIRONMENT", "CREDMAGIC_STORE_URL"):
        patch.delenv(name, raising=False)
    patch.setenv("CREDMAGIC_HOME", str(root / "home"))
    patch.setenv("CREDMAGIC_KEY_PROVIDER", "key_file")
    patch.setenv("IPYTHONDIR", str(root / "ipython"))
    patch.setenv("JUPYTER_RUNTIME_DIR", str(root / "runtime"))
    yield root
    patch.undo()


@pytest.fixture(scope="module")
def kernel(kernel_home):
    fields = {"user": "ann", "password": S + "-stored"}
    api.client().call("create", name="warehouse", kind="basic", fields=fields, environment="draft", verify=False)
    api.close()
    kernel = Kernel()
    assert kernel.run("%load_ext credmagic")[0]["status"] == "ok"
    yield kernel
    kernel.close()


def test_use_hands_over_and_shows_a_mask(kernel):
    reply, shown = kernel.run("db = %cred use warehouse\nprint(db['password'])\ndb")

    assert reply["status"] == "ok"
    assert "[warehouse.password]" in shown
    assert S not in shown


def test_the_overview_is_html_and_words(kernel):
    _, shown = kernel.run("%cred")

    assert "text/html" in shown
    assert "credmagic-page" in shown
    assert "Traceback" not in shown
    assert "<pre" not in shown  # rich would display by itself


def test_a_refused_value_reaches_no_output_and_the_cell_is_rewritten(kernel):
    reply, shown = kernel.run(f"a = 1\n%cred add lake --kind basic user=me password={S}\nb = 2")
    safe = "a = 1\n%cred add lake --kind basic user=me --secret password=prompt\nb = 2"
    payload = [item for item in reply["payload"] if item["source"] == "set_next_input"]

    assert reply["status"] == "ok"
    assert payload == [{"source": "set_next_input", "text": safe, "replace": True}]
    assert S not in shown
    assert S not in kernel.run("repr([In, _ih, _i1, [v for k, v in globals().items() if k.startswith('_i')]])")[1]


def test_the_history_file_has_no_refused_value(kernel, kernel_home):
    kernel.run(f"%cred add pond --kind bearer token={S}")
    kernel.run("get_ipython().history_manager.writeout_cache()")
    time.sleep(0.2)

    files = list(kernel_home.rglob("history.sqlite*"))
    assert files
    assert all(S.encode() not in file.read_bytes() for file in files)


def test_an_error_is_three_lines_and_ends_the_cell(kernel):
    reply, shown = kernel.run("%cred use warehose\nprint('not reached')")

    assert reply["status"] == "error"
    assert reply["ename"] == "CredentialNotFound"
    assert len("\n".join(reply["traceback"]).splitlines()) <= 3
    assert "not reached" not in shown.replace("print('not reached')", "")


def test_a_cell_scope_is_given_back_when_the_cell_raises(kernel):
    reply, shown = kernel.run("%%cred use warehouse --export\nimport os\nprint(os.environ['WAREHOUSE_USER'])\n1 / 0")
    after = kernel.run("'WAREHOUSE_USER' in os.environ")[1]

    assert reply["ename"] == "ZeroDivisionError"
    assert "ann" in shown
    assert S not in shown
    assert "'False'" in after


@pytest.mark.parametrize(
    ("line", "match", "start"),
    [
        ("%cred us", "use", 6),
        ("x = %cred use ware", "warehouse", 14),
        ("%cred add n --kind basic --secret pass", "password=prompt", 34),
    ],
)
def test_the_tab_key_completes(kernel, line, match, start):
    reply = kernel.complete(line)

    assert match in reply["matches"]
    assert reply["cursor_start"] == start


def test_help_of_a_verb(kernel):
    assert "Usage: %cred use" in kernel.run("%cred use?")[1]


def test_unloading_takes_it_back(kernel):
    assert kernel.run("%unload_ext credmagic")[0]["status"] == "ok"
    _, shown = kernel.run("%cred")

    assert "not found" in shown
    assert kernel.run("%load_ext credmagic")[0]["status"] == "ok"


def test_a_scoped_cell_awaits_on_the_kernels_own_loop_and_gives_everything_back(kernel):
    reply, shown = kernel.run(
        "%%cred use warehouse --export\nimport asyncio, os\nloop = asyncio.get_running_loop()\n"
        "done = await asyncio.wait_for(asyncio.to_thread(os.environ.get, 'WAREHOUSE_USER'), 10)\n"
        "print('in a thread:', done)\nawait asyncio.sleep(0, os.environ['WAREHOUSE_PASSWORD'])"
    )
    after = kernel.run("asyncio.get_running_loop() is loop, 'WAREHOUSE_USER' in os.environ")[1]

    assert reply["status"] == "ok"
    assert "in a thread: ann" in shown
    assert "[warehouse.password]" in shown
    assert "(True, False)" in after
    assert S not in shown


def test_an_awaiting_cell_that_is_interrupted_gives_everything_back(kernel):
    kernel.run("import threading, signal, os")
    reply, _ = kernel.run(
        "%%cred use warehouse --export\nimport asyncio\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\nawait asyncio.sleep(20)"
    )

    assert reply["status"] == "error"
    assert "False" in kernel.run("'WAREHOUSE_USER' in os.environ")[1]
