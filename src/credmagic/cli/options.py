"""Which arguments and options do several verbs share?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError

F = TypeVar("F", bound=Callable[..., Any])


class Name(click.ParamType):  # type: ignore[type-arg]  # generic in newer Clicks only
    """NAME or id of a credential; the one argument in which the magic expands `$name`."""

    name = "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name the person meant."""
        door = ctx.find_object(Door) if ctx is not None else None
        return door.expand(value) if door is not None else value


NAME = Name()

door = click.pass_obj


def name(f: F) -> F:
    """The NAME of one credential, as `ref`."""
    return click.argument("ref", metavar="NAME", type=NAME)(f)


def env(f: F) -> F:
    """`--env E`."""
    return click.option("--env", "environment", metavar="E", help="Environment (draft, live…); else the active one.")(f)


def as_json(f: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="The data itself, complete and stable.")(f)


def team(f: F) -> F:
    """`--team`."""
    return click.option("--team", is_flag=True, help="Owned by your team, not by you alone.")(f)


def secret(f: F) -> F:
    """`--secret FIELD=SOURCE`, repeatable."""
    return click.option(
        "--secret", "secrets", multiple=True, metavar="FIELD=SOURCE",
        help="A secret field; SOURCE is prompt, env:VAR, file:PATH or (in a notebook) var:NAME.",
    )(f)  # fmt: skip


def verify(f: F) -> F:
    """`--no-verify`."""
    return click.option(
        "--verify/--no-verify", "verify", default=True, help="Ask the service whether it works before storing."
    )(f)


def named(words: tuple[str, ...], command: str) -> tuple[list[str], str | None]:
    """`NAME… [as VAR]` as names and variable. Raises `UsageError` when it is not that."""
    names, variable = list(words), None
    if "as" in words[1:]:
        at = words.index("as", 1)
        names, rest = list(words[:at]), words[at + 1 :]
        variable = rest[0] if len(rest) == 1 and rest[0].isidentifier() else None
        if variable is None:
            raise UsageError(f"{command}: `as` is followed by one variable", next_step=f"Help: {command} --help")
    return names, variable
