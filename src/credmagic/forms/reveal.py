"""What does the kernel do when a generated value is shown once in the browser, and what can it never see of it?

    browser → kernel   open {public_key}
    kernel → browser   revealed {public_key, reveal_id, ok, sealed | error}

The value travels sealed to a key that this one page made; the kernel relays it as a custom message, which Jupyter does
not store. The trait `phase` only remembers that it was shown, so that a reloaded page says so.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import anywidget
import traitlets

from credmagic.forms import bundle
from credmagic.forms.outcome import attempt

if TYPE_CHECKING:
    from credmagic.client.base import Client


class Reveal(anywidget.AnyWidget):
    """One value on the screen, once. Make it with `show`."""

    _esm = bundle.module(bundle.REVEAL)
    _css = bundle.style()

    title = traitlets.Unicode().tag(sync=True)
    phase = traitlets.Enum(["waiting", "shown"], default_value="waiting").tag(sync=True)

    def __init__(self, client: Client, reveal_id: str, title: str) -> None:
        self._client = client
        self._reveal_id = reveal_id
        super().__init__(title=title)
        self.on_msg(self._heard)

    @classmethod
    def show(cls, client: Client, view: Mapping[str, Any]) -> Self:
        """Show what an answer of `generate` offers."""
        from IPython.display import display

        widget = cls(client, view["reveal_id"], _title(view))
        bundles = widget._repr_mimebundle_()
        data = dict(bundles[0] if isinstance(bundles, tuple) else bundles or {})
        data["text/plain"] = f"{widget.title}: shown once in the browser of this notebook, never in its file."
        display(data, raw=True)  # type: ignore[no-untyped-call]
        return widget

    def _heard(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if content.get("type") == "open":
            threading.Thread(target=self._open, args=(content,), name="credmagic-reveal", daemon=True).start()

    def _open(self, content: Mapping[str, Any]) -> None:
        public_key = str(content.get("public_key", ""))
        reply = attempt(lambda: self._client.call("reveal", reveal_id=self._reveal_id, public_key=public_key))
        answer = {"type": "revealed", "public_key": public_key, "reveal_id": self._reveal_id, "ok": reply["ok"]}
        self.send({**answer, **(reply["view"] if reply["ok"] else {"error": reply["error"]})})
        if reply["ok"]:
            self.phase = "shown"


def _title(view: Mapping[str, Any]) -> str:
    version = f", version {view['version']}" if "version" in view else ""
    return f"New {view['generated']} of {view['name']}{version}"
