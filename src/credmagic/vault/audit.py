"""Who did what, when, and was the record changed afterwards?

Each row's MAC covers the row before it, so without the audit key nobody edits, reorders or removes one unseen
(a cut tail stays unseen until the state row of a later version). Rows hold no value and no name: the
credential's id, and for a notebook the keyed index of its path.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from credmagic.crypto.keyset import Keyset
from credmagic.crypto.tlv import tlv
from credmagic.errors import SealBroken
from credmagic.store.rows import AuditRow


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as the plane it came through has established it."""

    plane: str = "local"
    """`local` (same process), `kernel` (socket), `browser` (Jupyter port)."""
    kernel_id: str | None = None
    notebook: str | None = None
    """Path of the notebook as the *server's* sessions know it; never what a kernel says."""
    peer: str = ""
    request_id: str = ""
    kernelspec: str | None = None
    """Name of the kernelspec the server started this kernel from."""
    server: str | None = None
    """The directory whose notebooks the server serves: what tells it from a person's other servers, and stays."""
    principal: bytes | None = None
    """Whom the plane has identified: a machine, or a further user. None is the laptop owner."""

    @property
    def session(self) -> str:
        """What asks, for what is kept in memory and counted for it alone: its kernel, else who has signed in."""
        return self.kernel_id or (self.principal or b"").hex()

    def objects(self) -> list[tuple[str, str]]:
        """What this caller runs as, (type, id), the narrowest first: its notebook, its kernelspec, its server."""
        known = (("notebook", self.notebook), ("kernelspec", self.kernelspec), ("server", self.server))
        return [(kind, ident) for kind, ident in known if ident]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, before it has a place in the chain."""

    action: str
    caller: Caller
    outcome: str = "ok"
    object_id: bytes | None = None
    version: int | None = None
    reason: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def builder(keyset: Keyset, event: Event) -> Callable[[int, bytes], AuditRow]:
    """A function that makes the event's row once the chain's next number and last MAC are known."""
    caller = event.caller
    body: dict[str, Any] = {"plane": caller.plane}
    if caller.kernel_id:
        body["kernel"] = caller.kernel_id
    if caller.principal:
        body["principal"] = caller.principal.hex()
    if caller.notebook:
        body["notebook_ix"] = keyset.object_index("notebook", caller.notebook).hex()
    if caller.peer:
        body["peer"] = caller.peer
    if caller.request_id:
        body["request"] = caller.request_id
    if event.version is not None:
        body["version"] = event.version
    if event.reason:
        body["reason"] = event.reason
    if event.more:
        body.update(event.more)
    ts = now()

    def build(seq: int, previous: bytes) -> AuditRow:
        encoded = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
        mac = keyset.audit_mac(previous, seq, ts, _signed(event.action, event.outcome, event.object_id, encoded))
        return AuditRow(seq, ts, event.action, event.outcome, event.object_id, encoded, mac)

    return build


def _signed(action: str, outcome: str, object_id: bytes | None, body: bytes) -> bytes:
    """The columns of a row as one unambiguous byte string (docs/format.md §5)."""
    return tlv(action.encode(), outcome.encode(), object_id, body)


class _Appending(Protocol):
    def last_audit(self) -> tuple[int, bytes]: ...
    def insert(self, row: Any, /) -> None: ...


def append(transaction: _Appending, keyset: Keyset, event: Event) -> None:
    """Add the event to the chain inside the caller's write transaction: both commit, or neither does."""
    seq, previous = transaction.last_audit()
    transaction.insert(builder(keyset, event)(seq + 1, previous))


def check_chain(keyset: Keyset, rows: list[AuditRow], *, seq: int = 0, mac: bytes = b"") -> tuple[int, bytes]:
    """Follow the chain over `rows` (ascending) from (`seq`, `mac`); returns its end.

    Raises `SealBroken` at the first row that was edited, removed, added or moved.
    """
    for row in rows:
        signed = _signed(row.action, row.outcome, row.object_id, row.body)
        expected = keyset.audit_mac(mac, row.seq, row.ts, signed)
        if row.seq != seq + 1 or not hmac.compare_digest(row.mac, expected):
            raise SealBroken(f"the audit log was changed at entry {row.seq}")
        seq, mac = row.seq, row.mac
    return seq, mac
