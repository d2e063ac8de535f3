"""How do variables that hold a short-lived token stay good from cell to cell?

Before each cell what is about to end is fetched anew and set again. While a cell runs nobody can do that: a variable is
only text, so a loop reads `cred.token` instead. What cannot be renewed is said once, and the cell runs all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_said: set[tuple[str, str]] = set()
"""(credential id, what was said): until it works again."""


def install(ip: Any) -> Callable[[], None]:
    """Renew before each cell; the function that stops it."""
    ip.events.register("pre_run_cell", before_cell)

    def uninstall() -> None:
        if before_cell in ip.events.callbacks["pre_run_cell"]:
            ip.events.unregister("pre_run_cell", before_cell)

    return uninstall


def before_cell(*_: object) -> None:
    """Set again what ends within a minute. Never raises."""
    handing = sys.modules.get("credmagic.magics.handing")
    for key, held in list(handing.held().items()) if handing else ():
        if held.credential.is_short_lived and not held.injector.renews:
            _renew(handing, key, held)


def _renew(handing: Any, key: tuple[str, str], held: Any) -> None:
    from credmagic.errors import CredmagicError

    credential = held.credential
    try:
        credential.keep_fresh()
        if credential.expires_at != held.ends:
            handing.apply_again(key, held)
    except CredmagicError as error:
        said = (credential.id, error.message)
        if said not in _said:
            _said.add(said)
            step = f" {error.next_step}" if error.next_step else ""
            print(f"▲ {error.message}; its variables keep the old token.{step}", file=sys.stderr)
    else:
        _said.difference_update({said for said in _said if said[0] == credential.id})


def note(credential: Any) -> str:
    """What to say of variables that hold a short-lived token: when it ends, and what keeps it fresh. Else empty."""
    if not credential.is_short_lived or credential.expires_at is None:
        return ""
    from datetime import datetime

    ends = datetime.fromisoformat(credential.expires_at).astimezone()
    return f" (the token ends {ends:%Y-%m-%d %H:%M}; it is renewed before each cell, inside a long one read cred.token)"
