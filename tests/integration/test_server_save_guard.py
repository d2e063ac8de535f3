"""What is saved through the server holds no stored value, and the save is refused where that cannot be known."""

import base64
import json
import urllib.parse

import pytest

from credmagic.testing.jupyter import jupyter_server

SECRET = 'canary-S "ü" 6b1e\\x'
PLAIN = "canary-S-plain-70d3a95e"


def notebook(source="", outputs=(), metadata=None):
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": list(outputs), "execution_count": None}
    return {"cells": [{**cell, "id": "a1"}], "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}


def save(server, path, content, kind="notebook", form="json"):
    return server.request("PUT", f"api/contents/{path}", {"type": kind, "format": form, "content": content})


def store(server, name, **fields):
    body = {"name": name, "credentialType": "basic", "user": "jo", **fields}
    answer = server.request("POST", "credmagic/api/v2/credentials/", body)
    assert answer.status == 201
    return answer.json()["credentialId"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """With a hook of the user's own."""
    workdir = tmp_path_factory.mktemp("s")
    config = workdir / "jupyter-config"
    config.mkdir()
    (config / "jupyter_server_config.py").write_text(
        "def users_hook(model, path, contents_manager, **kw):\n"
        "    if model['type'] == 'notebook':\n"
        "        model['content']['metadata']['users_hook'] = 'ran'\n"
        "c.ContentsManager.pre_save_hook = users_hook\n"
    )
    with jupyter_server(workdir) as running:
        store(running, "warehouse", password=SECRET)
        store(running, "plain", password=PLAIN)
        yield running


ENCODINGS = {
    "raw": lambda value: value,
    "repr": repr,
    "json": json.dumps,
    "url": urllib.parse.quote,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "hex": lambda value: value.encode().hex(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_part_of_a_notebook_keeps_a_value(server, encoding):
    text = ENCODINGS[encoding](SECRET)
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": f"{text}\n"},
        {
            "output_type": "display_data",
            "data": {"text/plain": text, "application/json": {"a": [text]}},
            "metadata": {},
        },
        {"output_type": "error", "ename": "E", "evalue": text, "traceback": [text]},
    ]
    widgets = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"m": {"state": {"value": text}}}}}}

    answer = save(server, "all.ipynb", notebook(f"x = {text}", outputs, widgets))

    saved = (server.root / "all.ipynb").read_text("utf-8")
    assert answer.status in (200, 201)
    assert not [form for form in ENCODINGS.values() if form(SECRET) in saved or json.dumps(form(SECRET))[1:-1] in saved]
    assert saved.count("[warehouse.password]") == 7


def test_attachments_and_markdown_are_looked_at_too(server):
    content = notebook()
    content["cells"] = [
        {"cell_type": "markdown", "id": "m", "metadata": {"note": PLAIN}, "source": f"it is {PLAIN}",
         "attachments": {"a.txt": {"text/plain": PLAIN}}},
    ]  # fmt: skip

    save(server, "md.ipynb", content)

    assert PLAIN not in (server.root / "md.ipynb").read_text()


@pytest.mark.parametrize(("kind", "form"), [("file", "text"), ("file", "base64")])
def test_a_plain_file_is_looked_at_in_both_formats(server, kind, form):
    text = f"password: {PLAIN}\nother: kept ✓\n"
    content = text if form == "text" else base64.b64encode(text.encode()).decode()

    save(server, "plain.txt", content, kind, form)

    assert (server.root / "plain.txt").read_text("utf-8") == "password: [plain.password]\nother: kept ✓\n"


def test_a_notebook_saved_as_text_stays_a_notebook(server):
    save(server, "text.ipynb", json.dumps(notebook(f'x = "{SECRET}"')), "file", "text")

    saved = json.loads((server.root / "text.ipynb").read_text("utf-8"))
    assert "".join(saved["cells"][0]["source"]) == 'x = "[warehouse.password]"'


def test_a_checkpoint_holds_no_value_either(server):
    save(server, "cp.ipynb", notebook(PLAIN))
    server.request("POST", "api/contents/cp.ipynb/checkpoints", {})

    assert not [path for path in server.root.rglob("*cp*.ipynb") if PLAIN in path.read_text()]
    assert (server.root / ".ipynb_checkpoints").is_dir()


def test_the_hook_of_the_user_still_runs(server):
    save(server, "hook.ipynb", notebook(PLAIN))

    saved = json.loads((server.root / "hook.ipynb").read_text())
    assert saved["metadata"]["users_hook"] == "ran"
    assert "[plain.password]" in json.dumps(saved["cells"])


def test_what_holds_no_value_is_saved_as_it_was(server):
    text = "nothing to see, jo\n"
    save(server, "clean.txt", text, "file", "text")
    picture = base64.b64encode(bytes(range(256))).decode()
    save(server, "clean.bin", picture, "file", "base64")

    assert (server.root / "clean.txt").read_text() == text
    assert (server.root / "clean.bin").read_bytes() == bytes(range(256))


def test_a_value_stored_a_moment_ago_is_known_and_a_former_version_still_is(server):
    credential = store(server, "fresh", password="canary-S-first-1a2b3c")
    server.request("PATCH", f"credmagic/api/v2/credentials/{credential}/", {"password": "canary-S-second-4d5e6f"})

    save(server, "fresh.txt", "canary-S-first-1a2b3c canary-S-second-4d5e6f", "file", "text")

    assert (server.root / "fresh.txt").read_text() == "[fresh.password] [fresh.password]"


def test_base64_that_is_none_is_refused_by_us_or_by_jupyter(server):
    assert save(server, "broken.bin", "a", "file", "base64").status >= 400
    assert not (server.root / "broken.bin").exists()


def test_the_log_tells_that_something_was_masked_but_not_what(server):
    save(server, "told.txt", PLAIN, "file", "text")

    assert "masked stored values in 1 place(s) of told.txt" in server.log
    assert PLAIN not in server.log
    assert SECRET not in server.log


def test_the_control_without_the_guard_the_value_is_saved(tmp_path):
    with jupyter_server(tmp_path, "--Credmagic.save_guard=False") as server:
        store(server, "warehouse", password=PLAIN)
        save(server, "leak.txt", PLAIN, "file", "text")

        assert (server.root / "leak.txt").read_text() == PLAIN


def test_a_locked_vault_refuses_to_save_and_says_how_to_go_on(tmp_path):
    """Then nobody knows which texts are values. Without any store, everything is saved."""
    with jupyter_server(tmp_path) as server:
        assert save(server, "before.txt", PLAIN, "file", "text").status == 201
        store(server, "warehouse", password=PLAIN)
    key = next((tmp_path / "home" / "config").glob("*.key"))
    aside = key.rename(tmp_path / "aside.key")

    with jupyter_server(tmp_path) as server:
        refused = save(server, "after.txt", PLAIN, "file", "text")
        health = server.request("GET", "credmagic/api/health").json()
        listed = server.request("GET", "credmagic/api/v2/credentials/")
        aside.rename(key)
        server.wait(lambda: save(server, "after.txt", PLAIN, "file", "text").status == 201)

        assert refused.status == 423
        assert "save_guard=False" in refused.json()["message"]
        assert PLAIN not in refused.body.decode()
        assert health["vault"] == "locked"
        assert (listed.status, listed.json()["code"]) == (423, "locked")
        assert (server.root / "after.txt").read_text() == "[warehouse.password]"
