"""What can be said about one field of a kind, and how is it declared?

`field()` and `secret()` are pydantic field markers that also carry what forms, the command line, faces and the
documentation need to know. A kind declares each field once:

    user: str = field("User", "The name you sign in with.", aliases=("username",), env=("NAME_USER",))
    password: SecretStr = secret("Password")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any

from pydantic import Field
from pydantic.fields import FieldInfo

from credmagic.kinds import names

TYPES = ("str", "text", "url", "int", "bool", "datetime", "choice", "list", "json", "map")
"""The inputs a form can offer; `text` keeps line breaks, `map` holds text by key."""

_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "str": {"pattern": names.ONE_LINE},
    "choice": {"pattern": names.ONE_LINE},
    "text": {"pattern": names.SOME_LINES},
    "url": {"pattern": r"^[ \t\r\n]*https?://[^\s/?#@]+([/?#]\S*)?[ \t\r\n]*$", "format": "uri"},
}
"""What JSON Schema can say of the rules in `convert`; it counts characters where we count bytes."""
_SECRET_TEXT: dict[str, Any] = {"pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"}


@dataclass(frozen=True)
class FieldSpec:
    """One field as forms, prompts, faces and documents see it."""

    name: str = ""
    title: str = ""
    help: str = ""
    type: str = "str"
    secret: bool = False
    required: bool = True
    default: Any = None
    choices: tuple[str, ...] = ()
    open_choice: bool = False
    aliases: tuple[str, ...] = ()
    wire: Mapping[str, str] = dataclass_field(default_factory=dict)
    """Names that differ from the rule of a face, e.g. `{"orchestrate": "username"}`."""
    more: bool = False
    """Folded under "More" in the form."""
    common: bool = False
    """What many kinds have stands after what is a kind's own."""
    placeholder: str = ""
    env: tuple[str, ...] = ()
    """Variables that carry the field; `NAME` stands for the credential's own name."""
    trim: bool = False
    """Blanks around the value are typing accidents (ids, hosts); never for secrets."""
    bounds: tuple[int, int] | None = None
    """Least and greatest value of an `int`."""

    def describe(self) -> dict[str, Any]:
        """The JSON object of the table of shapes in `docs/architecture.md`."""
        return {
            "name": self.name,
            "title": self.title,
            "help": self.help,
            "type": self.type,
            "secret": self.secret,
            "required": self.required,
            "default": self.default,
            "choices": list(self.choices),
            "open_choice": self.open_choice,
            "aliases": list(self.aliases),
            "more": self.more,
            "placeholder": self.placeholder,
        }


def field(title: str, help: str = "", *, default: Any = ..., **facts: Any) -> Any:
    """Declare a public field. `facts` are those of `FieldSpec`; without `default` the field is required."""
    return _declare(FieldSpec(title=title, help=help, **facts), default, {})


def secret(title: str, help: str = "", *, default: Any = ..., **facts: Any) -> Any:
    """Declare a secret field (its annotation is `SecretStr`): sealed, never shown, `writeOnly` in schemas."""
    mark = FieldSpec(title=title, help=help, secret=True, **facts)
    return _declare(mark, default, {"writeOnly": True, "format": "password"})


def _declare(mark: FieldSpec, default: Any, schema: dict[str, Any]) -> Any:
    if mark.type not in TYPES:
        raise TypeError(f"unknown field type {mark.type!r}; known: {', '.join(TYPES)}")
    schema = (_SECRET_TEXT if mark.secret and mark.type in _SCHEMAS else _SCHEMAS.get(mark.type, {})) | schema
    if mark.trim and mark.type == "str" and not mark.secret:
        schema |= {"pattern": names.ONE_LINE_TRIMMED}
    if default is ... and "pattern" in schema:
        schema |= {"minLength": 1}
    if mark.choices and not mark.open_choice:
        schema |= {"enum": [*mark.choices, *([None] if default is None else [])]}
    if mark.bounds:
        schema |= {"minimum": mark.bounds[0], "maximum": mark.bounds[1]}
    info: FieldInfo = Field(default, title=mark.title, description=mark.help or None, json_schema_extra=schema)
    info.metadata.append(mark)
    return info


def spec_of(name: str, info: FieldInfo) -> FieldSpec:
    """The complete facts of a model's field. Raises `TypeError` for a field declared without a marker."""
    for mark in info.metadata:
        if isinstance(mark, FieldSpec):
            default = None if info.is_required() else info.get_default()
            return replace(mark, name=name, required=info.is_required(), default=default)
    raise TypeError(f"the field {name!r} needs field() or secret()")


def camel(name: str) -> str:
    """`aws_access_key_id` → `awsAccessKeyId`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
