"""How does a person give a credential to the vault: a form, or prompts where there are no widgets?

    forms.new(client, kind, name, *, environment="", team=False)   a form for a new credential; returns at once
    forms.edit(client, ref, *, environment=None)                   the same form, filled with the public fields
    forms.select(client, kind, *, variable=None, bind=None)        a picker; `bind(variable, ref)` runs on a choice
    forms.sign_in(client, ref, environment=None, …)                a sign-in that goes on by itself; returns at once
    forms.revealing(client)                                        shows a generated value once: `with … as show`
    forms.open_forms() -> set[str]                                 names whose form is open and not yet saved

`client` is a `credmagic.client.base.Client`. With widgets, each call shows its widget and returns None; what
happens next comes as widget messages. In a terminal the same fields are prompted for and the call returns the
saved view (`None` when nothing was saved). Widgets are imported with the first form, not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from credmagic.forms import opened

if TYPE_CHECKING:
    from credmagic.client.base import Client

__all__ = ["edit", "new", "open_forms", "revealing", "select", "sign_in"]

Bind = Callable[[str, str], object]
"""Called with the variable's name and the id of the chosen credential."""


def new(
    client: Client, kind: str | None = None, name: str | None = None, *, environment: str = "", team: bool = False
) -> dict[str, Any] | None:
    """Ask for a new credential. Without `kind` the person chooses one first. Raises `UnknownKind`."""
    kinds = _kinds(client, kind)
    if not has_widgets():
        from credmagic.forms import prompts

        return prompts.new(client, kinds, name, environment=environment, team=team)
    from credmagic.forms.form import Form

    Form.show_new(client, kinds, name or "", environment=environment, team=team)
    return None


def edit(client: Client, ref: str, *, environment: str | None = None) -> dict[str, Any] | None:
    """Ask for changes of a stored credential; stored secrets are never shown. Raises `CredentialNotFound`."""
    view = client.call("show", ref=ref, environment=environment)
    kinds = _kinds(client, str(view["kind"]))
    if not has_widgets():
        from credmagic.forms import prompts

        return prompts.edit(client, kinds[0], view)
    from credmagic.forms.form import Form

    Form.show_edit(client, kinds[0], view)
    return None


def select(
    client: Client, kind: str | None = None, *, variable: str | None = None, bind: Bind | None = None
) -> dict[str, Any] | None:
    """Let the person choose among the stored credentials (of `kind`). Raises `UnknownKind`."""
    kinds = _kinds(client, kind)
    kind = str(kinds[0]["kind"]) if kind is not None else None
    if not has_widgets():
        from credmagic.forms import prompts

        return prompts.select(client, kind, variable=variable, bind=bind)
    from credmagic.forms.picker import Picker

    Picker.show(client, kinds, kind, variable=variable, bind=bind)
    return None


def sign_in(
    client: Client, ref: str, environment: str | None = None, *, how: str = "", idp: bool = False,
    redirect_uri: str | None = None,
) -> None:  # fmt: skip
    """Show what somebody needs to sign in for `ref`, and how it stands. Needs widgets (see `has_widgets`).

    `how` is `code` or `device`, else what the credential offers; `idp` signs in at its connection's identity provider;
    `redirect_uri` takes the place of the address under which the page's browser knows this server.
    """
    from credmagic.forms.login import Login

    Login.show(client, ref, environment, how=how, idp=idp, redirect_uri=redirect_uri)


@contextmanager
def revealing(client: Client) -> Iterator[Callable[[Mapping[str, Any]], str]]:
    """Shows what an answer of `generate` offers in a widget whose browser alone can open it."""
    from credmagic.forms.reveal import Reveal

    def show(view: Mapping[str, Any]) -> str:
        Reveal.show(client, view)
        return "shown above, once"

    yield show


def open_forms() -> set[str]:
    """Names of the forms shown in this kernel that were neither saved nor cancelled."""
    return opened.names()


def has_widgets() -> bool:
    """True in a kernel: something at the other end can draw a widget and send messages back."""
    import sys

    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return getattr(shell, "kernel", None) is not None


def _kinds(client: Client, kind: str | None) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = client.call("kinds", kind=kind)["kinds"]
    return described
