"""What keeps stored values out of the files that are saved through this server?

A pre-save hook over notebooks (cells, outputs, metadata, widget state, attachments) and plain files, text or
base64: every stored value, in every promised encoding, becomes its mask. Jupyter swallows an exception of a
hook and saves the file as it was; so whatever goes wrong here becomes an `HTTPError`, which refuses the save
and says how to go on.

A locked vault refuses, too: which texts are values is then not known. No vault at all refuses nothing: there
is no stored value yet. Not seen: a value cut in two by a chunked upload, and what collaboration keeps beside
the file.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError

from credmagic.errors import CredmagicError
from credmagic.server.answers import describe_unforeseen
from credmagic.server.gate import VaultGate, store_exists

if TYPE_CHECKING:
    from credmagic.redact.matcher import Matcher

_WAY_ON = "Or start the server with --Credmagic.save_guard=False; files are then saved unchecked."


class SaveGuard:
    """Replaces stored values in what is about to be saved."""

    def __init__(self, gate: VaultGate) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._built: tuple[object, Matcher] | None = None
        self._patterns: dict[tuple[str, str, frozenset[str]], set[str]] = {}

    def clean(self, model: dict[str, Any]) -> int:
        """Mask the values in a contents model, in place; returns how many places were masked.

        Raises `VaultLocked` or `StoreUnusable` when it cannot be known which texts are values.
        """
        content = model.get("content")
        if not content or model.get("type") == "directory" or not store_exists():
            return 0
        from credmagic.redact.notebook import redact_notebook, redact_text_file

        matcher = self.matcher()
        if isinstance(content, dict):
            model["content"], count = redact_notebook(content, matcher)
        else:
            kind = "base64" if model.get("format") == "base64" else "text"
            model["content"], count = redact_text_file(content, matcher, format=kind)
        return count

    def matcher(self) -> Matcher:
        """What finds the values stored now; built anew only when they have changed."""
        vault = self._gate.vault()
        with self._lock:
            generation = vault.generation()
            if self._built is None or self._built[0] != generation:
                self._built = (generation, self._build(list(vault.guarded_values())))
            return self._built[1]

    def _build(self, values: list[tuple[str, str, frozenset[str]]]) -> Matcher:
        from credmagic.redact.encodings import patterns
        from credmagic.redact.matcher import Matcher

        self._patterns = {guarded: self._patterns.get(guarded) or patterns(*guarded[1:]) for guarded in values}
        return Matcher({text: label for (label, *_), texts in self._patterns.items() for text in texts})


def guard_saving(contents_manager: Any, gate: VaultGate, log: Any) -> SaveGuard:
    """Put a guard before every save of `contents_manager`; hooks of the user and of other extensions still
    run.
    """
    guard = SaveGuard(gate)

    # A plain function, because Jupyter's own error path reads its `__name__`.
    def keep_values_out(model: dict[str, Any], path: str = "", **kwargs: Any) -> None:
        refusal: HTTPError | None = None
        try:
            count = guard.clean(model)
        except CredmagicError as error:
            refusal = HTTPError(error.http_status, _refusal(error))
        except Exception as error:
            log.error("credmagic: the save guard failed: %s", describe_unforeseen(error))
            refusal = HTTPError(500, f"Not saved: credmagic could not check this file. {_WAY_ON}")
        else:
            if count:
                log.warning("credmagic: masked stored values in %d place(s) of %s", count, path)
        if refusal is not None:
            raise refusal

    contents_manager.register_pre_save_hook(keep_values_out)
    return guard


def _refusal(error: CredmagicError) -> str:
    """One line for the dialog of the front end. Tornado formats it, so it must not hold a percent sign."""
    text = f"Not saved: credmagic cannot tell which texts are stored values ({error.message}). {error.next_step} "
    return " ".join((text + _WAY_ON).replace("%cred", "credmagic").replace("%", "").split())
