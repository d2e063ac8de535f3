"""Which line of code does a form or picker show for a credential?"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from credmagic.settings import active_environment

if TYPE_CHECKING:
    from credmagic.client.base import Client

PICKED = "data"
"""The variable a picker binds when none was named."""


def use_line(variable: str, view: Mapping[str, Any], remote: str = "") -> str:
    """`db = %cred use warehouse`, with `--env` when the active environment would not find it, and `--remote`."""
    line = f"{variable} = %cred use {shlex.quote(str(view['name']))}"
    environment = str(view.get("environment") or "")
    if environment not in ("", active_environment()):
        line += f" --env {shlex.quote(environment)}"
    return line + (f" --remote {shlex.quote(remote)}" if remote else "")


def remote_of(client: Client) -> str:
    """The nickname of the server behind `client`; empty for this one."""
    return str(getattr(client, "nick", ""))


def variable_for(kind: Mapping[str, Any]) -> str:
    """The shortest of a kind's names that Python takes as a variable: `db` for a database."""
    names = [str(kind["kind"]), *map(str, kind.get("aliases", ()))]
    return min((name for name in names if name.isidentifier()), key=len, default="cred")


def prompt_line(kind: Mapping[str, Any] | None, name: str, remote: str = "") -> str:
    """The command that asks for the same fields by prompt, where a form cannot work."""
    add = f"%cred --remote {shlex.quote(remote)} add" if remote else "%cred add"
    if kind is None:
        return f"{add} {shlex.quote(name) if name else 'NAME'} --kind KIND --secret FIELD=prompt"
    fields = [field for field in kind["fields"] if field["required"]]
    words = [add, shlex.quote(name) if name else "NAME", "--kind", str(kind["kind"])]
    words += [f"{field['name']}=…" for field in fields if not field["secret"]]
    secret = [field for field in kind["fields"] if field["secret"]]
    wanted = [field for field in secret if field["required"]] or secret[:1]
    words += [f"--secret {field['name']}=prompt" for field in wanted]
    return " ".join(words)
