"""Where may a value be shown that was just made? In a new private file, or once on a terminal; never in an output cell.

The place is made sure of before anything changes, so that no credential gets a value that nobody could see.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from credmagic.cli.usage import UsageError

Show = Callable[[Mapping[str, Any]], str]
"""Shows what an answer of `generate` speaks of; returns what is said of the place (`in FILE`)."""


@contextmanager
def in_file(out: str, value_of: Callable[[Mapping[str, Any]], str]) -> Iterator[Show]:
    """A new file, 0600, made at once; it goes again when nothing was written. Raises `UsageError`."""
    path = Path(out).expanduser()
    try:
        descriptor: int | None = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        problem = ""
    except OSError as error:
        descriptor, problem = None, error.strerror or "refused"
    if descriptor is None:
        raise UsageError(f"--out: cannot make the file ({problem})", next_step="Name a file that is not there yet.")
    written = False

    def show(view: Mapping[str, Any]) -> str:
        nonlocal written
        file.write(value_of(view).encode())
        file.flush()
        os.fsync(file.fileno())
        written = True
        return f"in {path}"

    with os.fdopen(descriptor, "wb") as file:
        try:
            yield show
        finally:
            if not written:
                with suppress(OSError):
                    path.unlink()


@contextmanager
def on_terminal(value_of: Callable[[Mapping[str, Any]], str]) -> Iterator[Show]:
    """The terminal this command stands on. Raises `UsageError` for a pipe or a file."""
    if not sys.stdout.isatty():
        raise UsageError(
            "a generated value is shown on a terminal only, never into a pipe or an output cell",
            next_step="Write it to a private file: --out FILE",
        )

    def show(view: Mapping[str, Any]) -> str:
        print(str.__str__(value_of(view)))
        return "shown above and never again"

    yield show


@contextmanager
def in_data() -> Iterator[Show]:
    """In what `--json` prints, also into a pipe. Raises `UsageError` where that ends in the output of a cell."""
    if "JPY_PARENT_PID" in os.environ and not sys.stdout.isatty():  # started by a kernel: `!credmagic …`
        raise UsageError(
            "a generated value is never printed into an output cell",
            next_step="Use the magic, without the `!`; or write it to a private file: --out FILE",
        )
    yield lambda view: "in the data"
