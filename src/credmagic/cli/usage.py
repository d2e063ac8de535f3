"""What does a person see who mistyped a command? Our words, and never their input.

Click quotes what it could not parse, and what it could not parse may be a password. So every usage error is told
again here: it names the verb, the option or the argument, offers the closest spelling, and ends with the help.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from credmagic.errors import CredmagicError

SLIPS = {"--environment": "--env", "--version": "--version N", "--environ": "--export", "--exprot": "--export"}
"""Options of other tools, and common slips, with what they are called here."""


class UsageError(CredmagicError):
    """A command line that cannot be understood. Never quotes it. Exit 2."""

    codes = ("usage",)
    status = 422
    exit_code = 2


def closest(word: str, offered: Iterable[str], count: int = 3) -> list[str]:
    """What `word` may have been meant to be, best first."""
    return difflib.get_close_matches(word, list(offered), n=count, cutoff=0.6)


def did_you_mean(names: Sequence[str]) -> str:
    """`Did you mean a or b?`, or nothing."""
    return f"Did you mean {' or '.join(names)}?" if names else ""


def retold(error: click.UsageError, command: click.Command, path: str) -> UsageError:
    """The same mistake without the input in it."""
    context = error.ctx
    path = context.command_path if context is not None else path
    help_line = f"Help: {path} --help"
    if isinstance(error, click.NoSuchOption):
        hint = _option_hint(error, command)
        return UsageError(f"{path}: unknown option", next_step=" ".join(filter(None, (hint, help_line))))
    return UsageError(f"{path}: {_what(error)}", next_step=help_line)


def _what(error: click.UsageError) -> str:
    if isinstance(error, click.MissingParameter):
        return f"{_label(error.param)} is missing"
    if isinstance(error, click.BadParameter):
        return f"{_label(error.param)} {_expected(error.param)}"
    if isinstance(error, click.BadOptionUsage):
        takes_value = "requires" in error.message
        return f"{error.option_name} {'needs a value' if takes_value else 'takes no value'}"
    return "too many words, or words in the wrong place"


def _option_hint(error: click.NoSuchOption, command: click.Command) -> str:
    offered = [name for param in command.params for name in param.opts if name.startswith("--")]
    typed = error.option_name
    slip = SLIPS.get(typed)
    names = [slip] if slip and slip.split()[0] in offered else closest(typed, offered)
    return did_you_mean(names)


def _label(param: click.Parameter | None) -> str:
    if param is None:
        return "an argument"
    if isinstance(param, click.Option):
        return str(param.opts[-1])
    return str(param.metavar or param.human_readable_name).strip("[]. …")


def _expected(param: click.Parameter | None) -> str:
    kind: Any = param.type if param is not None else None
    if isinstance(kind, click.Choice):
        return f"must be one of: {', '.join(map(str, kind.choices))}"
    if isinstance(kind, click.types.IntParamType):
        return "must be a whole number"
    return "has a value that cannot be used here"


class Verb(click.Command):
    """One verb. `shell_only` verbs exist in the magic only to say where they live.

    `reach` says what `--remote` means to it: `anywhere` it goes to that server, `here` it is about this kernel or this
    machine alone, `store` it is run where that server's store is.
    """

    def __init__(self, *args: Any, shell_only: bool = False, reach: str = "anywhere", **kwargs: Any) -> None:
        kwargs.setdefault("options_metavar", "[OPTIONS]")
        super().__init__(*args, **kwargs)
        self.shell_only = shell_only
        self.reach = reach

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Click's own, with usage errors retold."""
        if self.shell_only and parent is not None and not parent.obj.in_shell and "--help" not in args:
            raise UsageError(f"`{self.name}` runs in a shell only", next_step=f"In a terminal: credmagic {self.name}")
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            problem = retold(error, self, info_name or "")
        raise problem  # outside the block: the original, which quotes the input, is not its context


def brief(text: str, room: int) -> str:
    """The first clauses of the first sentence of `text` that have room in one line, without a full stop."""
    sentence = text.split("\n\n")[0].split(". ")[0].rstrip(".")
    for marks in (";:", ","):  # what follows a comma may be half a list
        while len(sentence) > room and (end := max(map(sentence.rfind, marks))) > 0:
            sentence = sentence[:end]
    return sentence


Sections = Mapping[str, Sequence[click.Command]]
"""Headings of a list of verbs, each with what stands under it."""


class Tree(click.Group):
    """The verbs. An unknown one is answered with the closest."""

    command_class = Verb

    def __init__(self, *args: Any, reach: str = "anywhere", sections: Sections | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reach = reach
        self.sections = sections or {}

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Click's own, with usage errors retold."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            problem = retold(error, self, info_name or "")
        raise problem

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were added, which is that of a task."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Section by section, one line for each verb."""
        widest = max(map(len, self.commands), default=0)
        room = formatter.width - widest - 6  # the indent, the gap between the columns, and one to spare
        for title, verbs in (self.sections or {"Commands": tuple(self.commands.values())}).items():
            with formatter.section(title):
                formatter.write_dl([(f"{verb.name or '':{widest}}", brief(verb.help or "", room)) for verb in verbs])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb and what follows it. Raises `UsageError` with the closest verbs."""
        command = self.get_command(ctx, args[0])
        if command is None and ctx.resilient_parsing:
            return None, None, args
        if command is None:
            hint = did_you_mean(closest(args[0].casefold(), self.list_commands(ctx)))
            raise UsageError(
                f"{ctx.command_path}: unknown verb",
                next_step=" ".join(filter(None, (hint, f"All verbs: {ctx.command_path} --help"))),
            )
        return args[0], command, args[1:]
