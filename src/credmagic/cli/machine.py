"""The verbs of machine identities, in the words of Element Unify: list, add, set-password, pause, resume, rm."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from credmagic.cli import connection_page, options, sources
from credmagic.cli.door import Door
from credmagic.cli.showing import Show
from credmagic.cli.usage import Tree, UsageError, Verb

_PASSWORD = click.option(
    "--password", type=options.SOURCE, metavar="SOURCE", help="Where the password is; without it a good one is made."
)
_OUT = click.option("--out", metavar="FILE", help="Write a made password to a new private file instead of showing it.")


@click.group("machine", cls=Tree, invoke_without_command=True, no_args_is_help=False)
@click.pass_context
def machine(ctx: click.Context) -> Any:
    """Identities without a person, for jobs. Without a verb: the list."""
    if ctx.invoked_subcommand is None:
        return ctx.invoke(list_, as_json=False)
    return None


def reference(f: Any) -> Any:
    """The id of a machine, or its display name where only one has it."""
    return click.argument("ref", metavar="ID")(f)


@machine.command("list", cls=Verb)
@options.as_json
@options.door
def list_(door: Door, as_json: bool) -> Any:
    """Every machine identity with status and role."""
    return door.show(connection_page.machines(door.client.call("machines"), door.prog), as_json=as_json)


@machine.command("add", cls=Verb)
@click.option("--id", "id", metavar="ID", help="1 to 128 of A-Z a-z 0-9 . _ @ -; without it one is made.")
@click.option("--name", metavar="TEXT", help="For people; without it machine-user-ID.")
@click.option("--role", default="Contributor", metavar="Admin|Contributor", help="What it may do (Contributor).")
@_PASSWORD
@_OUT
@options.door
def add(door: Door, /, password: str | None, out: str | None, **how: Any) -> Any:
    """Make a machine identity. A made password is shown once."""
    return _with_password(door, "machine_add", "made", password, out, how)


@machine.command("set-password", cls=Verb)
@reference
@_PASSWORD
@_OUT
@options.door
def set_password(door: Door, ref: str, password: str | None, out: str | None) -> Any:
    """Another password; the old one is refused from now on."""
    return _with_password(door, "machine_set_password", "changed", password, out, {"ref": ref})


def _with_password(
    door: Door, action: str, word: str, password: str | None, out: str | None, how: Mapping[str, Any]
) -> Any:
    if password and out:
        raise UsageError("--out is for a password that is made, not for one that is given", next_step="Leave one out.")
    if not password and door.remote and (door.in_shell or out):
        raise UsageError(
            "a password that is made on another server is shown in a notebook's browser only",
            next_step=f"Choose it here: --password prompt. Or in a cell: %cred --remote {door.remote} machine …",
        )
    given = sources.read(door, "password", password) if password else None
    place: AbstractContextManager[Show | None] = nullcontext() if given else door.showing(out)
    with place as show:  # refused here, before anything changes, where nothing could be shown
        reveal = not given and not out and not door.in_shell
        made = door.client.call(action, password=given, reveal=reveal, **how)
        said = f", with a new password {show(made)}" if show else ""
    return door.say(f"✓ machine {made['id']} ({made['name']}, {made['role']}) {word}{said}")


@machine.command("pause", cls=Verb)
@reference
@options.door
def pause(door: Door, ref: str) -> Any:
    """Refuse it until it is resumed, whatever token it holds."""
    view = door.client.call("machine_pause", ref=ref)
    return door.say(f"✓ machine {view['id']} is paused. Again: {door.prog} machine resume {view['id']}")


@machine.command("resume", cls=Verb)
@reference
@options.door
def resume(door: Door, ref: str) -> Any:
    """Let it in again."""
    return door.say(f"✓ machine {door.client.call('machine_resume', ref=ref)['id']} is active")


@machine.command("rm", cls=Verb)
@reference
@click.option("--force", is_flag=True, help="With the credentials that are its own.")
@options.door
def rm(door: Door, ref: str, force: bool) -> Any:
    """Remove a machine identity."""
    gone = door.client.call("machine_remove", ref=ref, force=force)
    return door.say(f"✓ machine {gone['removed']['id']} removed, {gone['credentials']} credentials with it")
