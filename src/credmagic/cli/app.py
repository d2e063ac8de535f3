"""The verbs of applications, in the words of Conductor: list, create, rm."""

from __future__ import annotations

from typing import Any

import click

from credmagic.cli import app_page, options
from credmagic.cli.door import Door
from credmagic.cli.pages import Page
from credmagic.cli.usage import Tree, Verb
from credmagic.errors import word


@click.group("app", cls=Tree, invoke_without_command=True, no_args_is_help=False)
@click.pass_context
def app(ctx: click.Context) -> Any:
    """Identities that sign in with access keys. Without a verb: the list."""
    if ctx.invoked_subcommand is None:
        return ctx.invoke(list_, as_json=False)
    return None


@app.command("list", cls=Verb)
@options.as_json
@options.door
def list_(door: Door, as_json: bool) -> Any:
    """Every application with its role and status."""
    return door.show(app_page.apps(door.client.call("apps"), door.prog), as_json=as_json)


@app.command("create", cls=Verb)
@click.argument("name", metavar="NAME")
@click.option("--role", "roles", multiple=True, metavar="R", help="As Conductor names them; ADMIN may manage.")
@options.as_json
@options.door
def create(door: Door, name: str, roles: tuple[str, ...], as_json: bool) -> Any:
    """Make an application. It signs in with a key: key create."""
    made = door.client.call("app_add", name=name, roles=[role.upper() for role in roles])
    if as_json:
        return door.show(Page("", made), as_json=True)
    door.say(f"✓ application {made['name']} ({made['id']}, {made['role']}) made")
    return door.say(f"Give it a key: {door.prog} key create {word(made['name'])}")


@app.command("rm", cls=Verb)
@click.argument("ref", metavar="APP")
@click.option("--force", is_flag=True, help="With the credentials that are its own.")
@options.as_json
@options.door
def rm(door: Door, ref: str, force: bool, as_json: bool) -> Any:
    """Remove an application, by its id or name; its keys and their tokens end with it."""
    gone = door.client.call("app_remove", ref=ref, force=force)
    if as_json:
        return door.show(Page("", gone), as_json=True)
    return door.say(f"✓ application {gone['removed']['name']} removed, {gone['credentials']} credentials with it")
