"""The verbs of access keys: create, list, pause, resume, rm. A secret is shown once, when it is made."""

from __future__ import annotations

from typing import Any

import click

from credmagic.cli import app_page, options, showing
from credmagic.cli.door import Door
from credmagic.cli.pages import Page
from credmagic.cli.usage import Tree, Verb

_KEY = click.argument("key_id", metavar="KEY")


@click.group("key", cls=Tree, invoke_without_command=True, no_args_is_help=False)
@click.pass_context
def key(ctx: click.Context) -> Any:
    """What applications sign in with. Without a verb: the list."""
    if ctx.invoked_subcommand is None:
        return ctx.invoke(list_, ref=None, as_json=False)
    return None


@key.command("create", cls=Verb)
@click.argument("ref", metavar="APP")
@click.option("--out", metavar="FILE", help="Write the secret to a new private file instead of showing it.")
@options.as_json
@options.door
def create(door: Door, ref: str, out: str | None, as_json: bool) -> Any:
    """Make a key of an application (or machine), by its id or name. Its secret is shown once.

    In a shell, --json prints the secret with the rest.
    """
    in_data = as_json and door.in_shell and not out
    with showing.in_data() if in_data else door.showing(out) as show:  # before a key is made that nobody could see
        made = door.client.call("key_create", ref=ref, reveal=not out and not door.in_shell)
        place = show(made)
    if as_json:
        hidden = {"generated", "reveal_id", "reveal_until"} | (set() if in_data else {"secret"})
        return door.show(Page("", {name: value for name, value in made.items() if name not in hidden}), as_json=True)
    door.say(f"✓ key {made['id']} of {made['name']} made, its secret {place}")
    return door.say(f"Set a client up with it: {door.prog} connect conductor")


@key.command("list", cls=Verb)
@click.argument("ref", metavar="[APP]", required=False)
@options.as_json
@options.door
def list_(door: Door, ref: str | None, as_json: bool) -> Any:
    """The keys of an application (or machine); without one, of all applications."""
    if ref is not None:
        found = [{"name": ref, "keys": door.client.call("keys", ref=ref)["keys"]}]
    else:
        found = [
            {"id": one["id"], "name": one["name"], "keys": door.client.call("keys", ref=one["id"])["keys"]}
            for one in door.client.call("apps")["apps"]
        ]
    data = {"apps": found} if ref is None else {"keys": found[0]["keys"]}
    page = app_page.keys({"apps": found}, door.prog)
    return door.show(Page("", data) if as_json else page, as_json=as_json)


@key.command("pause", cls=Verb)
@_KEY
@options.as_json
@options.door
def pause(door: Door, key_id: str, as_json: bool) -> Any:
    """Refuse a key and every token it was exchanged for, until it is resumed."""
    return _changed(door, "key_pause", key_id, as_json, f"is paused. Again: {door.prog} key resume {key_id}")


@key.command("resume", cls=Verb)
@_KEY
@options.as_json
@options.door
def resume(door: Door, key_id: str, as_json: bool) -> Any:
    """Let a key sign in again."""
    return _changed(door, "key_resume", key_id, as_json, "is active; tokens from before stay refused")


@key.command("rm", cls=Verb)
@_KEY
@options.as_json
@options.door
def rm(door: Door, key_id: str, as_json: bool) -> Any:
    """Delete a key; it and its tokens are refused from now on."""
    return _changed(door, "key_remove", key_id, as_json, "removed")


def _changed(door: Door, action: str, key_id: str, as_json: bool, said: str) -> Any:
    answer = door.client.call(action, key_id=key_id)
    return door.show(Page("", answer), as_json=True) if as_json else door.say(f"✓ key {key_id} {said}")
