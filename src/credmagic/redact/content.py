"""How is a JSON-like structure masked without touching what was given?

Every string is looked at, keys too. Nothing is changed in place; what needed no change is returned as the very
object that came in, so that the usual case allocates nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FAILED = "[redaction failed]"

_SKELETON = frozenset(
    {"status", "execution_state", "name", "comm_id", "target_name", "source", "implementation", "protocol_version"}
)
"""Keys whose strings a front end needs to understand a message at all; they never hold output."""


_OWN_MODELS = "credmagic."


def redact_json(value: Any, redact: Callable[[str], str]) -> Any:
    """`value` with `redact` applied to every string; the same object if that changed nothing."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return _redact_dict(value, redact)
    if isinstance(value, list | tuple):
        items = [redact_json(item, redact) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def _redact_dict(value: dict[Any, Any], redact: Callable[[str], str]) -> dict[Any, Any]:
    new: dict[Any, Any] = {}
    changed = False
    for key, inner in value.items():
        new_key = redact(key) if isinstance(key, str) else key
        new_inner = redact_json(inner, redact)
        changed = changed or new_key is not key or new_inner is not inner
        new[new_key] = new_inner
    return new if changed else value


def blanked(value: Any, key: str = "") -> Any:
    """`value` with every string replaced by `[redaction failed]`, but for the skeleton of the message."""
    if isinstance(value, str):
        return value if key in _SKELETON else FAILED
    if isinstance(value, dict):
        return {k: blanked(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [blanked(item, key) for item in value]
    return value if isinstance(value, int | float | bool | type(None)) else FAILED


def is_own_model(state: Any) -> bool:
    """True for the state of a widget whose class is credmagic's own."""
    return isinstance(state, dict) and str(state.get("_anywidget_id", "")).startswith(_OWN_MODELS)
