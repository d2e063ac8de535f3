"""What does masking output cost?"""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ahocorasick_rs import BytesAhoCorasick
from timing import Row, paired

from credmagic.redact.encodings import patterns
from credmagic.redact.matcher import Matcher, encode

LINE = "2026-01-01 12:00:00 INFO worker 17 read 4096 rows of orders in 0.031 s; next partition eu-central/0042\n"

PRINTS = """
import json, sys, time
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel()
def run(code):
    client.execute_interactive(code, output_hook=lambda message: None, timeout=300)
if sys.argv[1] == "with":
    run("%load_ext credmagic")
    run("import credmagic, secrets\\nfrom credmagic.redact import registry\\n"
        "for i in range(100): registry.register(f'c{i}', {'password': secrets.token_urlsafe(24)}, ())\\nprint('x')")
run("line = " + repr(sys.argv[2]))
start = time.perf_counter()
run("for _ in range(10_000_000 // len(line)): print(line, end='')")
print(time.perf_counter() - start)
client.stop_channels(); manager.shutdown_kernel(now=True)
"""


def rows(work: Path) -> Iterator[Row]:
    """The masking lines."""
    labels = {
        form: "[c.password]" for _ in range(1000) for form in patterns(secrets.token_urlsafe(24), frozenset())
    }
    text = LINE * (10_000_000 // len(LINE))
    matcher = Matcher(labels)
    automaton = BytesAhoCorasick([encode(form) for form in labels])
    data = encode(text)

    def ours() -> None:
        matcher.redact_text(text)

    def limit() -> None:
        automaton.find_matches_as_indexes(data, overlapping=True)

    mine, floor = paired(ours, limit, 9, warm=1)
    yield Row(f"redact 10 MB, 1 000 secrets ({len(labels)} forms)", mine, floor, "the automaton alone", 1.5)
    yield _prints()


def _prints() -> Row:
    env = {name: value for name, value in os.environ.items() if name != "CREDMAGIC_SOCKET"}

    def printing(how: str) -> float:
        done = subprocess.run(
            [sys.executable, "-c", PRINTS, how, LINE], env=env, capture_output=True, text=True, check=True
        )
        return float(done.stdout.split()[-1])

    pairs = [(printing("with"), printing("without")) for _ in range(9)]
    ours, limit = (statistics.median(times) for times in zip(*pairs, strict=True))
    return Row("10 MB of prints, 100 secrets registered", ours, limit, "without credmagic", 1.05)
