"""Which logins have begun in this vault and are not long over?

In memory only: a login belongs to the kernel or person that began it and is gone with the kernel, the process, or ten
minutes after its time.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from credmagic.errors import NotFound
from credmagic.tokens.sign_in import LIFE, Pending, SignIn
from credmagic.vault.audit import Caller

if TYPE_CHECKING:
    from credmagic.vault.login_targets import Target

PENDING = 32
"""Per kernel or person."""


@dataclass
class Login:
    """One login, from its beginning until a while after its end."""

    id: str
    caller: Caller
    target: Target
    ref: str
    environment: str | None
    way: SignIn
    pending: Pending
    ends: float
    """By the monotonic clock."""
    interval: float
    asked_at: float
    outcome: dict[str, Any] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Logins:
    """The logins of one open vault. Thread-safe."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self.ticks = ticks
        self.callback_url: str | None = None
        """Where browsers come back to, as who runs the server has set it; None where it is to be guessed."""
        self.own_address: str | None = None
        """The server's own guess, where no page says how its browser knows it; None where no server listens."""
        self._logins: dict[str, Login] = {}
        self._guard = threading.Lock()

    def add(self, login: Login) -> None:
        """Keep it; the oldest of the same caller go when there are too many."""
        with self._guard:
            self._drop_old()
            mine = [key for key, other in self._logins.items() if _who(other.caller) == _who(login.caller)]
            for key in mine[: max(0, len(mine) - PENDING + 1)]:
                del self._logins[key]
            self._logins[login.id] = login

    def of(self, caller: Caller, login_id: str) -> Login:
        """That login of this caller. Raises `NotFound`, the same for another's and for one that is long over."""
        with self._guard:
            self._drop_old()
            login = self._logins.get(login_id)
        if login is None or _who(login.caller) != _who(caller):
            raise NotFound("there is no such login, or it is long over", next_step="Begin again: %cred login NAME")
        return login

    def waiting_for(self, state: str) -> Login | None:
        """The login that the browser brings an answer for."""
        with self._guard:
            self._drop_old()
            for login in self._logins.values():
                if state and secrets.compare_digest(login.pending.state.encode(), state.encode()):
                    return login
        return None

    def remove(self, login: Login) -> None:
        """It was given up."""
        with self._guard:
            self._logins.pop(login.id, None)

    def forget(self, kernel: str) -> None:
        """A kernel ended or starts anew."""
        with self._guard:
            self._logins = {key: kept for key, kept in self._logins.items() if kept.caller.kernel_id != kernel}

    def _drop_old(self) -> None:
        now = self.ticks() - LIFE  # what is over can be asked about for as long again
        self._logins = {key: kept for key, kept in self._logins.items() if kept.ends > now}


def _who(caller: Caller) -> tuple[str | None, bytes | None]:
    return caller.kernel_id, caller.principal
