"""How do credentials that are attached to a notebook with `--inject` reach its kernel?

Late: not in the process's first environment, where everyone of this user could read them for its whole life, but
before the first cell runs. Only in kernels that a credmagic server started.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from credmagic.client import token


def install(ip: Any) -> Callable[[], None]:
    """Inject before the first cell; the function that takes it all back."""
    injectors: list[Any] = []

    def before_first_cell(*_: object) -> None:
        ip.events.unregister("pre_run_cell", before_first_cell)
        try:
            _inject(injectors)
        except Exception as error:  # a cell must run even if the vault is away
            print(f"credmagic: attached credentials were not injected ({_first_line(error)})", file=sys.stderr)

    waits = bool(token.current() and os.environ.get("CREDMAGIC_SOCKET"))
    if waits:
        ip.events.register("pre_run_cell", before_first_cell)

    def uninstall() -> None:
        if waits and before_first_cell in ip.events.callbacks["pre_run_cell"]:
            ip.events.unregister("pre_run_cell", before_first_cell)
        while injectors:
            injectors.pop().take_back()

    return uninstall


def _inject(injectors: list[Any]) -> None:
    from credmagic import api

    asked = api.client().call("injections")["injections"]
    if not asked:
        return
    from credmagic.plugins import Registry

    ways: Registry[Any] = Registry("credmagic.injectors")
    for item in asked:
        injector = ways.get(item["inject"])()
        injectors.append(injector)
        injector.apply(api.hand_over(item["resolved"]))


def _first_line(error: Exception) -> str:
    from credmagic.errors import CredmagicError

    return error.message if isinstance(error, CredmagicError) else type(error).__name__
