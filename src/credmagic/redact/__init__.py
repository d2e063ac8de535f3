"""Values handed out in this process are masked wherever it shows something.

`install(ip)` picks the filter for the shell at hand. Nothing heavy is imported before the first value is registered.
"""

from __future__ import annotations

from typing import Any


def install(ip: Any) -> str:
    """Start masking the output of this shell; returns what is covered: `"kernel"` or `"terminal"`."""
    return _door(ip, "install")


def uninstall(ip: Any) -> str:
    """Stop masking. Harmless when not installed."""
    return _door(ip, "uninstall")


def _door(ip: Any, verb: str) -> str:
    # Imported here: a shell needs one of the two, a plain script neither.
    if getattr(ip, "kernel", None) is not None:
        from credmagic.redact import kernel

        getattr(kernel, verb)(ip)
        return "kernel"
    from credmagic.redact import terminal

    getattr(terminal, verb)(ip)
    return "terminal"
