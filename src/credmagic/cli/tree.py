"""Which verbs are there? One tree, for the shell (`credmagic …`) and for the magic (`%cred …`) alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from credmagic.cli import (
    app,
    connect,
    connection,
    guards,
    inline,
    key,
    living,
    login,
    looking,
    machine,
    making,
    operating,
    options,
    remote,
    using,
)
from credmagic.cli.door import Door
from credmagic.cli.usage import Tree

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Look": (
        looking.overview, looking.list_, looking.show, looking.kinds, looking.why, looking.uses, looking.attached,
        looking.versions, looking.audit, looking.status,
    ),
    "Make": (making.new, making.add, making.edit, making.rename, making.rm),
    "Use": (
        using.use, using.select, operating.run, login.login, using.environment, living.reload, using.attach,
        using.detach,
    ),
    "Look after": (
        living.verify, living.rotate, living.rollback, living.pause, living.resume, guards.guard, guards.grant,
        guards.revoke,
    ),
    "Teams and jobs": (connection.connection, machine.machine, app.app, key.key),
    "Other servers and clients": (remote.remote, connect.connect),
    "The store": (operating.protect, operating.recovery_key, operating.demo),
}  # fmt: skip
"""The verbs as help and docs/commands.md list them."""

VERBS: tuple[click.Command, ...] = tuple(verb for verbs in SECTIONS.values() for verb in verbs)


@click.group(
    "credmagic", cls=Tree, sections=SECTIONS, invoke_without_command=True, no_args_is_help=False,
    subcommand_metavar="[VERB …]", epilog="VERB --help tells one in full.",
)  # fmt: skip
@options.as_json
@click.version_option(package_name="credmagic", message="%(prog)s %(version)s")
@click.pass_context
def tree(ctx: click.Context, as_json: bool) -> Any:
    """Typed credentials: made in a form, used in a cell, never in the file. Without a verb: the overview."""
    if ctx.invoked_subcommand is None:
        return ctx.invoke(looking.overview, environment=None, as_json=as_json)
    return None


for _verb in VERBS:
    tree.add_command(_verb)
options.led_elsewhere(tree)


def run(words: Sequence[str], door: Door) -> Any:
    """Run one command line for `door` and return what its verb returns.

    A secret value in it is refused before Click sees it (`InvalidCredential` with the safe form). Raises
    `CredmagicError` for everything that goes wrong on purpose, `KeyboardInterrupt` or `EOFError` when a prompt is left.
    """
    words = list(words)
    finding = examine(words, door)
    if finding is not None:
        if finding.instead:
            door.refuse(words, finding)
            return None
        words = finding.accepted(words)
    try:
        return tree.main(words, prog_name=door.prog, standalone_mode=False, obj=door)
    except click.Abort as abort:  # what Click makes of both
        stopped = abort.__cause__
    raise stopped or KeyboardInterrupt


def examine(words: Sequence[str], door: Door) -> inline.Finding | None:
    """What is refused in a command line; None when it cannot carry a value at all."""
    return _examined(tree, words, door)


def _examined(group: click.Group, words: Sequence[str], door: Door) -> inline.Finding | None:
    at = _verb_at(group, words)
    verb = group.commands.get(words[at]) if at < len(words) else None
    if verb is None:
        return None
    if isinstance(verb, click.Group):
        inner = _examined(verb, words[at + 1 :], door)
        return inner.moved(at + 1) if inner else None
    words, flags = words[at:], _flags(verb)
    no_sources = dict(_sources(verb, words))
    if not no_sources and not inline.suspicious(words, flags):
        return None
    fields = inline.Fields.of(door.kinds(), inline.chosen_kind(words))
    finding = inline.find(words, flags, fields)
    finding.instead |= no_sources
    return finding.moved(at)


def _flags(command: click.Command) -> dict[str, bool]:
    """Its options, each with whether it takes a value."""
    return {"--help": False} | {
        name: not (isinstance(param, click.Option) and param.is_flag)
        for param in command.params
        for name in (*param.opts, *param.secondary_opts)
        if name.startswith("-")
    }


def _verb_at(group: click.Group, words: Sequence[str]) -> int:
    """Where the verb stands, behind options of the group (`--remote lab add …`)."""
    flags, at = _flags(group), 0
    while at < len(words) and words[at].startswith("-"):
        flag, equals, _ = words[at].partition("=")
        at += 2 if flags.get(flag) and not equals else 1
    return at


def _sources(verb: click.Command, words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Values where a source should stand, each by its index with what should stand there."""
    types = {name: p.type for p in verb.params for name in p.opts if isinstance(p.type, options.Source)}
    for at, word in enumerate(words):
        flag, equals, value = word.partition("=")
        kind = types.get(flag)
        if kind is None:
            continue
        if equals and not kind.accepts(value):
            yield at, f"{flag}={kind.instead(value)}"
        elif not equals and at + 1 < len(words) and not kind.accepts(words[at + 1]):
            yield at + 1, kind.instead(words[at + 1])
