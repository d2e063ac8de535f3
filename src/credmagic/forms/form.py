"""What does the kernel do for a form, and what can it never see of it?

The kernel draws nothing and reads nothing that is typed: it hands the kind's description to the browser,
fetches a single-use key when Verify or Save is pressed, and relays what the browser sealed to that key.

    browser → kernel   hello · begin {seq, kind} · submit {seq, purpose, entry_id, sealed} · cancel · login {…}
    kernel → browser   state {phase, view?, code?, signing} · entry {seq, entry_id, public_key} ·
                       result {seq, ok, view | error, code?} · login {…}   (once it is saved: signing_in.py)

All of these are custom messages: Jupyter does not store them, repeat them to other clients or log them. The
synchronised traits are public by construction: descriptions of kinds, and what the cell itself said.
Every message is answered from a thread of its own, so that a slow check does not block the kernel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import anywidget
import traitlets

from credmagic.forms import bundle, code, names, opened
from credmagic.forms.outcome import attempt
from credmagic.forms.signing_in import SigningIn

if TYPE_CHECKING:
    from credmagic.client.base import Client

Message = Mapping[str, Any]


class Form(anywidget.AnyWidget):
    """One form on the screen. Make it with `show_new` or `show_edit`."""

    _esm = bundle.module(bundle.FORM)
    _css = bundle.style()

    kinds: Any = traitlets.List().tag(sync=True)
    mode = traitlets.Enum(["new", "edit"], default_value="new").tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    environment = traitlets.Unicode().tag(sync=True)
    team = traitlets.Bool().tag(sync=True)
    proposed: Any = traitlets.Dict().tag(sync=True)  # kind → what it will be called without a name
    prompt = traitlets.Unicode().tag(sync=True)
    phase = traitlets.Enum(["open", "saved", "cancelled"], default_value="open").tag(sync=True)

    def __init__(
        self,
        client: Client,
        view: dict[str, Any] | None = None,
        *,
        saved: Callable[[dict[str, Any]], object] | None = None,
        variable: str = "",
        **traits: Any,
    ) -> None:
        self._client = client
        self._saved = saved
        self._variable = variable
        self._view = view  # edit: what is stored; after Save: what was stored. Public, but not for the file
        self._signing_in: SigningIn | None = None
        self._by_name = {str(kind["kind"]): kind for kind in traits["kinds"]}
        if traits.get("mode") != "edit" and not traits.get("name"):
            traits["proposed"] = names.proposed(client, traits["kinds"], traits.get("environment", ""))
        only = traits["kinds"][0] if len(traits["kinds"]) == 1 else None
        super().__init__(prompt=code.prompt_line(only, traits.get("name", ""), code.remote_of(client)), **traits)
        self.on_msg(self._heard)

    @classmethod
    def show_new(cls, client: Client, kinds: list[dict[str, Any]], name: str, *, environment: str, team: bool) -> Self:
        """Show an empty form; with several `kinds` the person chooses one first."""
        form = cls(client, kinds=kinds, name=name, environment=environment, team=team)
        return form._shown(name)

    @classmethod
    def show_edit(cls, client: Client, kind: dict[str, Any], view: dict[str, Any]) -> Self:
        """Show a form that holds the public fields of `view`."""
        return cls(client, view, kinds=[kind], mode="edit")._shown("")

    def _shown(self, name: str) -> Self:
        from IPython.display import display

        opened.add(name, self)
        display(self)  # type: ignore[no-untyped-call]
        return self

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundles = super()._repr_mimebundle_(**options)
        data = bundles[0] if isinstance(bundles, tuple) else bundles
        if data is not None:
            data["text/plain"] = self._in_words()
        return bundles

    def _in_words(self) -> str:
        what = "Form to edit a credential" if self.mode == "edit" else "Form for a new credential"
        return f"{what} (needs a notebook that shows widgets). Otherwise: {self.prompt}"

    def _heard(self, _widget: object, content: Message, _buffers: object) -> None:
        answer: Callable[[Message], None] | None = {
            "hello": self._hello, "begin": self._begin, "submit": self._submit, "cancel": self._cancel,
            "login": self._login,
        }.get(str(content.get("type")))  # fmt: skip
        if answer is not None:
            threading.Thread(target=answer, args=(content,), name="credmagic-form", daemon=True).start()

    def _hello(self, _content: Message) -> None:
        state: dict[str, Any] = {"type": "state", "phase": self.phase, "view": self._view}
        if self.phase == "saved" and self._view is not None:
            state["code"] = self._code(self._view)
            state["signing"] = self._signing_in is not None
        self.send(state)

    def _begin(self, content: Message) -> None:
        ref = self._view["id"] if self.mode == "edit" and self._view else None
        environment = self._view["environment"] if self.mode == "edit" and self._view else None
        kind = str(content.get("kind", ""))
        reply = attempt(lambda: self._client.begin_entry(kind, ref, environment))
        kept = {"type": "entry", **reply["view"]} if reply["ok"] else {"type": "result", **reply}
        self.send({**kept, "seq": content.get("seq")})

    def _submit(self, content: Message) -> None:
        purpose = str(content.get("purpose"))
        entry_id, sealed = str(content.get("entry_id", "")), str(content.get("sealed", ""))
        reply = attempt(lambda: self._client.submit_entry(entry_id, purpose, sealed))
        if reply["ok"] and purpose == "save":
            self._view = reply["view"]
            reply["code"] = self._code(reply["view"])
            self._end("saved")
            if self._saved is not None:
                self._saved(reply["view"])
        self.send({"type": "result", "seq": content.get("seq"), **reply})

    def _cancel(self, _content: Message) -> None:
        if self.phase == "open":
            self._end("cancelled")

    def _login(self, content: Message) -> None:
        """Sign in for what was saved."""
        if self.phase != "saved" or self._view is None:
            return
        if self._signing_in is None:
            ref, environment = self._view["id"], self._view["environment"]
            self._signing_in = SigningIn(self._client, ref, environment, lambda reply: self.send(dict(reply)))
        self._signing_in.heard(content)

    def _end(self, phase: str) -> None:
        opened.discard(self)
        with self.hold_sync():
            self.phase = phase
            self.kinds, self.proposed = [], {}

    def _code(self, view: Mapping[str, Any]) -> str:
        kind = self._by_name.get(str(view["kind"]), {"kind": view["kind"]})
        return code.use_line(self._variable or code.variable_for(kind), view, code.remote_of(self._client))
