"""How fast is credmagic beside what this machine cannot beat?  `python benchmarks/run.py [--large N] [--markdown FILE]`

Prints one table; each line is a ratio to a limit measured in the same run. Needs the `test` extra.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

import embedded
import kernel
import redaction
from timing import Row
from tqdm import tqdm

HEAD = ("path", "ours", "limit beside it", "ratio", "budget", "")


def main(argv: Sequence[str] | None = None) -> int:
    """Run all lines; exit 1 when a budget is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--large", type=int, default=100_000, help="size of the large store (100 000)")
    options.add_argument("--markdown", type=Path, help="write the table to this file too")
    options.add_argument("--only", choices=("embedded", "kernel", "redaction"), help="one part")
    given = options.parse_args(argv)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="cm-bench-") as name:
        work = Path(name)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # imports are measured as users have them: compiled
        os.environ.update(CREDMAGIC_HOME=str(work / "home"), CREDMAGIC_KEY_PROVIDER="key_file", CREDMAGIC_RATES="off")
        parts = {
            "embedded": lambda: embedded.rows(work, given.large),
            "kernel": lambda: kernel.rows(work),
            "redaction": lambda: redaction.rows(work),
        }
        for part, lines in parts.items():
            if given.only in (None, part):
                rows += tqdm(lines(), desc=part, unit="line")
    table = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    if given.markdown:
        given.markdown.write_text(markdown(table), encoding="utf-8")
    return 0 if all(row.ratio <= row.budget for row in rows) else 1


def markdown(table: Sequence[Sequence[str]]) -> str:
    """The table as a page, with the machine in words."""
    machine = f"{os.cpu_count()} cores, {platform.system()}, {platform.machine()}, Python {platform.python_version()}"
    lines = ["| " + " | ".join(line) + " |" for line in table]
    lines.insert(1, "|---|--:|--:|--:|--:|---|")
    intro = (
        "# Benchmarks\n\n`python benchmarks/run.py --markdown docs/benchmarks.md` made this page on a shared virtual "
        f"machine ({machine}). Every line is a ratio to a limit measured in the same run, in turn; absolute times are "
        "of that machine only.\n\n"
    )
    return intro + "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
