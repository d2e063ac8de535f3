"""Do variables appear, and disappear without a trace?"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential
from credmagic.injectors.environ import EnvironInjector


def made(environ: dict[str, str], files: dict[str, str] | None = None, name: str = "s3-prod") -> Credential:
    resolved: dict[str, Any] = {
        "id": "c", "name": name, "kind": "s3", "kind_version": 1, "version": 1, "environment": "", "expires_at": None,
        "fields": {"key": "hunter2-x"}, "secret": ["key"], "environ": environ, "files": files or {}, "aliases": {},
    }  # fmt: skip
    return Credential.from_resolved(resolved)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CM_A", "CM_B", "CM_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CM_BEFORE", "before")


def test_variables_are_set_and_restored_exactly() -> None:
    before = dict(os.environ)

    with EnvironInjector() as injector:
        names = injector.apply(made({"CM_B": "b", "CM_A": "hunter2-x", "CM_BEFORE": "new"}))
        assert names == ["CM_A", "CM_B", "CM_BEFORE"]
        assert (os.environ["CM_A"], os.environ["CM_BEFORE"]) == ("hunter2-x", "new")

    assert dict(os.environ) == before


def test_they_are_restored_when_the_block_raises() -> None:
    before = dict(os.environ)

    def cell() -> None:
        with EnvironInjector() as injector:
            injector.apply(made({"CM_A": "a"}))
            assert "CM_A" in os.environ
            1 / 0

    with pytest.raises(ZeroDivisionError):
        cell()

    assert dict(os.environ) == before


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_nested_scopes_may_end_in_any_order(order: tuple[int, ...]) -> None:
    """What is visible is always the newest that is left; in the end what was there before."""
    injectors = [EnvironInjector() for _ in range(3)]
    for i, injector in enumerate(injectors):
        injector.apply(made({"CM_BEFORE": str(i), "CM_A": str(i)}))
    left = {0, 1, 2}

    for i in order:
        injectors[i].take_back()
        left.discard(i)
        expected = str(max(left)) if left else "before"
        assert os.environ["CM_BEFORE"] == expected
        assert os.environ.get("CM_A") == (expected if left else None)


def test_what_the_cell_itself_changed_is_taken_back_too() -> None:
    with EnvironInjector() as injector:
        injector.apply(made({"CM_BEFORE": "ours"}))
        del os.environ["CM_BEFORE"]

    assert os.environ["CM_BEFORE"] == "before"


def test_applying_twice_and_taking_back_once_leaves_nothing() -> None:
    injector = EnvironInjector()
    injector.apply(made({"CM_A": "1"}))
    injector.apply(made({"CM_A": "2"}))

    injector.take_back()
    injector.take_back()

    assert "CM_A" not in os.environ


@pytest.mark.parametrize("variable", ["PATH", "LD_PRELOAD", "pythonpath", "A=B", "", "nul\0l"])
def test_a_variable_that_cannot_or_must_not_be_set_is_refused_and_nothing_changes(variable: str) -> None:
    before = dict(os.environ)

    with pytest.raises(InvalidCredential) as caught:
        EnvironInjector().apply(made({"CM_A": "a", variable: "hunter2-x"}))

    assert "hunter2-x" not in str(caught.value)
    assert caught.value.next_step
    assert dict(os.environ) == before


def test_files_of_the_kind_are_written_and_go_with_the_variables(home: Path) -> None:
    with EnvironInjector() as injector:
        names = injector.apply(made({"CM_A": "a"}, {"CM_KEY_FILE": "-----BEGIN\nhunter2-x\n"}))
        path = Path(os.environ["CM_KEY_FILE"])
        assert names == ["CM_A", "CM_KEY_FILE"]
        assert path.read_bytes() == b"-----BEGIN\nhunter2-x\n"
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700

    assert not path.exists()
    assert "CM_KEY_FILE" not in os.environ
