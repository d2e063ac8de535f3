"""What is a kind?

A frozen pydantic model whose fields are declared once with `field()` and `secret()`. Everything else is read from
that declaration: forms, prompts, listings, REST models, variables, documents. A kind does no I/O; it points to its
probe by name, and its adapters import their libraries when called.

    values --parse--> CredentialKind --public/secrets--> store --parse--> flatten, environ, files, adapters
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, NoReturn, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from credmagic.errors import InvalidCredential
from credmagic.kinds.adapters import adapter_names
from credmagic.kinds.convert import Problem, convert
from credmagic.kinds.fields import FieldSpec, camel, spec_of
from credmagic.kinds.names import env_stem
from credmagic.kinds.review import review

UNKNOWN = "(unknown)"
"""The key in `errors` for a name that is none of the kind's: it is not quoted, it may be a value in the wrong place."""

_RULE = "credmagic_rule"


class CredentialKind(BaseModel):
    """Base of every kind. A subclass declares fields and, where needed, `check`, `environ`, `files`, adapters."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[str] = ""
    """Heading in listings; the title unless given."""
    aliases: ClassVar[tuple[str, ...]] = ()
    wire_kinds: ClassVar[Mapping[str, str]] = {}
    """The kind's name on a face where it differs from `kind`, e.g. `{"datarobot": "api_token"}`."""
    version: ClassVar[int] = 1
    probe: ClassVar[str | None] = None
    """Name of the entry point in `credmagic.probes` that can tell whether a credential works."""
    help: ClassVar[str] = ""
    help_url: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    """Variables that `environ` and `files` may set beyond those the fields name."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a declaration that would leak or clash, when the class is made."""
        super().__pydantic_init_subclass__(**kwargs)
        _specs.cache_clear()
        _name_table(cls)

    # ------------------------------------------------------------------ what the kind is

    @classmethod
    def specs(cls) -> tuple[FieldSpec, ...]:
        """The fields in form order: as declared (what is needed, secrets, the rest), then what is under "More"."""
        return _specs(cls)

    @classmethod
    def spec(cls, name: str) -> FieldSpec | None:
        """The field of a canonical name, alias or wire name; None for any other name."""
        return _name_table(cls).get(name)

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """The kind as a JSON object (shape *describe* in `docs/architecture.md`)."""
        env = [name for spec in cls.specs() for name in spec.env]
        return {
            "kind": cls.kind,
            "title": cls.title,
            "group": cls.group or cls.title,
            "aliases": list(cls.aliases),
            "version": cls.version,
            "verifiable": cls.probe is not None,
            "help": cls.help,
            "help_url": cls.help_url,
            "env": list(dict.fromkeys([*env, *cls.variables])),
            "adapters": list(cls.adapters()),
            "fields": [spec.describe() for spec in cls.specs()],
        }

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema of the values; secrets are `writeOnly`."""
        return cls.model_json_schema(mode="validation")

    @classmethod
    def adapters(cls) -> tuple[str, ...]:
        """Names of the methods that hand the credential to a library, sorted."""
        return adapter_names(cls)

    @classmethod
    def wire_name(cls, face: str, field: str) -> str:
        """How `face` spells a field: as declared, else camelCase for `datarobot`, else canonical.

        Raises `KeyError` for a name that is no field.
        """
        spec = _name_table(cls)[field]
        return spec.wire.get(face) or (camel(spec.name) if face == "datarobot" else spec.name)

    @classmethod
    def wire_kind(cls, face: str) -> str:
        """How `face` spells the kind."""
        return cls.wire_kinds.get(face, cls.kind)

    @classmethod
    def field_aliases(cls) -> dict[str, str]:
        """Other name → canonical name, for `cred["alias"]`."""
        return {alias: spec.name for spec in cls.specs() for alias in spec.aliases}

    # ------------------------------------------------------------------ from values

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """The credential made of `values`, by canonical, alias or wire name; None and "" mean "not given".

        Raises one `InvalidCredential` whose `errors` holds every problem, in words that quote no value.
        """
        try:
            made: Self | None = cls.model_validate(dict(values))
            problems: dict[str, str] = {}
        except ValidationError as error:
            made, problems = None, _translate(cls, error)
        if made is None:  # outside the except block: pydantic's error quotes its input and must not be the context
            _refuse(cls, problems)
        return made

    @classmethod
    def from_flat(cls, fields: Mapping[str, Any]) -> Self:
        """The credential made of what `flatten` gave."""
        return cls.parse(fields)

    def updated(self, changes: Mapping[str, Any]) -> Self:
        """A copy with `changes`: a field that is absent stays, None clears. Raises as `parse`."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        table = _name_table(type(self))
        for name, value in changes.items():
            spec = table.get(name)
            values[spec.name if spec else name] = value
        return type(self).parse(values)

    @model_validator(mode="before")
    @classmethod
    def _convert(cls, values: Any) -> dict[str, Any]:
        """Names to canonical ones and each value to its type, so that pydantic only sees what is right."""
        converted, problems = _converted(cls, values)
        if problems:
            raise PydanticCustomError(_RULE, "does not fit", {"problems": problems})
        return converted

    @model_validator(mode="after")
    def _check(self) -> Self:
        if problems := self.check():
            raise PydanticCustomError(_RULE, "does not fit", {"problems": dict(problems)})
        return self

    def check(self) -> Mapping[str, str]:
        """Rules between fields: field → what is wrong, in words without values."""
        return {}

    # ------------------------------------------------------------------ to values

    def public(self) -> dict[str, Any]:
        """The public fields that are set, JSON-able, with those derived from a secret."""
        fields = [spec.name for spec in self.specs() if not spec.secret]
        values = {name: getattr(self, name) for name in (*fields, *type(self).model_computed_fields)}
        return {name: _jsonable(value) for name, value in values.items() if value not in (None, [], {})}

    def secrets(self) -> dict[str, Any]:
        """The secret fields that are set, JSON-able; texts are `SecretStr`."""
        values = {spec.name: getattr(self, spec.name) for spec in self.specs() if spec.secret}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items() if value}

    def flatten(self) -> dict[str, Any]:
        """What `cred[...]` shows: every field that is set, by name."""
        return self.public() | self.secrets()

    def secret_keys(self) -> list[str]:
        """The keys of `flatten()` whose values are secret."""
        return list(self.secrets())

    def environ(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """Environment variables for the credential called `name`; `prefix` takes the name's place in them."""
        values = ((spec, getattr(self, spec.name)) for spec in self.specs())
        return {
            variable(env, name, prefix): env_text(value)
            for spec, value in values
            if value is not None
            for env in spec.env
        }

    def files(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """Variables whose value is the path of a private file, with the content that file must have."""
        return {}

    def expiry(self) -> datetime | None:
        """The moment the value itself says it ends (UTC), if it says so."""
        return None

    def warnings(self) -> list[str]:
        """What a person should know after saving; no value is in any of them."""
        return review(self)


def variable(env: str, name: str, prefix: str | None = None) -> str:
    """`NAME_USER` for the credential `warehouse` → `WAREHOUSE_USER`; other names stay."""
    return env_stem(name, prefix) + env[4:] if env.startswith("NAME_") else env


def env_text(value: Any) -> str:
    """A field's value as a variable holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(_jsonable(value))


def _jsonable(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


@cache
def _specs(cls: type[CredentialKind]) -> tuple[FieldSpec, ...]:
    declared = [spec_of(name, info) for name, info in cls.model_fields.items()]
    return tuple(sorted(declared, key=lambda spec: spec.more))


@cache
def _name_table(cls: type[CredentialKind]) -> dict[str, FieldSpec]:
    """Every spelling of every field. Raises `TypeError` for a name that means two fields, or a bare secret."""
    table: dict[str, FieldSpec] = {}
    for spec in _specs(cls):
        if spec.secret and "SecretStr" not in str(cls.model_fields[spec.name].annotation):
            raise TypeError(f"{cls.__name__}.{spec.name} is secret: annotate it with SecretStr")
        snake = (spec.name, *spec.aliases)
        for name in {*snake, *map(camel, snake), *spec.wire.values()}:
            if table.setdefault(name, spec) is not spec:
                raise TypeError(f"{cls.__name__}: {name!r} means both {table[name].name!r} and {spec.name!r}")
    return table


def _converted(cls: type[CredentialKind], values: Any) -> tuple[dict[str, Any], dict[str, str]]:
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
            problems.setdefault(spec.name, "is required")
    return converted, problems


def _by_field(
    cls: type[CredentialKind], values: Mapping[Any, Any]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, str]]:
    """The values by canonical name, the `map.key` entries by map, and what is wrong with other names."""
    table = _name_table(cls)
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
        elif given.get(spec.name) not in (None, "", value):
            problems[spec.name] = "is given twice, by two of its names"
        elif value is not None or spec.name not in given:
            given[spec.name] = value
    return given, entries, problems


def _unknown(cls: type[CredentialKind], name: Any) -> tuple[str, str]:
    """Key and text for a name that is no field. The name is repeated only if it is a field's name mistyped."""
    allowed = [spec.name for spec in cls.specs()]
    names = list(_name_table(cls))
    close: list[str] = []
    if isinstance(name, str) and re.fullmatch(r"[A-Za-z_]{2,40}", name):
        close = difflib.get_close_matches(name.casefold(), names, 1, 0.75)
    if not close:
        return UNKNOWN, f"unknown field; a credential of kind {cls.kind} has {', '.join(allowed)}"
    return name, f"unknown field; did you mean {_name_table(cls)[close[0]].name}?"


def _translate(cls: type[CredentialKind], error: ValidationError) -> dict[str, str]:
    """Pydantic's complaints in our words: its own texts may quote the input."""
    problems: dict[str, str] = {}
    for fault in error.errors(include_url=False, include_input=False):
        if fault["type"] == _RULE:
            problems.update(fault["ctx"]["problems"])
        else:
            place = fault["loc"][0] if fault["loc"] else UNKNOWN
            problems[str(place) if place in cls.model_fields else UNKNOWN] = "has a value that does not fit"
    return problems


def _refuse(cls: type[CredentialKind], problems: Mapping[str, str]) -> NoReturn:
    count = "one field is" if len(problems) == 1 else f"{len(problems)} fields are"
    raise InvalidCredential(
        f"not a valid credential of kind {cls.kind}: {count} not right",
        next_step=f"What it takes: %cred kinds {cls.kind}",
        errors=problems,
    )
