"""What does the kernel do while somebody signs in, and what can it never see of it?

    browser → kernel   login {do: "open", callback?} · {do: "again", callback?} · {do: "check"} · {do: "paste", answer}
                       · {do: "stop"}
    kernel → browser   login {do, ok, view | error}; view: state (waiting, done, failed, cancelled) and what to show

The vault keeps the login's secrets and takes the answer from its own callback; here only what the person is shown goes
through, in custom messages, which Jupyter does not store. The page says under which address its own browser knows this
server (`callback`), since behind proxies nobody else can tell. The vault is asked when the page asks, never from here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from credmagic.forms import code
from credmagic.forms.outcome import attempt

if TYPE_CHECKING:
    from credmagic.client.base import Client
    from credmagic.forms.loopback import Loopback

Message = Mapping[str, Any]


class SigningIn:
    """One login as a page shows it. `send` gets the messages to the browser, `ended` its last state."""

    def __init__(
        self, client: Client, ref: str, environment: str | None, send: Callable[[Message], object], *,
        ended: Callable[[str], object] = lambda state: None, how: str = "", idp: bool = False,
        redirect_uri: str | None = None,
    ) -> None:  # fmt: skip
        self._client = client
        self._asked = {"ref": ref, "environment": environment, "how": how or None, "idp": idp or None}
        self._redirect_uri = redirect_uri
        self._send = send
        self._ended = ended
        self._lock = threading.Lock()
        self._begun: dict[str, Any] | None = None
        self._last: dict[str, Any] | None = None
        self._loopback: Loopback | None = None

    def heard(self, content: Message) -> None:
        """Answer one message of the page. Never raises."""
        do = str(content.get("do"))
        work: Callable[[], dict[str, Any]] | None = {
            "open": lambda: self._open(content),
            "again": lambda: self._again(content),
            "check": self._check,
            "paste": lambda: self._paste(str(content.get("answer", ""))),
            "stop": self._stop,
        }.get(do)
        if work is not None:
            with self._lock:
                reply = attempt(work)
            self._send({"type": "login", "do": do, **reply})

    # ── what the page asks for ───────────────────────────────────────────────────────────────────────────
    def _open(self, content: Message) -> dict[str, Any]:
        """Begin, or say how it stands to a page that was loaded again."""
        if self._last is not None:
            return self._last
        if self._begun is not None:
            return self._check()
        try:
            self._begun = self._client.call("login_begin", **self._address(content), **_given(self._asked))
        finally:
            if "authorization_url" not in (self._begun or {}):
                self._hang_up()
        shown = self._waiting(self._begun)
        if self._loopback is not None:
            login_id = self._begun["login_id"]
            self._loopback.wait_for(
                self._begun["authorization_url"],
                lambda query: self._client.call("login_finish", login_id=login_id, answer=query),
                shown["left"],
            )
        return shown

    def _again(self, content: Message) -> dict[str, Any]:
        self._begun = self._last = None
        return self._open(content)

    def _check(self) -> dict[str, Any]:
        if self._last is not None or self._begun is None:
            return self._last or {"state": "cancelled"}
        return self._standing(self._client.call("login_check", login_id=self._begun["login_id"]))

    def _paste(self, answer: str) -> dict[str, Any]:
        if self._begun is None:
            return {"state": "cancelled"}
        return self._standing(self._client.call("login_finish", login_id=self._begun["login_id"], answer=answer))

    def _stop(self) -> dict[str, Any]:
        begun, stopped = self._begun, self._last or self._over({"state": "cancelled"})
        if begun is not None and stopped["state"] == "cancelled":
            attempt(lambda: self._client.call("login_cancel", login_id=begun["login_id"]))
        return stopped

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────
    def _address(self, content: Message) -> dict[str, str]:
        """Where the browser comes back to: as was asked for, a port of this process, as the page sees this server.

        Empty leaves it to the vault's server, of which neither knows more.
        """
        if self._redirect_uri:
            return {"redirect_uri": self._redirect_uri}
        if self._client.plane == "local":
            from credmagic.forms.loopback import Loopback  # http.server: only where no server of ours runs

            self._loopback = Loopback()
            return {"redirect_uri": self._loopback.address}
        seen = content.get("callback") if self._client.plane == "kernel" else None
        return {"page_address": str(seen)} if seen else {}

    def _waiting(self, known: Mapping[str, Any]) -> dict[str, Any]:
        assert self._begun is not None
        shown = {key: value for key, value in self._begun.items() if key not in ("login_id", "until")}
        left = (datetime.fromisoformat(self._begun["until"]) - datetime.now(UTC)).total_seconds()
        interval = known.get("interval", shown.get("interval"))
        return {**shown, "state": "waiting", "left": max(0.0, left), **({"interval": interval} if interval else {})}

    def _standing(self, known: Mapping[str, Any]) -> dict[str, Any]:
        assert self._begun is not None
        if known["state"] == "waiting":
            return self._waiting(known)
        if known["state"] == "failed":
            return self._over({key: known.get(key, "") for key in ("state", "message", "next_step")})
        view = {**known["credential"], "name": self._begun["name"]}
        return self._over(
            {
                "state": "done", "name": view["name"], "expires_at": view.get("expires_at"),
                "renews": "refresh_token" in view.get("secrets", ()), "code": self._code(view),
            }
        )  # fmt: skip

    def _code(self, view: Mapping[str, Any]) -> str:
        kind = self._client.call("kinds", kind=view["kind"])["kinds"][0]
        return code.use_line(code.variable_for(kind), view, code.remote_of(self._client))

    def _over(self, last: dict[str, Any]) -> dict[str, Any]:
        self._last = last
        self._hang_up()
        self._ended(last["state"])
        return last

    def _hang_up(self) -> None:
        loopback, self._loopback = self._loopback, None
        if loopback is not None:
            loopback.close()


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
