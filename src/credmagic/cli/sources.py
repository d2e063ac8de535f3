"""Where does a secret value come from, when it may not be typed into the command?

--secret FIELD=prompt      asked for, not shown
--secret FIELD=env:VAR     an environment variable
--secret FIELD=file:PATH   a file, byte for byte as UTF-8 text (a final line end belongs to it)
--secret FIELD=var:NAME    a variable of the notebook
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError
from credmagic.errors import InvalidCredential

MAX_BYTES = 1024 * 1024
"""Larger than any field may be; a wrong file (a core dump, a data set) is refused before it is read (bytes)."""

WAYS = "prompt, env:VAR, file:PATH or var:NAME"

_REFERENCE = re.compile(r"prompt\Z|(env|file|var):.+\Z", re.DOTALL)


def is_reference(text: str) -> bool:
    """True for text that says where a secret is, and so is none."""
    return bool(_REFERENCE.match(text))


def gathered(door: Door, fields: Iterable[str], secrets: Iterable[str]) -> dict[str, Any]:
    """`field=value` and `--secret FIELD=source` words as one mapping; prompts come last, all at once.

    Raises `UsageError` for a word that is neither, `InvalidCredential` naming the field whose source is not there.
    """
    values: dict[str, Any] = {}
    for word in fields:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{door.prog}: public fields are written field=value", next_step=_HELP)
        values[name] = door.expand(value)
    sources = [_split(door, word) for word in secrets]
    for name, source in sorted(sources, key=lambda pair: pair[1] == "prompt"):
        values[name] = read(door, name, source)
    return values


_HELP = f"Secret ones are written --secret FIELD=SOURCE, where SOURCE is {WAYS}."


def _split(door: Door, word: str) -> tuple[str, str]:
    name, equals, source = word.partition("=")
    if not name or not equals or not is_reference(source):
        raise UsageError(f"{door.prog}: --secret takes FIELD=SOURCE, never a value", next_step=_HELP)
    return name, source


def read(door: Door, field: str, source: str) -> Any:
    """The secret behind one source. Raises `InvalidCredential` naming field and source, never what was read."""
    way, _, place = source.partition(":")
    readers: dict[str, Callable[[str], Any]] = {
        "prompt": lambda _: door.ask(field),
        "env": os.environ.__getitem__,
        "file": _file,
        "var": door.variable,
    }
    value, problem = _attempt(readers[way], place)
    if value:
        return value
    raise InvalidCredential(
        f"no value for {field}",
        errors={field: problem or f"{source} is empty"},
        next_step=f"Where it is: --secret SOURCE (of several fields --secret {field}=SOURCE), SOURCE is {WAYS}.",
    )


def _attempt(reader: Callable[[str], Any], place: str) -> tuple[Any, str]:
    try:
        return reader(place), ""
    except KeyError:
        return "", f"the environment variable {place} is not set"
    except UnicodeDecodeError:
        return "", f"{place} is not UTF-8 text"
    except OSError as error:
        return "", f"{place} cannot be read ({error.strerror})"
    except EOFError:
        return "", "it was asked for, and nobody is there to answer"


def _file(path: str) -> str:
    file = Path(path).expanduser()
    with file.open("rb") as opened:
        data = opened.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(27, f"larger than {MAX_BYTES // 1024} KiB")
    return data.decode()


def nested(values: Mapping[str, Any], kind: Mapping[str, Any]) -> dict[str, Any]:
    """Fields the kind does not know go into its secret map, where it has one: `--secret TOKEN=prompt` of key_value."""
    known = {name for entry in kind["fields"] for name in (entry["name"], *entry["aliases"])}
    maps = [entry["name"] for entry in kind["fields"] if entry["type"] == "map" and entry["secret"]]
    extra = {name: value for name, value in values.items() if name not in known}
    if not maps or not extra:
        return dict(values)
    head = f"{maps[0]}."  # one entry each, `entries.TOKEN`: the other entries stay when values are rotated
    return {n if n in known or n.startswith(head) else head + n: value for n, value in values.items()}
