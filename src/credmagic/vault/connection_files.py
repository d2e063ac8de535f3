"""How does a connection go into a file and come back, without any secret?

The format is that of watsonx Orchestrate (`spec_version: v1`, `kind: connection`), YAML or JSON. Its CLI loses the
header name and the custom entries on export; ours keeps them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NoReturn, Self

import yaml

from credmagic.errors import InvalidCredential
from credmagic.kinds.registry import find_kind
from credmagic.vault.audit import Caller, Event
from credmagic.vault.connection_names import draft, insert, search
from credmagic.vault.connections import configure_in, show
from credmagic.vault.vault import Vault

_TOP = {"spec_version": str, "kind": str, "app_id": str, "resource": dict, "environments": dict}
_KEYS: dict[str, type] = {
    "kind": str, "type": str, "sso": bool, "server_url": str, "name": str, "custom_config_entries": dict,
    "app_config": dict, "idp_config": dict,
}  # fmt: skip
_SETTINGS = ("server_url", "name", "custom_config_entries", "app_config", "idp_config")
LONGEST = 256 * 1024
"""Characters of a file."""
_WORDS = {str: "text", bool: "true or false", dict: "keys with values"}


def write_out(vault: Vault, caller: Caller, app_id: str, format: str = "yaml") -> dict[str, Any]:
    """The connection as the text of a file, `yaml` or `json`."""
    shown = show(vault, caller, app_id)
    document: dict[str, Any] = {"spec_version": "v1", "kind": "connection", "app_id": shown["app_id"]}
    if shown["resource"]:
        document["resource"] = shown["resource"]
    document["environments"] = {one["environment"]: _written(one) for one in shown["configurations"]}
    if format not in ("yaml", "json"):
        raise InvalidCredential("there is no such format", errors={"format": "yaml or json"})
    as_json = format == "json"
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n" if as_json else _yaml(document)
    return {"app_id": shown["app_id"], "text": text}


def _yaml(document: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True))


def _written(configuration: Mapping[str, Any]) -> dict[str, Any]:
    kind = find_kind(configuration["kind"]).wire_kind("orchestrate")
    made: dict[str, Any] = {"kind": kind, "type": configuration["sharing"]}
    made |= {"sso": True} if configuration["sso"] else {}
    return made | {key: configuration[key] for key in _SETTINGS if configuration.get(key)}


def read_in(vault: Vault, caller: Caller, text: str) -> dict[str, Any]:
    """Make or change the connection a file describes; environments it does not name stay.

    Raises `InvalidCredential` with line and key for a file that cannot be meant; then nothing is changed.
    """
    document = File.read(text)
    with vault.store.read() as reader:
        known = search(vault, reader, document.app_id)
    made = known or draft(vault, document.app_id, document.top.get("resource"))
    with vault.change(Event("connection.import", caller, object_id=made.row.id)) as transaction:
        if known is None:
            insert(vault, transaction, made)
        for environment, how in document.environments.items():
            settings = {key: how.get(key) for key in _SETTINGS}
            configure_in(vault, transaction, made, environment, how["kind"], how["type"], how.get("sso"), settings)
    shown = show(vault, caller, document.app_id)
    return {**shown, "created": known is None}


class File:
    """One file, checked as far as it can be without a store; `lines` knows where each key stands."""

    def __init__(self, top: dict[str, Any], lines: Mapping[tuple[str, ...], int]) -> None:
        self.top, self._lines = top, lines
        self._check()
        self.app_id: str = top["app_id"]
        self.environments: dict[str, dict[str, Any]] = top["environments"]

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises `InvalidCredential`: no YAML or JSON, keys twice, unknown, missing or of another type."""
        if len(text) > LONGEST:
            raise _refused("the file is too long", "file", f"at most {LONGEST // 1024} KiB")
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
                problem: tuple[str, str] | None = ("file", "must not use YAML aliases")
            else:
                problem = None
                node = yaml.compose(text, yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = (f"line {mark.line + 1}" if mark else "file", "is not YAML or JSON from here on")
        except (yaml.YAMLError, RecursionError, ValueError):
            problem = ("file", "is not YAML or JSON")
        if problem:
            raise _refused("the file cannot be read", *problem)
        lines: dict[tuple[str, ...], int] = {}
        loaded = _plain(node, (), lines) if node is not None else {}
        if not isinstance(loaded, dict):
            raise _refused("the file describes no connection", "line 1", "must have keys like kind and app_id")
        return cls(loaded, lines)

    def _check(self) -> None:
        top = self.top
        self._types((), top, _TOP)
        for key, wanted in (("spec_version", "v1"), ("kind", "connection")):
            if top.get(key, wanted) != wanted:
                self._refuse((key,), f"must be {wanted}")
        for key in ("kind", "app_id", "environments"):
            if not top.get(key):
                self._refuse((key,), "is required")
        for environment, how in top["environments"].items():
            if not isinstance(how, dict):
                self._refuse(("environments", environment), "must be keys with values")
            self._types(("environments", environment), how, _KEYS)
            for key in ("kind", "type"):
                if key not in how:
                    self._refuse(("environments", environment, key), "is required")

    def _types(self, place: tuple[str, ...], found: Mapping[str, Any], known: Mapping[str, type]) -> None:
        for key, value in found.items():
            if key not in known:
                close = get_close_matches(key, known, 1)
                self._refuse((*place, key), f"unknown key; {did_you(close) or 'known: ' + ', '.join(known)}")
            if value is not None and not isinstance(value, known[key]):
                self._refuse((*place, key), f"must be {_WORDS[known[key]]}")

    def _refuse(self, place: tuple[str, ...], problem: str) -> NoReturn:
        line = next((self._lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self._lines), 1)
        raise _refused("the file describes no connection", f"line {line}, {'.'.join(place)}", problem)


def did_you(close: list[str]) -> str:
    """`did you mean x?`, or nothing."""
    return f"did you mean {close[0]}?" if close else ""


def _refused(message: str, place: str, problem: str) -> InvalidCredential:
    step = "Nothing was changed. See one that is right: %cred connection export --app-id NAME"
    return InvalidCredential(message, errors={place: problem}, next_step=step)


def _plain(node: yaml.Node, place: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> Any:
    """The value of a node, its keys' lines noted. Raises `InvalidCredential` for a key that stands there twice."""
    if isinstance(node, yaml.MappingNode):
        made: dict[str, Any] = {}
        for key_node, value in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in made:
                raise _refused("the file describes no connection", f"line {line}, {key}", "stands there twice")
            lines[*place, key] = line
            made[key] = _plain(value, (*place, key), lines)
        return made
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, place, lines) for item in node.value]
    if place[-1:] in (("sso",), ("resource",)) or node.tag.endswith(":null"):
        return yaml.SafeLoader("").construct_object(node)
    return node.value  # `port: 5432` is text here
