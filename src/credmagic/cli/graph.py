"""How does "where is it used?" become a picture, in Mermaid for JupyterLab and as a tree for everybody else?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from credmagic.cli import ages

MIME = "text/vnd.mermaid"
MOST = 60
"""More objects than anyone can tell apart in a picture."""

Data = Mapping[str, Any]


def edges(data: Data) -> list[tuple[str, str, str]]:
    """(object type, object id, what ties it to the credential), attached ones first."""
    known: dict[tuple[str, str], list[str]] = {}
    for item in data["associations"]:
        words = ["attached"] + (["default"] if item["is_default"] else [])
        words += [f"injected: {item['inject']}"] if item["inject"] else []
        known.setdefault((item["object_type"], item["object_id"]), []).append(", ".join(words))
    for item in data["usages"]:
        words = [_used(item)]
        known.setdefault((item["object_type"], item["object_id"]), []).extend(words)
    return [(kind, ident, ", ".join(words)) for (kind, ident), words in known.items()]


def _used(item: Data) -> str:
    times = f"used {item['count']} time{'s' if item['count'] != 1 else ''}"
    return f"{times}, last {ages.ago(item['last_at'])}" if item["last_at"] else times


def mermaid(data: Data) -> str:
    """The picture's source: the credential on the left, what is tied to it on the right."""
    lines = ["flowchart LR", f'  c(["{_label(data["name"])}<br/>{_label(data["kind"])}"])']
    lines += _objects(edges(data)[:MOST])
    hidden = len(edges(data)) - MOST
    lines += [f'  more["and {hidden} more"]', "  c -.-> more"] if hidden > 0 else []
    return "\n".join(lines)


def _objects(found: list[tuple[str, str, str]]) -> Iterator[str]:
    for number, (kind, ident, words) in enumerate(found):
        yield f'  o{number}["{_label(_short(kind, ident))}<br/>{_label(kind)}"]'
        yield f'  c {"---" if "attached" in words else "-.-"}|"{_label(words)}"| o{number}'


def _short(kind: str, ident: str) -> str:
    return os.path.basename(ident) or ident if kind == "notebook" else ident


def _label(text: str) -> str:
    """`text` with everything that could mean something to Mermaid or HTML as a character code."""
    return re.sub(r"[^\w .,:/-]", lambda found: f"#{ord(found[0])};", text.replace("\n", " "))


def tree(data: Data) -> str:
    """The same in words."""
    found = edges(data)
    lines = [f"{data['name']} ({data['kind']})"]
    for number, (kind, ident, words) in enumerate(found):
        branch = "└──" if number == len(found) - 1 else "├──"
        lines.append(f"{branch} {kind} {ident}: {words}")
    return "\n".join(lines if found else [*lines, "└── attached to nothing, used in no notebook"])
