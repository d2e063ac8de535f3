"""Which arguments and options do several verbs share?"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from credmagic import settings
from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError
from credmagic.plugins import Registry

F = TypeVar("F", bound=Callable[..., Any])


def _door(ctx: click.Context | None) -> Door | None:
    return ctx.find_object(Door) if ctx is not None else None


class Known(click.ParamType):  # type: ignore[type-arg]  # generic in newer Clicks only
    """An argument whose values are known to somebody; `offered` says to whom. Shell and notebook complete from it."""

    name = "text"

    def __init__(self, offered: Callable[[Door, click.Context], Iterable[str]], *, expands: bool = False) -> None:
        self._offered = offered
        self._expands = expands

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value; where the magic may, with `$name` expanded."""
        door = _door(ctx)
        return door.expand(value) if door is not None and self._expands and not _completing(ctx) else value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What begins with `incomplete`. Never raises."""
        door = _door(ctx)
        offered: Iterable[str] = ()
        if door is not None:
            with contextlib.suppress(Exception):
                offered = dict.fromkeys(self._offered(door, ctx))
        return [CompletionItem(text) for text in offered if text.startswith(incomplete)]


def _completing(ctx: click.Context | None) -> bool:
    return ctx is not None and ctx.resilient_parsing


def _names(door: Door, ctx: click.Context) -> list[str]:
    kind = ctx.params.get("kind")
    return [known["name"] for known in door.names() if kind in (None, known["kind"])]


def _kinds(door: Door, ctx: click.Context) -> list[str]:
    return [kind["kind"] for kind in door.kinds()]


def _environments(door: Door, ctx: click.Context) -> list[str]:
    used = {known["environment"] for known in door.names()}
    return [*settings.environments(), *sorted(used - {"", *settings.environments()})]


def _fields(door: Door, ctx: click.Context, *, secret: bool) -> list[str]:
    known = {item["name"]: item["kind"] for item in door.names()}
    chosen = ctx.params.get("kind") or known.get(ctx.params.get("ref") or "")
    kinds = [kind for kind in door.kinds() if chosen in (None, kind["kind"], *kind["aliases"])]
    return [entry["name"] for kind in kinds for entry in kind["fields"] if entry["secret"] is secret]


def _public(door: Door, ctx: click.Context) -> list[str]:
    return [f"{field}=" for field in _fields(door, ctx, secret=False)]


def _secret(door: Door, ctx: click.Context) -> list[str]:
    ways = ("prompt", "env:", "file:") if door.in_shell else ("prompt", "env:", "file:", "var:")
    return [f"{field}={way}" for field in _fields(door, ctx, secret=True) for way in ways]


def _ways(door: Door, ctx: click.Context) -> list[str]:
    return Registry[Any]("credmagic.injectors").names()


def _types(door: Door, ctx: click.Context) -> list[str]:
    return ["notebook", "kernelspec", "server", "data_connection", "batch_job"]


NAME = Known(_names, expands=True)
"""NAME or id of a credential; with public fields the only place where the magic expands `$name`."""
WORDS = Known(_names)
"""NAME… [as VAR]; the words are told apart, and expanded, later."""
KIND = Known(_kinds)
ENVIRONMENT = Known(_environments)
PUBLIC = Known(_public)
SECRET = Known(_secret)
WAY = Known(_ways)
OBJECT = Known(_types)

door = click.pass_obj


def name(f: F) -> F:
    """The NAME of one credential, as `ref`."""
    return click.argument("ref", metavar="NAME", type=NAME)(f)


def env(f: F) -> F:
    """`--env E`."""
    return click.option(
        "--env", "environment", type=ENVIRONMENT, metavar="E", help="Environment (draft, live…), else the active one."
    )(f)


def app_id(f: F) -> F:
    """`--app-id A`."""
    return click.option("-a", "--app-id", required=True, metavar="A", help="The connection.")(f)


def environment(f: F) -> F:
    """`--env E`, as the Orchestrate CLI spells it too."""
    return click.option(
        "--environment", "--env", type=ENVIRONMENT, metavar="E", help="Environment (draft, live…), else the active one."
    )(f)


def page(f: F) -> F:
    """`--limit N` and `--offset N`."""
    f = click.option("--offset", type=click.IntRange(min=0), metavar="N", help="Leave out the first N.")(f)
    return click.option("--limit", type=click.IntRange(1, 1000), metavar="N", help="At most N.")(f)


def as_json(f: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="The data itself, complete and stable.")(f)


def _remotes(door: Door, ctx: click.Context) -> list[str]:
    from credmagic.client import remotes

    return [*(view["name"] for view in remotes.known(door.here)), settings.HERE]


REMOTE = Known(_remotes)
_ASKED = "credmagic.remote"


def _lead(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Let what follows go through a door to the server that was asked for, on this verb or before it."""
    door = _door(ctx)
    if door is None:
        return
    if value:
        ctx.meta[_ASKED] = value
    ctx.obj = door.at(_destination(ctx))


def _destination(ctx: click.Context) -> str:
    """The nickname of the server to ask; "" for this one. Raises `UsageError` for a verb that stays here."""
    asked: str = ctx.meta.get(_ASKED, "")
    active, reach = settings.active_remote(), getattr(ctx.command, "reach", "anywhere")
    nick, verb = asked or active, f"{ctx.command.name}"
    if reach == "anywhere" or nick in ("", settings.HERE):
        return nick
    if reach == "here" and not asked:
        return ""
    if reach == "here":
        raise UsageError(f"`{verb}` is about this side alone and takes no --remote", next_step="Leave --remote out.")
    raise UsageError(
        f"`{verb}` works only where the store of {nick} is",
        next_step=f"In a terminal there: credmagic {verb}. For the store here: credmagic {verb} --remote here",
    )


def led_elsewhere(command: click.Command) -> click.Command:
    """Give a verb, or each one of a tree, `--remote NICK`."""
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        led_elsewhere(inner)
    hidden = getattr(command, "reach", "anywhere") != "anywhere"
    command.params.append(
        click.Option(
            ["--remote"], type=REMOTE, metavar="NICK", is_eager=True, expose_value=False, callback=_lead, hidden=hidden,
            help="On another server (see `remote`); `here` is this one.",
        )
    )  # fmt: skip
    return command


def team(f: F) -> F:
    """`--team`."""
    return click.option("--team", is_flag=True, help="Owned by your team, not by you alone.")(f)


class Expiry(click.ParamType):  # type: ignore[type-arg]  # generic in newer Clicks only
    """A date to come, or `none`; becomes what the vault takes (ISO 8601, or the empty text for none)."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises `InvalidCredential` for what is no date or lies in the past."""
        from datetime import UTC, datetime

        from credmagic.errors import InvalidCredential
        from credmagic.kinds.names import parse_expiry

        if str(value).casefold() in ("none", ""):
            return ""
        until = parse_expiry(value)
        if until <= datetime.now(UTC):
            raise InvalidCredential(
                "the expiry lies in the past", errors={"expires_at": "a date to come, e.g. 2030-01-31, or none"}
            )
        return until.isoformat()


def expires(f: F) -> F:
    """`--expires DATE`."""
    return click.option(
        "--expires", "expires_at", type=Expiry(), metavar="DATE",
        help="When it stops working, e.g. 2030-01-31 (or none): a warning 14 days before, refused after.",
    )(f)  # fmt: skip


def place(object_type: str, object_id: str | None) -> str | None:
    """The id under which a server knows an object: a notebook by its absolute path, others as they are called."""
    return os.path.abspath(os.path.expanduser(object_id)) if object_type == "notebook" and object_id else object_id


def secret(f: F) -> F:
    """`--secret FIELD=SOURCE`, repeatable."""
    return click.option(
        "--secret", "secrets", multiple=True, type=SECRET, metavar="FIELD=SOURCE",
        help="A secret field; SOURCE is prompt, env:VAR, file:PATH or (in a notebook) var:NAME.",
    )(f)  # fmt: skip


class Source(click.ParamType):  # type: ignore[type-arg]  # generic in newer Clicks only
    """Where a secret comes from, never the secret; `keyed` ones are `KEY=SOURCE`."""

    name = "source"

    def __init__(self, *, keyed: bool = False) -> None:
        self.keyed = keyed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The source. Raises `UsageError` for anything else."""
        from credmagic.cli.sources import WAYS

        if not self.accepts(str(value)):
            form = f"{'KEY=' if self.keyed else ''}SOURCE, where SOURCE is {WAYS}"
            label = param.opts[-1] if param is not None else "the option"
            raise UsageError(f"{label} takes where a secret is, never a value", next_step=f"Write {label} {form}.")
        return str(value)

    def accepts(self, value: str) -> bool:
        """Whether `value` says where a secret is."""
        from credmagic.cli.sources import is_reference

        key, equals, source = value.partition("=") if self.keyed else ("-", "=", value)
        return bool(key and equals and is_reference(source))

    def instead(self, value: str) -> str:
        """What should have been written."""
        return f"{value.partition('=')[0]}=prompt" if self.keyed and "=" in value else "prompt"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The ways, for one that has no key."""
        ways = () if self.keyed else ("prompt", "env:", "file:", "var:")
        return [CompletionItem(way) for way in ways if way.startswith(incomplete)]


SOURCE, ENTRY = Source(), Source(keyed=True)


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
