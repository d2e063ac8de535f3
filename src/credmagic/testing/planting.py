"""How are unmistakable secrets planted, and where is looked for them?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from credmagic.errors import InvalidCredential
from credmagic.kinds.base import CredentialKind


def planted(example: Any, canary: str) -> Any:
    """`example` with the canary wherever it says `CANARY`."""
    if isinstance(example, str):
        if example.startswith("{") and example.endswith("}"):  # JSON text stays JSON
            return json.dumps(planted(json.loads(example), canary))
        return example.replace("CANARY", canary)
    if isinstance(example, Mapping):
        return {planted(key, canary): planted(value, canary) for key, value in example.items()}
    return [planted(item, canary) for item in example] if isinstance(example, list) else example


def refusal(kind: type[CredentialKind], values: Mapping[str, Any]) -> InvalidCredential:
    """The error that `values` must raise."""
    with pytest.raises(InvalidCredential) as caught:
        kind.parse(values)
    return caught.value


def told(error: BaseException | None) -> Iterator[str]:
    """Everything an error says, with what hangs on it."""
    while error is not None:
        yield f"{error} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__
