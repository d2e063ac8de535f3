"""Is a value masked in IPython in a terminal?"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from credmagic.redact import registry
from credmagic.redact.terminal import FilteredOutput

VALUE = "hunter2-Zß+/x"
SESSION = f"""
value = {VALUE.replace("2", "' + '2")!r}.replace("' + '", "")
from credmagic import redact; from credmagic.redact import registry
assert redact.install(get_ipython()) == "terminal"
registry.register("w", {{"p": value}})
value
print("printed", value)
print(value[:4], end=""); print(value[4:])
1 / len(value[:0]), value
{{}}[value]
print(value, end="")
redact.uninstall(get_ipython())
print("open again", value)
"""


def test_a_terminal_session_shows_masks_until_it_is_uninstalled(home: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        input=SESSION, text=True, capture_output=True, env={**os.environ, "TERM": "dumb"}, timeout=60, check=True,
    )  # fmt: skip
    masked, _, after = (ran.stdout + ran.stderr).partition("open again")

    assert VALUE not in masked
    assert VALUE in after
    assert "Out[5]: '[w.p]'" in masked
    assert "printed [w.p]" in masked
    assert "KeyError: '[w.p]'" in masked


@pytest.fixture
def screen() -> io.StringIO:
    registry.register("w", {"p": VALUE})
    return io.StringIO()


def test_pieces_are_put_together(screen: io.StringIO) -> None:
    output = FilteredOutput(screen)

    for letter in f"a {VALUE} b":
        assert output.write(letter) == 1
    output.release()

    assert screen.getvalue() == "a [w.p] b"


def test_a_prompt_without_a_line_end_appears_at_the_flush(screen: io.StringIO) -> None:
    output = FilteredOutput(screen)
    output.write("user: h")

    output.flush()

    assert screen.getvalue() == "user: h"


def test_it_answers_like_the_stream_it_stands_for(screen: io.StringIO) -> None:
    output = FilteredOutput(screen)

    assert output.isatty() is False
    assert output.writable() is True
    with pytest.raises(TypeError):
        output.write(b"bytes")  # type: ignore[arg-type]
    output.writelines(["x", VALUE])
    output.release()
    assert screen.getvalue() == "x[w.p]"
