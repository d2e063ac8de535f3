"""Which values are masked from when on, and at what price?"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from credmagic.masking import COMMON_WORDS
from credmagic.redact import registry
from credmagic.redact.matcher import Matcher


def shown(text: str) -> str:
    matcher = registry.current()
    return matcher.redact_text(text) if matcher else text


def test_nothing_is_masked_before_something_is_registered() -> None:
    assert registry.current() is None


def test_a_value_is_masked_from_the_moment_it_is_registered() -> None:
    registry.register("warehouse", {"password": "hunter2-x"})

    assert shown("hunter2-x") == "[warehouse.password]"


@pytest.mark.parametrize("value", ["", "abcde", "12345", *sorted(COMMON_WORDS)[:5], "PassWord"])
def test_what_would_blank_innocent_text_is_left_alone(value: str) -> None:
    registry.register("warehouse", {"password": value})

    assert shown(f"a {value} b") == f"a {value} b"


def test_a_secret_equal_to_a_public_field_is_left_alone() -> None:
    registry.register("warehouse", {"password": "reporting"}, ["reporting", 5432, None])

    assert shown("user reporting") == "user reporting"


def test_an_older_version_stays_masked() -> None:
    registry.register("warehouse", {"password": "first-one"})
    registry.register("warehouse", {"password": "second-one"})

    assert shown("first-one second-one") == "[warehouse.password] [warehouse.password]"


def test_registering_again_builds_nothing_anew() -> None:
    registry.register("warehouse", {"password": "hunter2-x"})
    before = registry.current()

    registry.register("warehouse", {"password": "hunter2-x"})

    assert registry.current() is before


def test_readers_always_see_a_whole_matcher() -> None:
    """Threads that write while others register never miss a value that was registered before."""
    failures: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            if shown("value-000-x") != "[c0.p]":
                failures.append("missed")

    registry.register("c0", {"p": "value-000-x"})
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for i in range(1, 40):
        registry.register(f"c{i}", {"p": f"value-{i:03d}-x"})
        assert shown(f"value-{i:03d}-x") == f"[c{i}.p]"
    done.set()
    for thread in readers:
        thread.join()

    assert failures == []


def test_registering_costs_next_to_nothing() -> None:
    """The matcher is built when something is written, not when something is used."""
    begin = time.perf_counter()
    for i in range(1000):
        registry.register(f"c{i}", {"p": f"a-value-of-{i}"})
    took = time.perf_counter() - begin

    assert took < 0.1
    assert isinstance(registry.current(), Matcher)


def test_the_automaton_is_not_imported_before_the_first_value() -> None:
    code = (
        "import sys; from credmagic.redact import kernel, registry; import credmagic.api; registry.current();"
        "heavy = {'ahocorasick_rs', 'pydantic', 'click', 'IPython', 'html', 'sqlalchemy', 'cryptography'};"
        "found = heavy & set(sys.modules); sys.exit(', '.join(sorted(found)) or None)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_filter_that_cannot_start_lets_no_value_out() -> None:
    """`use` fails instead, now and the next time."""
    tries = []

    def start() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError

    registry.at_first_value(start)
    for i in range(2):
        with pytest.raises(RuntimeError):
            registry.register("w", {"p": f"hunter2-{i}"})
    registry.register("w", {"p": "hunter2-3"})
    registry.register("w", {"p": "hunter2-4"})

    assert len(tries) == 3
