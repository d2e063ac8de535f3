"""Do README's commands stand there exactly, and does its shell session run?"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PROMISE = (
    "On a laptop credmagic protects against a stolen disk, other users of the machine, backups, commits and "
    "accidents. It does not protect against code that runs as you: a notebook cell, a package you installed, or "
    "script in a notebook you trust can get what you can get."
)


@pytest.mark.parametrize(
    "line", ['pip install ".[lab]" && credmagic demo', 'pip install -e ".[test]" && python -m pytest -n auto --dist loadfile', PROMISE]
)
def test_what_others_rely_on_stands_on_a_line_of_its_own(line: str) -> None:
    assert README.splitlines().count(line) == 1


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX")
def test_the_shell_session_runs(home: Path, tmp_path: Path, canary: str) -> None:
    session = next(block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "credmagic add" in block)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = pexpect.spawn(
        "bash", ["-euc", session], env=os.environ | {"PATH": path}, cwd=str(tmp_path), encoding="utf-8", timeout=60
    )
    shell.expect("assword.*:")
    shell.sendline(canary)
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0, shell.before
    assert "shop" in shell.before
    assert "ada" in shell.before.splitlines()
    assert "[shop.password]" in shell.before
    assert canary not in shell.before
