"""Which kinds has this user described in files, and what is wrong with the files that describe none?

`CONFIG/kinds/*.yaml` or `*.json`, one kind a file, no program code:

    kind: gitlab
    title: GitLab token
    fields:
      token: {title: Access token, secret: true, env: GITLAB_TOKEN}
      url: {type: url, default: https://gitlab.com}
    verify: {url: "{url}/api/v4/user", headers: {PRIVATE-TOKEN: "{token}"}}

A JSON Schema of the values does as well: `properties` with `title`, `description`, `enum`, `default`, and `writeOnly`
for secrets; `required` lists those that must be given. What is read becomes a class like every other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from credmagic import settings
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.described import BadDescription, described_kind

SUFFIXES = (".yaml", ".yml", ".json")
LARGEST = 256 * 1024
"""Bytes of a file that are read as a description."""


class UserFiles:
    """The kinds of one directory. Read again when a file in it changes."""

    def __init__(self, place: Callable[[], Path] = lambda: settings.home().config / "kinds") -> None:
        self._place = place
        self._stamp: object = None
        self._kinds: dict[str, type[CredentialKind]] = {}
        self.broken: dict[str, str] = {}
        """File name → what is wrong with it."""

    def changed(self) -> bool:
        """Read the directory if anything in it is new. True if so."""
        files = self._files()
        stamp = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
        if stamp == self._stamp:
            return False
        self._stamp, self._kinds, self.broken = stamp, {}, {}
        for file in files:
            try:
                self._kinds[file.name] = read_kind(file)
            except BadDescription as problem:
                self.broken[file.name] = str(problem)
        return True

    def kinds(self, taken: Collection[str]) -> list[type[CredentialKind]]:
        """The classes, in the order of their files. A file that takes a name of others counts as broken."""
        self.changed()
        names = set(taken)
        for file, cls in list(self._kinds.items()):
            own = {cls.kind, *cls.aliases}
            if own & names:
                self.broken[file] = f"names a kind that there is already: {', '.join(sorted(own & names))}"
                del self._kinds[file]
            names |= own
        return list(self._kinds.values())

    def _files(self) -> list[Path]:
        try:
            found = [file for file in self._place().iterdir() if file.suffix in SUFFIXES and file.is_file()]
        except OSError:
            return []
        return sorted(found)


def read_kind(file: Path) -> type[CredentialKind]:
    """The class a file describes. Raises `BadDescription`, which says where the fault is."""
    described = _parsed(file)
    if not isinstance(described, Mapping):
        raise BadDescription("must be a mapping with kind, title and fields")
    return described_kind(described, otherwise=re.sub(r"\W", "_", file.stem).casefold())


def _parsed(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise BadDescription(f"is larger than {LARGEST // 1024} KiB")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise BadDescription(f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise BadDescription("is not UTF-8 text") from None
    return _json(text) if file.suffix == ".json" else _yaml(text)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
    except RecursionError:
        where = "too deep"
    raise BadDescription(f"is not valid JSON ({where})")


def _yaml(text: str) -> Any:
    import yaml  # only where somebody has such a file

    where = "somewhere"
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        if error.problem_mark is not None:
            where = f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    except (yaml.YAMLError, RecursionError, ValueError):
        pass
    raise BadDescription(f"is not valid YAML ({where})")
