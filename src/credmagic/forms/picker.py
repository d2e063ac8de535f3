"""What does the kernel do for a picker?

    browser → kernel   hello · choose {id} · new
    kernel → browser   rows {ok, view: {rows, more} | error} · chosen {ok, view: {name, code, note} | error}

Names of credentials are sealed in the store, so they travel as messages and never as synchronised traits, which
a notebook may save. A choice is bound to the variable and becomes this notebook's default of its kind, so that
`%cred use --kind K` finds it again; where there is no notebook to remember it, the picker says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import anywidget
import ipywidgets
import traitlets

from credmagic.errors import CredmagicError
from credmagic.forms import bundle, code
from credmagic.forms.form import Form
from credmagic.forms.health import health
from credmagic.forms.outcome import attempt

if TYPE_CHECKING:
    from credmagic.client.base import Client

Bind = Callable[[str, str], object]
Message = Mapping[str, Any]


class Picker(anywidget.AnyWidget):
    """One picker on the screen. Make it with `show`."""

    _esm = bundle.module(bundle.PICKER)
    _css = bundle.style()

    title = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, client: Client, kinds: list[dict[str, Any]], kind: str | None, variable: str, bind: Bind | None
    ) -> None:
        self._client = client
        self._kinds = kinds  # what "New…" offers
        self._kind = kind
        self._variable = variable
        self._bind = bind
        self._chosen: dict[str, Any] | None = None
        super().__init__(title=f"Choose: {kinds[0]['title']}" if kind else "Choose a credential")
        self._box = ipywidgets.VBox([self])  # "New…" puts the form in the picker's place
        self.on_msg(self._heard)

    @classmethod
    def show(
        cls, client: Client, kinds: list[dict[str, Any]], kind: str | None, *, variable: str | None, bind: Bind | None
    ) -> Self:
        """Show the stored credentials (of `kind`); `bind(variable, id)` runs on a choice."""
        from IPython.display import display

        picker = cls(client, kinds, kind, variable or code.PICKED, bind)
        bundles = picker._box._repr_mimebundle_()
        data = dict(bundles[0] if isinstance(bundles, tuple) else bundles)
        data["text/plain"] = "Picker of credentials (needs a notebook that shows widgets). Otherwise: %cred list"
        display(data, raw=True)  # type: ignore[no-untyped-call]
        return picker

    def _heard(self, _widget: object, content: Message, _buffers: object) -> None:
        answer: Callable[[Message], None] | None = {
            "hello": self._hello, "choose": self._choose, "new": self._new,
        }.get(str(content.get("type")))  # fmt: skip
        if answer is not None:
            threading.Thread(target=answer, args=(content,), name="credmagic-picker", daemon=True).start()

    def _hello(self, _content: Message) -> None:
        if self._chosen is not None:
            self.send({"type": "chosen", "ok": True, "view": self._chosen})
        else:
            self.send({"type": "rows", **attempt(self._rows)})

    def _choose(self, content: Message) -> None:
        chosen = str(content.get("id", ""))
        self.send({"type": "chosen", **attempt(lambda: self._take(self._client.call("show", ref=chosen)))})

    def _new(self, _content: Message) -> None:
        form = Form(self._client, kinds=self._kinds, saved=self._take, variable=self._variable)
        self._box.children = (form,)

    def _rows(self) -> dict[str, Any]:
        overview = self._client.call("overview")
        views = [view for group in overview["groups"] for view in group["credentials"]]
        rows = [_row(view) for view in views if self._kind in (None, view["kind"])]
        rows.sort(key=lambda row: (not row["default"], row["name"].casefold()))
        return {"rows": rows, "more": overview["total"] > len(views)}

    def _take(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Bind and remember what was chosen; what the browser shows of it."""
        if self._bind is not None:
            self._bind(self._variable, view["id"])
        line = code.use_line(self._variable, view, code.remote_of(self._client))
        self._chosen = {"name": view["name"], "code": line, "note": self._remember(view["id"])}
        return self._chosen

    def _remember(self, ref: str) -> str:
        """Make it this notebook's default of its kind, keeping how it is injected; what to say about it."""
        try:
            notebook = self._client.call("status").get("notebook")
            if not notebook:
                return "Not remembered: this kernel belongs to no notebook that the server knows."
            attached = self._client.call("uses", ref=ref)["associations"]
            here = [one for one in attached if (one["object_type"], one["object_id"]) == ("notebook", notebook)]
            inject = here[0]["inject"] if here else ""
            self._client.call("attach", ref=ref, default=True, inject=inject)
        except CredmagicError as error:
            return f"Not remembered: {error.message}."
        return "Remembered as this notebook's default."


def _row(view: Mapping[str, Any]) -> dict[str, Any]:
    tone, words = health(view)
    return {
        "id": view["id"], "name": view["name"], "environment": view["environment"], "title": view["title"],
        "owner": view["owner"], "default": bool(view.get("default")), "tone": tone, "health": words,
    }  # fmt: skip
