"""What a machine can check without running anything: imports point down, types hold, style is one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_imports_point_down():
    """The contracts stand in pyproject.toml; docs/architecture.md draws them."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]


def test_style_is_one():
    run("ruff", "check", "src", "tests", "benchmarks")


@pytest.mark.slow
def test_types_hold_in_strict_mode():
    run("mypy")
