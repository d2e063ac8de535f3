"""From when on is the output of an IPython kernel masked?

From the first value on: until then there is nothing to look for, and loading the extension costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from credmagic.redact import registry

_installed: dict[int, Callable[[], None]] = {}


def install(ip: Any) -> None:
    """Mask what the kernel of this shell sends, once there is something to mask. Twice is harmless."""
    kernel = ip.kernel
    key = id(kernel.session)
    if key in _installed:
        return

    def start() -> None:
        from credmagic.redact.kernel_filter import KernelFilter  # not needed before the first value

        _installed[key] = KernelFilter(kernel).remove

    _installed[key] = lambda: registry.forget_start(start)
    registry.at_first_value(start)


def uninstall(ip: Any) -> None:
    """Let the kernel send as before. Harmless when not installed."""
    remove = _installed.pop(id(ip.kernel.session), None)
    if remove is not None:
        remove()
