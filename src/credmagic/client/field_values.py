"""How is one field of a credential carried, compared and refused?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credmagic.errors import word
from credmagic.values import SecretStr


def masked(value: Any, label: str) -> Any:
    """`value` with every string in it carried as a `SecretStr` of that label; numbers and None as they are."""
    if isinstance(value, str):
        return SecretStr(value, label)
    if isinstance(value, Mapping):
        return {key: masked(inner, label) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, label) for inner in value]
    return value


def text_of(value: Any) -> str:
    """A field's value as the text that could turn up in output; empty for one that is not set."""
    if value is None or isinstance(value, str):
        return value or ""
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


def no_such_field(name: str, key: object, fields: Mapping[str, Any]) -> str:
    """What to say of a field that is not there."""
    from difflib import get_close_matches

    close = get_close_matches(str(key), list(fields), n=3, cutoff=0.5)
    if close:
        return f"{name} has no field {key!r}; did you mean {' or '.join(map(repr, close))}?"
    return f"{name} has no field {key!r}; it has {', '.join(map(repr, fields))}"


def read_only(name: str) -> str:
    """What to say to who would change a value here."""
    return f"{name} is read-only here; change it with: %cred edit {word(name)}"
