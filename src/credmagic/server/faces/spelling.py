"""How are the fields that an error names called by a face's clients?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from credmagic.errors import CredmagicError, UnknownKind
from credmagic.kinds.registry import find_kind


@contextmanager
def spelled(name: Callable[[str], str]) -> Iterator[None]:
    """Inside, an error calls each field by what `name` makes of ours."""
    try:
        yield
    except CredmagicError as error:
        error.errors = {name(ours): text for ours, text in error.errors.items()}
        raise


def field_name(face: str, kind: str, ours: str) -> str:
    """What a face calls a field of a kind; what is no field of it stays."""
    try:
        cls = find_kind(kind)
    except UnknownKind:
        return ours
    return cls.wire_name(face, ours) if cls.spec(ours) is not None else ours
