"""What can a command do that came through `%cred`? Display, bind variables, expand `$name`, rewrite its cell."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError
from credmagic.errors import InvalidCredential
from credmagic.magics import handing, renewing
from credmagic.values import SecretStr

if TYPE_CHECKING:
    from credmagic.cli.inline import Finding
    from credmagic.cli.pages import Page
    from credmagic.cli.showing import Show
    from credmagic.client.base import Client
    from credmagic.client.credential import Credential

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))\Z")
_PATIENCE = 0.2
"""How long the Tab key may wait for the vault (seconds)."""


class Json(dict[str, Any]):
    """What `--json` returns in a notebook: the data itself, shown as JSON."""

    def __repr__(self) -> str:
        from credmagic.cli.tables import json_text

        return json_text(dict(self))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


class NotebookDoor(Door):
    """The door of one IPython shell."""

    prog = "%cred"
    in_shell = False

    def __init__(self, ip: Any, client: Client | None = None) -> None:
        super().__init__(client)
        self.ip = ip

    @property
    def bind(self) -> Callable[[str, str], object] | None:
        """Binds a choice to a variable of the user's."""
        return self._bind

    def show(self, page: Page, *, as_json: bool = False) -> Any:
        """Display the page; with `as_json` return its data, so that `x = %cred list --json` works."""
        if as_json:
            return Json(page.data)
        from IPython.display import display

        from credmagic.magics.display import Shown

        display(Shown(self._signed(page)))  # type: ignore[no-untyped-call]
        return None

    def use(self, name: str | None, variable: str | None, **how: Any) -> Any:
        """Hand the credential over: as the value of the expression, as a variable, as environment variables."""
        prefix, export, wxo = how.pop("prefix"), how.pop("export"), how.pop("wxo", False)
        sdk = how.pop("sdk", False)
        credential = self._resolved(name, **how)
        if variable:
            handing.bind(self.ip.user_ns, credential, variable)
        if export:
            names = " ".join(handing.export(credential, prefix))
            self.say(f"✓ set until the kernel ends: {names}{renewing.note(credential)}")
        if wxo:
            names = " ".join(handing.inject("wxo", credential))
            self.say(f"✓ set until the kernel ends: {names}{renewing.note(credential)}")
        if sdk:
            names = " ".join(handing.inject("sdk", credential))
            self.say(f"✓ set until the kernel ends, renewed by the SDK itself: {names}{handing.good_until(credential)}")
        return credential

    def _bind(self, variable: str, ref: str) -> None:
        handing.bind(self.ip.user_ns, self._resolved(ref), variable)

    def _resolved(self, name: str | None, **how: Any) -> Credential:
        if self._client is None:
            return handing.hand_over(name, remote=self.remote, **how)
        return handing.hand_over(name, self.hand_over, **how)

    def showing(self, out: str | None) -> AbstractContextManager[Show]:
        """A private file, or a widget whose browser alone can open the value. Raises `UsageError` without widgets."""
        from credmagic import forms

        if out:
            return super().showing(out)
        if not forms.has_widgets():
            raise UsageError(
                "a generated value is shown in a browser or on a terminal, never in an output",
                next_step="Write it to a private file: --out FILE",
            )
        return forms.revealing(self.client)

    def _no_bar(self) -> bool:
        return False

    def picture(self, mime: str, source: str, words: str) -> Any:
        """The picture, drawn by a front end that knows its kind; its words elsewhere."""
        from IPython.display import display

        display({mime: source, "text/plain": words}, raw=True)  # type: ignore[no-untyped-call]

    def reload(self) -> Any:
        """Refresh the variables of everything that is injected into this kernel."""
        lines = handing.reload()
        for line in lines or ["Nothing is injected into this kernel."]:
            self.say(line)

    def will_ask(self, instead: str) -> None:
        """A notebook has a form, and a kernel without one the prompts of its front end."""

    def enter(self, environment: str) -> None:
        """Make `environment` the active one of this kernel and of what it starts."""
        os.environ["CREDMAGIC_ENVIRONMENT"] = environment

    def lead(self, remote: str) -> None:
        """Look names up on the server called `remote`, in this kernel and in what it starts; "" for this server."""
        if remote:
            os.environ["CREDMAGIC_REMOTE"] = remote
        else:
            os.environ.pop("CREDMAGIC_REMOTE", None)

    def expand(self, text: str) -> str:
        """`$name` as that variable's value. Raises `UsageError` (there is none), `InvalidCredential` (a secret)."""
        match = _VARIABLE.match(text)
        if match is None:
            return text
        name = match[1] or match[2]
        value = self._variable(name)
        if isinstance(value, SecretStr):
            raise InvalidCredential(
                f"${name} is a secret and would become public here",
                next_step=f"Hand it over as one: --secret FIELD=var:{name}",
            )
        return str(value)

    def variable(self, name: str) -> Any:
        """The value behind `var:NAME`: text, or a mapping for a field that holds one. Raises `UsageError`."""
        value = self._variable(name)
        if isinstance(value, (str, dict, list)):
            return value
        raise UsageError(f"the variable {name} is neither text nor a mapping", next_step=f"Check it: type({name})")

    def _variable(self, name: str) -> Any:
        if name in self.ip.user_ns:
            return self.ip.user_ns[name]
        raise UsageError(f"there is no variable {name}", next_step="Run the cell that defines it first.")

    def refuse(self, words: Sequence[str], finding: Finding) -> None:
        """A value got as far as the magic: the cell that loaded the extension, or a call from code."""
        from credmagic.magics import history
        from credmagic.magics.words import quoted

        history.scrub(self.ip, self, {words[index]: safe for index, safe in finding.instead.items()})
        self.refused(finding.safe(words, quoted))

    def refused(self, safe: str) -> None:
        """Say what was refused and how to write it; put the safe form into the cell, where the front end can.

        It returns: a front end only rewrites the cell of a command that did not raise.
        """
        from credmagic.cli import inline
        from credmagic.magics import history

        rewritten = history.latest(self.ip)
        if rewritten:
            self.ip.set_next_input(rewritten, replace=True)
        aftermath = "It was taken out of the history and of this cell; if others saw it, change it."
        print("\n".join(inline.refusal(self.prog, safe, aftermath).lines()), file=sys.stderr)

    def names(self) -> list[dict[str, Any]]:
        """As the shell's, but the Tab key does not wait for a slow vault: then what was known last."""
        worker = threading.Thread(target=self._fetch_names, daemon=True)
        worker.start()
        worker.join(_PATIENCE)
        return self._names
