"""How is a login shown in a notebook? As a widget whose page opens the provider and says how it stands.

What the two halves say to each other stands in `signing_in.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import anywidget
import traitlets

from credmagic.errors import word
from credmagic.forms import bundle, code
from credmagic.forms.signing_in import SigningIn

if TYPE_CHECKING:
    from credmagic.client.base import Client


class Login(anywidget.AnyWidget):
    """One login on the screen. Make it with `show`."""

    _esm = bundle.module(bundle.LOGIN)
    _css = bundle.style()

    phase = traitlets.Enum(["open", "done", "failed", "cancelled"], default_value="open").tag(sync=True)

    def __init__(self, client: Client, ref: str, environment: str | None, **how: Any) -> None:
        super().__init__()
        self._ref, self._nick = ref, code.remote_of(client)
        self._signing_in = SigningIn(client, ref, environment, self._tell, ended=self._end, **how)
        self.on_msg(self._heard)

    @classmethod
    def show(cls, client: Client, ref: str, environment: str | None, **how: Any) -> Self:
        """Show it; the login begins when a page draws it. `how` are further arguments of `SigningIn`."""
        from IPython.display import display

        login = cls(client, ref, environment, **how)
        display(login)  # type: ignore[no-untyped-call]
        return login

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundles = super()._repr_mimebundle_(**options)
        data = bundles[0] if isinstance(bundles, tuple) else bundles
        if data is not None:
            data["text/plain"] = self._in_words()
        return bundles

    def _in_words(self) -> str:
        remote = f"--remote {word(self._nick)} " if self._nick else ""
        instead = f"%cred {remote}login {word(self._ref)} --paste"
        return f"Sign-in (needs a notebook that shows widgets). Otherwise: {instead}"

    def _heard(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if content.get("type") == "login":
            threading.Thread(target=self._login, args=(content,), name="credmagic-login", daemon=True).start()

    def _login(self, content: Mapping[str, Any]) -> None:
        self._signing_in.heard(content)

    def _tell(self, content: Mapping[str, Any]) -> None:
        self.send(dict(content))

    def _end(self, state: str) -> None:
        self.phase = state
