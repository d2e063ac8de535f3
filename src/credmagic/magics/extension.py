"""What does `%load_ext credmagic` do, and how is it undone?

It must be cheap (10 ms): a thin magic is registered, and the command tree is imported when a line first needs it. The
plain `%cred use NAME` never does. Everything installed here leaves an undo behind; `unload` runs them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from weakref import WeakKeyDictionary

from IPython.core.magic import no_var_expand

from credmagic.client import token
from credmagic.magics import completion, history, injection, renewing

_PLAIN_USE = re.compile(r"\s*use\s+([A-Za-z][\w.-]*)(?:\s+as\s+([A-Za-z_]\w*))?\s*\Z")
_HELP = re.compile(r"^(\s*)(%%?cred(?:[ \t]+[a-z-]+)?)[ \t]*\?{1,2}\s*$")

_loaded: WeakKeyDictionary[Any, ExitStack] = WeakKeyDictionary()


def load(ip: Any) -> None:
    """Install the magic, masked output, a clean history, completion and late injection into `ip`, once."""
    if ip in _loaded:  # by the start-up file: a notebook's own %load_ext must not take variables back
        return
    token.take()
    undo = _loaded[ip] = ExitStack()
    _redact(ip, undo)
    if "CREDMAGIC_AUTH_SECRET" in os.environ:
        from credmagic import api  # for jobs that sign in elsewhere; no other load pays for it

        api.hide_access_key()
    shell = _Shell(ip)
    ip.register_magic_function(shell.magic(), "line_cell", "cred")
    undo.callback(_forget_magic, ip)
    undo.callback(shell.take_back)
    undo.callback(history.install(ip, shell.door))
    undo.callback(completion.install(ip, shell.door))
    undo.callback(injection.install(ip))
    undo.callback(renewing.install(ip))
    ip.input_transformers_cleanup.append(_help_line)
    undo.callback(ip.input_transformers_cleanup.remove, _help_line)
    undo.callback(_await_cells(ip))


def unload(ip: Any) -> None:
    """Take all of it back. Harmless when nothing is loaded."""
    undo = _loaded.pop(ip, None)
    if undo is not None:
        undo.close()


def _redact(ip: Any, undo: ExitStack) -> None:
    """Mask output: where it leaves the kernel, or in a terminal at the display hook and `sys.stdout`."""
    from credmagic import redact

    redact.install(ip)
    undo.callback(redact.uninstall, ip)


class _Shell:
    """One IPython shell: its door, opened when first needed, and its magic."""

    def __init__(self, ip: Any) -> None:
        self._ip = ip
        self._door: Any = None

    def door(self) -> Any:
        """The door, importing the command tree's light half."""
        if self._door is None:
            from credmagic.magics.door import NotebookDoor

            self._door = NotebookDoor(self._ip)
        return self._door

    def magic(self) -> Any:
        """The function behind `%cred` and `%%cred`."""
        ip, door = self._ip, self.door

        @no_var_expand
        def cred(line: str, cell: str | None = None) -> Any:
            """Typed credentials: made in a form, used in a cell, never in the file.

            %cred                              what there is, with health and expiry
            %cred new KIND NAME                make one in a form
            x = %cred use NAME                 hand it over; `as VAR` binds it, `--export` sets variables
            %%cred use NAME [--export]         for one cell only
            %cred --help, %cred VERB --help    all verbs; one verb in full
            """
            __tracebackhide__ = True
            plain = _PLAIN_USE.match(line) if cell is None else None
            if plain is not None:
                return _use(ip, plain[1], plain[2])
            from credmagic.magics import front

            return front.run(ip, door(), line, cell)

        return cred

    def take_back(self) -> None:
        """Unset what `--export` set."""
        from credmagic.magics import handing

        handing.take_back()


def _use(ip: Any, name: str, variable: str | None) -> Any:
    from credmagic.magics import handing

    __tracebackhide__ = True
    credential = handing.hand_over(name)
    if variable:
        handing.bind(ip.user_ns, credential, variable)
    return credential


def _await_cells(ip: Any) -> Callable[[], None]:
    """Put `await` before the call of `%%cred use` for a cell that awaits; the function that stops it."""

    def transformed(lines: list[str]) -> list[str]:
        if not ip.autoawait or not lines or lines[0].split()[:2] != ["%%cred", "use"]:
            return lines
        body = "".join(lines[1:])
        if "await" not in body and "async" not in body:
            return lines
        from IPython.core.inputtransformer2 import cell_magic

        from credmagic.magics.cell import awaits

        if not awaits(ip, body):
            return lines
        return ["await " + "".join(cell_magic(lines))]  # type: ignore[no-untyped-call]

    transformed.has_side_effects = True  # type: ignore[attr-defined]  # not to ask whether a line more is to come
    ip.input_transformers_cleanup.append(transformed)
    return lambda: ip.input_transformers_cleanup.remove(transformed)


def _forget_magic(ip: Any) -> None:
    for kind in ("line", "cell"):
        ip.magics_manager.magics[kind].pop("cred", None)


def _help_line(lines: list[str]) -> list[str]:
    """`%cred use?` asks for the help of the verb; IPython alone would look for an object called `use`."""
    return [_HELP.sub(r"\1\2 --help\n", line) if "cred" in line and "?" in line else line for line in lines]
