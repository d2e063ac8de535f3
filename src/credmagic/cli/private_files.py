"""How is another program's configuration file changed without losing what is in it, or showing it to others?

Only the given keys change; comments stay where lines can be edited one by one. The new file (0600) takes the old
one's place in one step. A file that cannot be understood is left alone.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from credmagic.cli.usage import UsageError


def merge_yaml(path: Path, values: Mapping[str, Any]) -> None:
    """Put `values`, mappings inside mappings, into a YAML file. Raises `UsageError` for one that is no mapping."""
    import yaml  # only when a file is written

    text = _read(path)
    old: Any = None
    try:
        old = yaml.safe_load(text)
    except yaml.YAMLError:
        old = ()
    if old is not None and not isinstance(old, dict):
        raise UsageError(f"{path} is no YAML mapping; it was not changed", next_step="Repair it or move it away.")
    wanted = merged(old or {}, values)
    lines = {key: f"{key}: {json.dumps(value)}" for key, value in values.items() if not isinstance(value, Mapping)}
    edited = _edited(text, lines, r"^{}[ \t]*:[ \t].*$")
    if len(lines) < len(values) or _loaded(edited) != wanted:
        edited = yaml.safe_dump(wanted, allow_unicode=True, sort_keys=False)
    replace(path, edited)


def merge_variables(path: Path, values: Mapping[str, str]) -> None:
    """Put `NAME=value` lines into a file that shells and dotenv readers take."""
    lines = {name: f"{name}={shlex.quote(value)}" for name, value in values.items()}
    replace(path, _edited(_read(path), lines, r"^(?:export[ \t]+)?{}[ \t]*=.*$"))


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with `new` laid over it, level by level."""
    result = dict(old)
    for key, value in new.items():
        below = result.get(key)
        nested = isinstance(value, Mapping)
        result[key] = merged(below if isinstance(below, Mapping) else {}, value) if nested else value
    return result


def _edited(text: str, lines: Mapping[str, str], pattern: str) -> str:
    for key, line in lines.items():
        place = re.compile(pattern.format(re.escape(key)), re.MULTILINE)
        if place.search(text):
            text = place.sub(lambda _, line=line: line, text, count=1)  # type: ignore[misc]
        else:
            text += ("\n" if text and not text.endswith("\n") else "") + line + "\n"
    return text


def _loaded(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _read(path: Path) -> str:
    problem = ""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "no UTF-8 text"
    raise UsageError(f"{path} cannot be read ({problem}); it was not changed", next_step="Repair it or move it away.")


def replace(path: Path, text: str) -> None:
    """Make `text` the content of `path` (0600) in one step; a link stays one. Raises `UsageError`."""
    path = path.resolve()
    problem = ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        problem = error.strerror or "refused"
    if problem:
        raise UsageError(f"{path} cannot be written ({problem})", next_step="Check its directory, then run it again.")
