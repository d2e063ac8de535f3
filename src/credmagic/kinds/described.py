"""How does a description become the class of a kind?

Words to data only: nothing in a description is executed. What does not fit is said with the place it stands at.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.convert import Problem, convert
from credmagic.kinds.fields import TYPES, FieldSpec, field, secret
from credmagic.kinds.http import HttpCheck
from credmagic.values import SecretStr

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PYTHON: Mapping[str, Any] = {"int": int, "bool": bool, "datetime": datetime, "list": list[str], "json": dict[str, Any]}
_OF_KIND = {"kind", "title", "group", "aliases", "help", "help_url", "version", "fields", "verify"}
_OF_FIELD = {
    "title", "help", "type", "secret", "required", "default", "choices", "open_choice", "aliases", "env", "wire",
    "more", "placeholder",
}  # fmt: skip
_TAKEN = frozenset(dir(CredentialKind)) | {"name", "environment", "tags", "description", "expires_at"}
_SCHEMA_TYPES = {"integer": "int", "boolean": "bool", "array": "list", "object": "json", "string": "str"}
_SCHEMA_FORMATS = {"uri": "url", "date-time": "datetime"}


class BadDescription(ValueError):
    """Why a description is none, in words with the place."""


class DescribedKind(CredentialKind):
    """Base of kinds that were described, not written."""

    kind: ClassVar[str] = ""
    title: ClassVar[str] = ""
    asks: ClassVar[Mapping[str, Any]] = {}
    """`url` and `headers` of the request that tells; `{field}` stands for a field's value."""

    def http_check(self) -> HttpCheck | None:
        """The request with the values in it; None when one of them is not given."""
        texts = [self.asks["url"], *self.asks["headers"].values()]
        if any(getattr(self, name) is None for text in texts for name in _PLACE.findall(text)):
            return None
        headers = {name: SecretStr(self._filled(text)) for name, text in self.asks["headers"].items()}
        return HttpCheck(self._filled(self.asks["url"]), headers)

    def _filled(self, text: str) -> str:
        return _PLACE.sub(lambda place: str(getattr(self, place.group(1))), text)


def described_kind(described: Mapping[Any, Any], otherwise: str) -> type[CredentialKind]:
    """The class; `otherwise` is its name if the description has none. Raises `BadDescription`."""
    if "properties" in described:
        described = from_schema(described, otherwise)
    _known("the description", described, _OF_KIND)
    kind = described.get("kind", otherwise)
    if not isinstance(kind, str) or not _NAME.match(kind):
        raise BadDescription("kind: must be a word of small letters, digits and '_'")
    fields = described.get("fields")
    if not isinstance(fields, Mapping) or not fields:
        raise BadDescription("fields: must be a mapping of at least one field")
    made = {name: _declared(name, about) for name, about in fields.items()}
    namespace: dict[str, Any] = {
        "kind": kind,
        "title": _text("title", described.get("title", kind)),
        "group": _text("group", described.get("group", "")),
        "help": _text("help", described.get("help", "")),
        "help_url": _text("help_url", described.get("help_url", "")),
        "aliases": _words("aliases", described.get("aliases", ())),
        "version": _version(described.get("version", 1)),
        "__doc__": _text("help", described.get("help", "")) or None,
        "__module__": __name__,
    }
    annotations: dict[str, Any] = {name: ClassVar[Any] for name in namespace if not name.startswith("__")}
    if "verify" in described:
        namespace |= {"asks": _asks(described["verify"], fields), "probe": "http"}
    annotations |= {name: annotation for name, (annotation, _) in made.items()}
    namespace |= {name: marker for name, (_, marker) in made.items()} | {"__annotations__": annotations}
    try:
        return types.new_class(kind.title().replace("_", ""), (DescribedKind,), {}, lambda ns: ns.update(namespace))
    except TypeError as error:  # two names of one spelling
        raise BadDescription(str(error)) from None


def _declared(name: Any, about: Any) -> tuple[Any, Any]:
    """Annotation and marker of one field."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise BadDescription(f"fields: {str(name)[:40]!r} must be a word of small letters, digits and '_'")
    if name in _TAKEN:
        raise BadDescription(f"fields.{name}: this name has a meaning of its own; choose another")
    about = {} if about is None else about
    where = f"fields.{name}"
    if not isinstance(about, Mapping):
        raise BadDescription(f"{where}: must be a mapping, e.g. {{title: …, secret: true}}")
    _known(where, about, _OF_FIELD)
    facts = _facts(where, about)
    annotation = _annotation(where, facts["type"], bool(about.get("secret")))
    required = about.get("required", "default" not in about)
    if not isinstance(required, bool):
        raise BadDescription(f"{where}.required: must be true or false")
    title = _text(f"{where}.title", about.get("title", name.replace("_", " ").capitalize()))
    declare = secret if about.get("secret") else field
    if required:
        return annotation, declare(title, _text(f"{where}.help", about.get("help", "")), **facts)
    default = _default(where, facts, about)
    return annotation | None, declare(title, _text(f"{where}.help", about.get("help", "")), default=default, **facts)


def _facts(where: str, about: Mapping[str, Any]) -> dict[str, Any]:
    choices = _words(f"{where}.choices", about.get("choices", ()))
    type_ = about.get("type", "choice" if choices else "str")
    if type_ not in TYPES:
        raise BadDescription(f"{where}.type: must be one of {', '.join(TYPES)}")
    if type_ == "choice" and not choices:
        raise BadDescription(f"{where}.choices: is required for a choice")
    env = _words(f"{where}.env", about.get("env", ()))
    if odd := [name for name in env if not _VARIABLE.match(name)]:
        raise BadDescription(f"{where}.env: {odd[0][:40]!r} is no variable name")
    wire = about.get("wire", {})
    if not isinstance(wire, Mapping) or not all(isinstance(part, str) for pair in wire.items() for part in pair):
        raise BadDescription(f"{where}.wire: must be a mapping of face to name")
    for name in ("secret", "more", "open_choice"):
        if not isinstance(about.get(name, False), bool):
            raise BadDescription(f"{where}.{name}: must be true or false")
    return {
        "type": type_,
        "choices": choices,
        "open_choice": about.get("open_choice", False),
        "aliases": _words(f"{where}.aliases", about.get("aliases", ())),
        "env": env,
        "wire": dict(wire),
        "more": about.get("more", False),
        "placeholder": _text(f"{where}.placeholder", about.get("placeholder", "")),
    }


def _annotation(where: str, type_: str, is_secret: bool) -> Any:
    if type_ == "map":
        if not is_secret:
            raise BadDescription(f"{where}.secret: a map holds secrets; say secret: true")
        return dict[str, SecretStr]
    if is_secret:
        if type_ not in ("str", "text", "json"):
            raise BadDescription(f"{where}.type: a secret is str, text, json or map")
        return SecretStr
    return _PYTHON.get(type_, str)


def _default(where: str, facts: Mapping[str, Any], about: Mapping[str, Any]) -> Any:
    if about.get("secret") and about.get("default") is not None:
        raise BadDescription(f"{where}.default: a secret has none")
    try:
        spec = FieldSpec(type=facts["type"], choices=facts["choices"], open_choice=facts["open_choice"])
        return convert(spec, about.get("default"))
    except Problem as problem:
        raise BadDescription(f"{where}.default: {problem}") from None


def _asks(verify: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(verify, Mapping):
        raise BadDescription("verify: must be a mapping with url and headers")
    _known("verify", verify, {"url", "headers"})
    headers = verify.get("headers", {})
    if not isinstance(headers, Mapping):
        raise BadDescription("verify.headers: must be a mapping of texts")
    texts = {f"verify.headers.{name}": _text(f"verify.headers.{name}", text) for name, text in headers.items()}
    texts["verify.url"] = _text("verify.url", verify.get("url"))
    for where, text in texts.items():
        if unknown := [name for name in _PLACE.findall(text) if name not in fields]:
            raise BadDescription(f"{where}: there is no field {unknown[0]}")
    secrets = {name for name, about in fields.items() if isinstance(about, Mapping) and about.get("secret")}
    if secrets & set(_PLACE.findall(texts["verify.url"])):
        raise BadDescription("verify.url: a secret belongs into a header, where it is not written to logs")
    return {"url": texts["verify.url"], "headers": dict(headers)}


def from_schema(schema: Mapping[Any, Any], otherwise: str) -> dict[str, Any]:
    """The description that a JSON Schema of the values amounts to. Raises `BadDescription`."""
    properties, required = schema["properties"], schema.get("required", [])
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        raise BadDescription("properties must be a mapping, and required a list")
    fields = {}
    for name, about in properties.items():
        if not isinstance(about, Mapping):
            raise BadDescription(f"properties.{str(name)[:40]}: must be a mapping")
        choices = [choice for choice in about.get("enum", []) if isinstance(choice, str)]
        plain = _SCHEMA_FORMATS.get(str(about.get("format")), _SCHEMA_TYPES.get(str(about.get("type", "string"))))
        if plain is None:
            raise BadDescription(f"properties.{name}.type: must be one of {', '.join(_SCHEMA_TYPES)}")
        told = {"title": about.get("title"), "help": about.get("description"), "default": about.get("default")}
        fields[name] = {
            "type": "choice" if choices else plain,
            "choices": choices,
            "secret": bool(about.get("writeOnly")) or about.get("format") == "password",
            "required": name in required,
            **{fact: value for fact, value in told.items() if value is not None},
        }
    kept = {name: schema[name] for name in _OF_KIND & schema.keys() - {"fields"}}
    return {"kind": otherwise, "help": schema.get("description", ""), **kept, "fields": fields}


def _known(where: str, given: Mapping[Any, Any], known: set[str]) -> None:
    if unknown := [str(name)[:40] for name in given if name not in known]:
        raise BadDescription(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 4096:
        raise BadDescription(f"{where}: must be text")
    return value


def _words(where: str, value: Any) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) and word for word in words):
        raise BadDescription(f"{where}: must be a word or a list of words")
    return tuple(words)


def _version(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise BadDescription("version: must be a whole number from 1")
    return value
