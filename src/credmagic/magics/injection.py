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

    def before_first_cell(*_: object) -> None:
        ip.events.unregister("pre_run_cell", before_first_cell)
        try:
            _inject()
        except Exception as error:  # a cell must run even if the vault is away
            print(f"credmagic: attached credentials were not injected ({_first_line(error)})", file=sys.stderr)

    waits = bool(token.current() and os.environ.get("CREDMAGIC_SOCKET"))
    if waits:
        ip.events.register("pre_run_cell", before_first_cell)

    def uninstall() -> None:
        if waits and before_first_cell in ip.events.callbacks["pre_run_cell"]:
            ip.events.unregister("pre_run_cell", before_first_cell)

    return uninstall


def _inject() -> None:
    from credmagic import api

    answer = api.client().call("injections")
    for item in answer.get("refused", ()):
        print(f"credmagic: not injected: {item['error']['message']}", file=sys.stderr)
    if not answer["injections"]:
        return
    from credmagic.errors import CredmagicError
    from credmagic.magics import handing
    from credmagic.plugins import Registry

    ways: Registry[Any] = Registry("credmagic.injectors")
    for item in answer["injections"]:
        injector = ways.get(item["inject"])()
        credential = api.hand_over(item["resolved"])
        try:
            injector.apply(credential, **injector.asks(api.client().call, credential))
        except CredmagicError as error:  # one that does not fit keeps no other back
            print(f"credmagic: not injected: {error.message}", file=sys.stderr)
            continue
        handing.keep(item["inject"], credential, injector)


def _first_line(error: Exception) -> str:
    from credmagic.errors import CredmagicError

    return error.message if isinstance(error, CredmagicError) else type(error).__name__
