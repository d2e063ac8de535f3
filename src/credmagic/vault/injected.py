"""Which running kernels hold which credentials in their variables right now?

Kept in memory by the process that serves the kernels: what is late-injected is noted when it is handed out, what
`--export` sets when the kernel says so. Deleting a credential asks here, so that it does not break under a notebook.
"""

from __future__ import annotations

import threading

from credmagic.vault.audit import Caller


class Injected:
    """(kernel, credential) pairs of kernels that run: a server says when one ends (`forget`)."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, bytes], str] = {}
        self._lock = threading.Lock()

    def note(self, caller: Caller, credential_id: bytes) -> None:
        """This caller's kernel has the credential in its variables from now on.

        A machine elsewhere is not noted: nobody would ever say that it has ended.
        """
        if caller.plane == "machine":
            return
        with self._lock:
            self._held[caller.kernel_id or "", credential_id] = caller.notebook or ""

    def drop(self, caller: Caller, credential_id: bytes) -> None:
        """It was taken back there."""
        with self._lock:
            self._held.pop((caller.kernel_id or "", credential_id), None)

    def forget(self, kernel: str) -> None:
        """The kernel ended or started anew: its variables are gone."""
        with self._lock:
            for pair in [pair for pair in self._held if pair[0] == kernel]:
                del self._held[pair]

    def holders(self, credential_id: bytes) -> list[str]:
        """Where it is held now, for people: notebooks by path, other kernels by id."""
        with self._lock:
            held = [(kernel, place) for (kernel, held_id), place in self._held.items() if held_id == credential_id]
        return sorted({_label(kernel, place) for kernel, place in held})


def _label(kernel: str, notebook: str) -> str:
    return notebook or (f"kernel {kernel[:8]}" if kernel else "this very session")
