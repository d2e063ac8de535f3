"""How is everything an IPython kernel sends out masked, whatever wrote it?

By wrapping `kernel.session.serialize`: print, repr, display, tracebacks (on iopub and in the reply), logging,
subprocesses, threads, comms and the pager all pass there. Messages are never changed in place; a failure in here
replaces the text by `[redaction failed]`, because raising would silence the kernel and passing on could leak.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from credmagic.redact import registry, server_log
from credmagic.redact.content import FAILED, blanked, is_own_model, redact_json

if TYPE_CHECKING:
    from credmagic.redact.matcher import Matcher
    from credmagic.redact.stream import StreamFilter

HELD_SECONDS = 0.05
"""How long a few characters that might begin a value wait for the next piece."""

_ON_IOPUB_IN_ORDER = frozenset(
    {"display_data", "update_display_data", "execute_result", "error", "clear_output", "comm_open", "status"}
)
"""Messages before which the text written earlier has to be out."""

Message = dict[str, Any]


class KernelFilter:
    """The wrapper around one session's `serialize`, with the state of its streams."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._session = kernel.session
        self._serialize = self._session.serialize
        self._lock = threading.RLock()
        self._streams: dict[tuple[str, str], tuple[StreamFilter, Message]] = {}
        self._own_comms: set[str] = set()
        self._passing = threading.local()
        self._pid = os.getpid()
        self._matcher: Matcher | None = None
        self._session.serialize = self.serialize
        server_log.install()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def remove(self) -> None:
        """Put the original back and let out what is held."""
        server_log.uninstall()
        self._let_go(None, everything=True)
        if self._session.__dict__.get("serialize") == self.serialize:
            del self._session.__dict__["serialize"]

    def _after_fork(self) -> None:
        self._lock = threading.RLock()

    def serialize(self, msg: Message, ident: Any = None) -> list[bytes]:
        """What the session would have sent for `msg`, without the values."""
        try:
            safe = self._safe(msg)
        except Exception:
            safe = {**msg, "content": _blank(msg.get("content"))}
        return self._serialize(safe, ident)  # type: ignore[no-any-return]

    def _safe(self, msg: Message) -> Message:
        matcher = registry.current()
        if matcher is None or getattr(self._passing, "masked", False):
            return msg
        self._matcher = matcher
        kind, content = msg["header"]["msg_type"], msg.get("content")
        if kind == "stream" and isinstance(content, dict):
            return {**msg, "content": {**content, "text": self._stream_text(msg, content, matcher)}}
        if kind in _ON_IOPUB_IN_ORDER and self._streams:
            idle = kind == "status" and content is not None and content.get("execution_state") == "idle"
            self._let_go(msg.get("parent_header", {}).get("msg_id", ""), everything=idle)
        if kind == "status" or self._is_our_form(kind, content):
            return msg
        new = _masked(content, matcher)
        return msg if new is content else {**msg, "content": new}

    # ------------------------------------------------------------------ streams

    def _stream_text(self, msg: Message, content: Message, matcher: Matcher) -> str:
        from credmagic.redact.stream import StreamFilter  # loaded with the first value, not with the extension

        parent = msg.get("parent_header") or {}
        key = (str(parent.get("msg_id", "")), str(content.get("name", "")))
        with self._lock:
            stream, _ = self._streams.setdefault(key, (StreamFilter(), parent))
            text = stream.feed(str(content["text"]), matcher)
            if os.getpid() != self._pid:  # a forked child: no thread runs there that could let go later
                return text + stream.release(matcher, everything=True)
            if stream.holding:
                self._release_soon(key)
        return text

    def _release_soon(self, key: tuple[str, str]) -> None:
        thread = self._kernel.iopub_socket.io_thread
        if threading.get_ident() == thread.thread.ident:
            thread.io_loop.call_later(HELD_SECONDS, self._release_now, key)
        else:
            thread.schedule(lambda: thread.io_loop.call_later(HELD_SECONDS, self._release_now, key))

    def _release_now(self, key: tuple[str, str]) -> None:
        # Runs in the kernel's output thread. What was written meanwhile comes first: it may be the missing piece.
        flush = getattr(getattr(sys, key[1], None), "_flush", None)
        if flush is not None:
            flush()
        self._let_go(key[0], everything=False, name=key[1])

    def _let_go(self, parent_id: str | None, *, everything: bool, name: str | None = None) -> None:
        """Send what streams of this parent (None: all) hold, in front of what is being sent now."""
        matcher = registry.current() or self._matcher
        if matcher is None:
            return
        with self._lock:
            for key, (stream, parent) in list(self._streams.items()):
                if (parent_id is not None and key[0] != parent_id) or name not in (None, key[1]):
                    continue
                try:
                    text = stream.release(matcher, everything=everything)
                except Exception:
                    text = FAILED
                if everything:
                    del self._streams[key]
                if text:
                    self._send_masked(key[1], text, parent)

    def _send_masked(self, name: str, text: str, parent: Message) -> None:
        self._passing.masked = True
        try:
            content = {"name": name, "text": text}
            socket = self._kernel.iopub_socket
            self._session.send(socket, "stream", content, parent=parent, ident=b"stream." + name.encode())
        finally:
            self._passing.masked = False

    # ------------------------------------------------------------------ our own forms

    def _is_our_form(self, kind: str, content: Any) -> bool:
        """True for a comm of one of our widgets: public by construction, and sealed bytes must arrive as they are."""
        if not kind.startswith("comm_") or not isinstance(content, dict):
            return False
        comm_id = str(content.get("comm_id"))
        if is_own_model((content.get("data") or {}).get("state")) or _shown_by_us(comm_id):
            self._own_comms.add(comm_id)
        return comm_id in self._own_comms


def _shown_by_us(comm_id: str) -> bool:
    """True for a form that was opened before the first value, when nobody watched comms yet."""
    widgets = getattr(sys.modules.get("ipywidgets.widgets.widget"), "_instances", {})
    return type(widgets.get(comm_id)).__module__.startswith("credmagic.")


def _masked(content: Any, matcher: Matcher) -> Any:
    if isinstance(content, bytes | str):  # packed by somebody before us
        text = content.decode() if isinstance(content, bytes) else content
        if matcher.redact_text(text) is text:
            return content
        return redact_json(json.loads(text), matcher.redact_text)
    return redact_json(content, matcher.redact_text)


def _blank(content: Any) -> Any:
    return {"text": FAILED} if isinstance(content, bytes | str) else blanked(content)
