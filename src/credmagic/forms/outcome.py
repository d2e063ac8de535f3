"""How does a widget tell its page what became of what it asked for? As a message, whatever broke."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from credmagic.errors import CredmagicError


def attempt(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run `work` and say how it went: `{"ok": True, "view"}` or `{"ok": False, "error"}`; never raises."""
    try:
        return {"ok": True, "view": work()}
    except CredmagicError as error:
        return {"ok": False, "error": error.to_json()}
    except Exception as error:  # the person at the form must get an answer, whatever broke
        failed = CredmagicError(
            f"the vault could not be asked ({type(error).__name__})", next_step="See %cred status, then press again."
        )
        return {"ok": False, "error": failed.to_json()}
