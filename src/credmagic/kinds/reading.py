"""How do the names and values that came in become the fields of a kind, or one error that helps?

Every spelling of a field leads to it; what leads nowhere is not repeated, for it may be a value in the wrong place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from credmagic.errors import InvalidCredential, short
from credmagic.kinds.convert import Problem, convert
from credmagic.kinds.fields import FieldSpec, camel, spec_of

if TYPE_CHECKING:
    from credmagic.kinds.base import CredentialKind

UNKNOWN = "(unknown)"
"""The key in `errors` for a name that is none of the kind's."""

REQUIRED = "is required"

RULE = "credmagic_rule"
"""The type of those pydantic errors that carry our own texts, in `ctx["problems"]`."""


@cache
def specs_of(cls: type[CredentialKind]) -> tuple[FieldSpec, ...]:
    """The fields as declared, those that a form folds away last, and of these last what many kinds have."""
    declared = [spec_of(name, info) for name, info in cls.model_fields.items()]
    return tuple(sorted(declared, key=lambda spec: (spec.more, spec.common)))


@cache
def name_table(cls: type[CredentialKind]) -> dict[str, FieldSpec]:
    """Every spelling of every field. Raises `TypeError` for a name that means two fields, or a bare secret."""
    table: dict[str, FieldSpec] = {}
    for spec in specs_of(cls):
        if spec.secret and "SecretStr" not in str(cls.model_fields[spec.name].annotation):
            raise TypeError(f"{cls.__name__}.{spec.name} is secret: annotate it with SecretStr")
        snake = (spec.name, *spec.aliases)
        for name in {*snake, *map(camel, snake), *spec.wire.values()}:
            if table.setdefault(name, spec) is not spec:
                raise TypeError(f"{cls.__name__}: {name!r} means both {table[name].name!r} and {spec.name!r}")
    return table


def read(cls: type[CredentialKind], values: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values by canonical name, each of its field's type; and what is wrong, by field."""
    converted: dict[str, Any] = {}
    problems: dict[str, str] = {}
    given, entries, unknown = _by_field(cls, values)
    problems.update(unknown)
    for spec in cls.specs():
        try:
            value = convert(spec, given.get(spec.name))
            if part := entries.get(spec.name):
                value = (value or {}) | (convert(spec, part) or {})
        except Problem as problem:
            problems[spec.name] = str(problem)
            continue
        if value is not None:
            converted[spec.name] = value
        elif spec.required:
            problems.setdefault(spec.name, REQUIRED)
    return converted, problems


def _by_field(
    cls: type[CredentialKind], values: Mapping[Any, Any]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, str]]:
    """The values by canonical name, the `map.key` entries by map, and what is wrong with other names."""
    table = name_table(cls)
    given: dict[str, Any] = {}
    entries: dict[str, dict[str, Any]] = {}
    problems: dict[str, str] = {}
    for name, value in values.items():
        head, _, entry = name.partition(".") if isinstance(name, str) else ("", "", "")
        spec = table.get(head)
        if spec is not None and entry and spec.type == "map":
            entries.setdefault(spec.name, {})[entry] = value
        elif spec is None or entry:
            if name not in cls.model_computed_fields:  # derived: stored for listings, made anew from the secret
                problems.update([_unknown(cls, name)])
        elif value is None or value == "":
            continue
        elif given.setdefault(spec.name, value) != value:
            problems[spec.name] = "is given twice, by two of its names"
    return given, entries, problems


def _unknown(cls: type[CredentialKind], name: Any) -> tuple[str, str]:
    """Key and text for a name that is no field. The name is repeated only if it is a field's name mistyped."""
    allowed = [spec.name for spec in cls.specs()]
    names = list(name_table(cls))
    close: list[str] = []
    if isinstance(name, str) and re.fullmatch(r"[A-Za-z_]{2,40}", name):
        close = difflib.get_close_matches(short(name.casefold()), names, 1, 0.75)
    if not close:
        return UNKNOWN, f"unknown field; a credential of kind {cls.kind} has {', '.join(allowed)}"
    return name, f"unknown field; did you mean {name_table(cls)[close[0]].name}?"


def translated(cls: type[CredentialKind], error: ValidationError) -> dict[str, str]:
    """Pydantic's complaints in our words: its own texts may quote the input."""
    problems: dict[str, str] = {}
    for fault in error.errors(include_url=False, include_input=False):
        if fault["type"] == RULE:
            problems.update(fault["ctx"]["problems"])
        else:
            place = fault["loc"][0] if fault["loc"] else UNKNOWN
            problems[str(place) if place in cls.model_fields else UNKNOWN] = "has a value that does not fit"
    return problems


def refusal(cls: type[CredentialKind], problems: Mapping[str, str]) -> InvalidCredential:
    """The one error for everything that is wrong."""
    count = "one field is" if len(problems) == 1 else f"{len(problems)} fields are"
    return InvalidCredential(
        f"not a valid credential of kind {cls.kind}: {count} not right",
        next_step=f"What it takes: %cred kinds {cls.kind}",
        errors=problems,
    )
