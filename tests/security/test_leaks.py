"""L1: does any secret leave any trace where nobody should find one? Five canaries in each of many lives, on every surface.

The control: a canary that nothing protects is planted on each surface, by the same ways, and must be found there.
"""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Iterator

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import v4

from credmagic.testing.jupyter import jupyter_server
from security.leak_scenarios import SCENARIOS
from security.leak_session import NOTEBOOK, Session
from security.leak_token_scenarios import TOKEN_SCENARIOS
from security.leaks import SPELLINGS, Canary, Search, hatch, leaks, spelled

pytestmark = pytest.mark.slow

ON_PURPOSE = {
    ("made from variables", "environment of bin/credmagic"): "the user's own variables, read by the command",
    ("typed inline", "arguments"): "what the user typed into the shell",
    ("typed inline", "kernel: code"): "Jupyter's echo of the code that a client sent",
}
"""Where a value is seen because the user put it there. These must be found, too: they show that the search works."""


def test_every_spelling_of_every_shape_is_found() -> None:
    """The control of the search itself, in the middle of bytes that mean nothing."""
    canaries = list(hatch("x").values())
    search = Search(canaries)

    for canary in canaries:
        for text, spelling in spelled(canary):
            assert any(hit.startswith(f"x: {canary.shape}") for hit in search.hits(b"\0\xff" + text + b"\xfe")), (
                spelling
            )
    assert len(SPELLINGS) == 13
    assert search.hits("nothing to be found here: ß\"'\\ü€ token: p@ss/".encode() * 1000) == set()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    workdir, given = tmp_path_factory.mktemp("leak"), tmp_path_factory.mktemp("given")
    with jupyter_server(workdir) as server:
        running = Session(server, given)
        yield running
        running.client.stop_channels()
        running.watch.stop()


EMBEDDED = (
    "%load_ext credmagic\nimport credmagic, ipywidgets",
    "x = %cred use embedded\nprint(dict(x)); x",
    "[x[field] for field in ('ascii', 'quotes', 'base64', 'pem', 'url')]",
    "w = ipywidgets.VBox([ipywidgets.Text(value=v, description='v') for v in x.values()]); w",
    "%cred new database warehouse",
    "%cred edit embedded",
    "%cred select key_value",
    "%%cred use embedded --export\n!env",
    "%xmode Verbose\ndef f(password):\n    raise ValueError(password)\nf(x['quotes'])",
)


def run_embedded(session: Session, cells: tuple[str, ...]) -> None:
    """A notebook without a server, written by nbclient with the state of its widgets; nothing guards this file."""
    book = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    with (session.workdir / "kernel.log").open("wb") as log:
        client = NotebookClient(book, timeout=60, kernel_name="python3", allow_errors=True, store_widget_state=True)
        client.execute(env=session.environment(), stdout=log, stderr=log)
    nbformat.write(book, session.workdir / "root/embedded.ipynb")


def plant(session: Session, word: str) -> None:
    """Say `word` openly, once on each surface."""
    made = session.ask("POST", "api/v2/credentials/", {
        "name": word, "description": word, "credentialType": "bearer", "token": "another-secret-altogether",
    }, status=201).json()["credentialId"]  # fmt: skip
    session.ask("GET", f"api/v2/credentials/{made}/", status=200)
    session.ask("POST", "api/v2/credentials/", {"name": word, "user": "u", "password": "pppppppp"}, status=409)
    session.server.request("GET", f"api/contents/{word}")
    session.cell(f"print({word!r}); input({word!r})", answers=["x"], fails=False)
    session.cell(f"raise ValueError({word!r})", fails=True)
    session.cell(f"import pickle\npickle.dump(credmagic.use({word!r}), open(dumps / 'pickle', 'ab'))", fails=False)
    asked = f"credmagic.api.client().call('show', ref={word!r})"
    session.cell(f"with (dumps / 'socket').open('a') as file:\n    file.write(str({asked}))", fails=False)
    session.script("import sys; print(sys.argv[1])", word)
    session.command("show", word)
    session.command("show", word, "--json")
    session.command("show", word + "-not-there", code=4)
    session.terminal(["show", word], {})
    session.script(
        "import sys; from credmagic.wiring import open_vault; from credmagic.vault.audit import Caller, Event\n"
        "vault = open_vault(); vault.record(Event('credential.use', Caller('local'), reason=sys.argv[1])); vault.close()",
        word,
    )
    session.command("list", env={"PLANTED": word})
    session.server.request("PUT", f"api/contents/{word}.txt", {"type": "file", "format": "text", "content": word})
    for place in ("home/config/x", "home/run/x", "protected/x", "jupyter-runtime/x", "user/x"):
        (session.workdir / place).write_text(word)
    for program in ("ipykernel", "jupyter_server"):  # by the same name, because they are told apart by it
        fake = ["python3", "-c", "import time; time.sleep(1)", program, word]
        subprocess.run(fake, env=session.environment({"PLANTED": word}), check=True)
    with sqlite3.connect(session.workdir / "home/data/credmagic.db") as store:
        store.execute("CREATE TABLE planted (word TEXT)")
        store.execute("INSERT INTO planted VALUES (?)", (word,))
        store.commit()
        store.execute("PRAGMA wal_checkpoint(PASSIVE)")
        store.execute("INSERT INTO planted VALUES (?)", (word,))
    store.close()


def remember(session: Session) -> None:
    """What the kernel keeps of its cells and their code, written to a file by the kernel itself."""
    session.cell("""
import json, linecache
memory = [In, {k: str(v) for k, v in globals().items() if k.startswith('_i')}, list(get_ipython().history_manager.input_hist_raw)]
memory += [''.join(entry[2]) for name, entry in linecache.cache.items() if len(entry) == 4 and 'ipykernel' in name]
(dumps / 'memory').write_text(json.dumps(memory, ensure_ascii=False))
""", fails=False)  # fmt: skip


def test_no_secret_leaves_a_trace_anywhere(session: Session, record_property) -> None:
    lives = {scenario.__name__.replace("_", " "): scenario for scenario in (*SCENARIOS, *TOKEN_SCENARIOS)}
    canaries: list[Canary] = []
    begun = time.monotonic()
    for name, scenario in lives.items():
        hatched = hatch(name)
        canaries += hatched.values()
        canaries += scenario(session, hatched) or []
    embedded = hatch("embedded")
    canaries += embedded.values()
    session.store("embedded", embedded)
    planted = Canary.hatch("planted", "ascii")
    plant(session, planted.value)
    word = planted.value
    run_embedded(session, (*EMBEDDED, f"import os; os.system('echo {word}')\nipywidgets.Text(value={word!r})"))
    remember(session)
    session.save()
    session.command("audit", "--json")
    surfaces = session.surfaces()
    found = leaks(canaries, surfaces)
    took = time.monotonic() - begun

    expected = {pair: [hit for hit in found if hit.startswith(f"{pair[1]} ← {pair[0]}:")] for pair in ON_PURPOSE}
    line = f"{len(surfaces)} surfaces x {len(lives) + 1} lives x 5 canaries, {sum(map(len, surfaces.values()))} bytes, {took:.0f} s"
    record_property("figures", line)
    print(line)
    unexpected = sorted(set(found) - {hit for hits in expected.values() for hit in hits})
    assert not unexpected, "\n".join(unexpected)
    assert [pair for pair, hits in expected.items() if not hits] == []
    blind = [name for name, data in surfaces.items() if not leaks([planted], {name: data})]
    assert not blind, ", ".join(blind)
    assert len(surfaces) >= 25
    assert len(lives) >= 20
    assert NOTEBOOK in {path.name for path in (session.workdir / "root").iterdir()}
