"""Does `credmagic.use` give what was stored, over a real vault in this process?"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import credmagic
from credmagic import api
from credmagic.redact import registry


@pytest.fixture
def stored(home: Path, canary: str) -> Iterator[str]:
    registry.clear()
    api.close()
    fields = {"user": "me", "password": canary}
    api.client().call("create", name="warehouse", kind="basic", fields=fields, verify=False)
    yield canary
    api.close()
    registry.clear()


def test_use_gives_the_value_and_the_filter_knows_it(stored: str) -> None:
    credential = credmagic.use("warehouse")

    assert credential["password"] == stored
    matcher = registry.current()
    assert matcher is not None
    assert matcher.redact_text(f"x {stored}") == "x [warehouse.password]"
    assert matcher.redact_text("me") == "me"


def test_an_unknown_name_says_what_to_do_next(stored: str) -> None:
    with pytest.raises(credmagic.CredentialNotFound) as caught:
        credmagic.use("warehose")

    assert "warehouse" in str(caught.value) + str(caught.value.details)
    assert caught.value.next_step


def test_list_shows_views_without_values(stored: str) -> None:
    views = credmagic.list(kind="basic")

    assert [view["name"] for view in views] == ["warehouse"]
    assert stored not in repr(views)


def test_a_scope_exports_for_its_block_only(stored: str) -> None:
    with credmagic.scope("warehouse", export=True) as credential:
        assert os.environ["WAREHOUSE_PASSWORD"] == stored == credential["password"]
    assert "WAREHOUSE_PASSWORD" not in os.environ

    with pytest.raises(RuntimeError), credmagic.scope("warehouse", export=True):
        raise RuntimeError
    assert "WAREHOUSE_PASSWORD" not in os.environ

    with credmagic.scope("warehouse"):
        assert "WAREHOUSE_PASSWORD" not in os.environ


def test_a_pickle_resolves_after_a_rotation_to_the_new_value(stored: str) -> None:
    data = pickle.dumps(credmagic.use("warehouse"))
    api.client().call("rotate", ref="warehouse", fields={"password": "the-second-one"}, verify=False)

    assert stored.encode() not in data
    assert pickle.loads(data)["password"] == "the-second-one"


def test_a_pickle_finds_the_same_name_in_another_store(
    stored: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = pickle.dumps(credmagic.use("warehouse"))
    api.close()
    monkeypatch.setenv("CREDMAGIC_HOME", str(tmp_path / "other"))
    with pytest.raises(credmagic.CredentialNotFound):
        pickle.loads(data)
    fields = {"user": "worker", "password": "of-the-worker"}
    api.client().call("create", name="warehouse", kind="basic", fields=fields, verify=False)

    assert pickle.loads(data)["user"] == "worker"


def test_a_fork_makes_its_own_client(stored: str) -> None:
    parents = api.client()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # the child
        ok = api._client is None and credmagic.use("warehouse")["password"] == stored and api.client() is not parents
        os.write(write, b"1" if ok else b"0")
        os._exit(0)
    os.waitpid(pid, 0)

    assert os.read(read, 1) == b"1"
    assert api.client() is parents


def test_threads_share_one_client(stored: str) -> None:
    api.close()
    seen: set[int] = set()
    threads = [threading.Thread(target=lambda: seen.add(id(api.client()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 1


def test_a_kernel_with_a_socket_but_no_token_opens_the_store_itself(
    stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.close()
    monkeypatch.setenv("CREDMAGIC_SOCKET", "/nowhere")
    monkeypatch.setattr("credmagic.client.token._token", None)

    assert api.client().plane == "local"


def test_the_hot_path_imports_only_light_modules(stored: str) -> None:
    code = (
        "import sys, credmagic; credmagic.use('warehouse');"
        "heavy = {'pydantic', 'sqlalchemy', 'click', 'IPython', 'ahocorasick_rs', 'ipywidgets', 'requests'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
