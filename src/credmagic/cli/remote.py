"""The verbs of other credmagic servers: add one under a nickname, list, use, rm.

A remote is an access key of that server, kept in the vault here (`client/remotes.py`): what leaves it are short-lived
tokens. `--remote NICK` on any verb then goes there, and `remote use NICK` sends everything of this kernel there.
"""

from __future__ import annotations

from typing import Any

import click

from credmagic import settings
from credmagic.cli import ages, options, running, sources
from credmagic.cli.door import Door
from credmagic.cli.pages import Cell, Column, Page, Section
from credmagic.cli.usage import Tree, UsageError, Verb
from credmagic.client import remotes
from credmagic.errors import word

API = f"{running.BASE}/api"


@click.group("remote", cls=Tree, invoke_without_command=True, no_args_is_help=False, reach="here")
@click.pass_context
def remote(ctx: click.Context) -> Any:
    """Other credmagic servers by nickname. Without a verb: the list."""
    if ctx.invoked_subcommand is None:
        return ctx.invoke(list_, as_json=False)
    return None


NICK = click.argument("nick", metavar="NICK", type=options.REMOTE)


@remote.command("list", cls=Verb, reach="here")
@options.as_json
@options.door
def list_(door: Door, as_json: bool) -> Any:
    """The other servers that are known here, and which one this kernel uses."""
    active = settings.active_remote()
    found = [
        {
            "name": view["name"], "url": view["fields"]["server_url"], "key_id": view["fields"]["key_id"],
            "active": view["name"].casefold() == active.casefold(), "verified": view["verified"],
            "owner": view["owner"], "id": view["id"],
        }
        for view in remotes.known(door.here)
    ]  # fmt: skip
    return door.show(_page(found, active, door.prog), as_json=as_json)


def _page(found: list[dict[str, Any]], active: str, prog: str) -> Page:
    columns = (Column("Remote"), Column("Server", 1), Column("Key", 3), Column("Health", 2), Column(""))
    rows = [
        (
            Cell(item["name"], code=True),
            Cell(item["url"].removesuffix(API)),
            Cell(item["key_id"], code=True),
            _health(item["verified"]),
            Cell("in use", "where this kernel's commands go", glyph="★") if item["active"] else Cell(""),
        )
        for item in found
    ]
    if rows:
        foot = f"Ask one: {prog} list --remote {word(found[0]['name'])}"
        foot += f". Back to this server: {prog} remote use --none" if active else f" · {prog} remote use NICK"
    else:
        foot = f"No other server is known here. Add one: {prog} remote add NICK --url URL --key KEY_ID --secret prompt"
    return Page("", {"remotes": found, "active": active}, columns=columns, sections=(Section(rows),), foot=(foot,))


def _health(verified: dict[str, Any] | None) -> Cell:
    if verified is None:
        return Cell("not verified", glyph="○", tone="muted")
    ok = verified["outcome"] == "ok"
    when, title = ages.ago(verified["at"]), ages.absolute(verified["at"])
    text = f"answered {when}" if ok else f"{verified['outcome']} {when}"
    return Cell(text, title, "ok" if ok else "warn", "●" if ok else "▲")


@remote.command("add", cls=Verb, reach="here")
@click.argument("nick", metavar="NICK")
@click.option("--url", required=True, metavar="URL", help="That server's address, e.g. https://jupyter.example.org/")
@click.option("--key", "key_id", required=True, metavar="KEY_ID", help="From `key create` there.")
@click.option("--secret", required=True, type=options.SOURCE, metavar="SOURCE", help="Where the key's secret is.")
@options.team
@options.verify
@options.door
def add(door: Door, nick: str, url: str, key_id: str, secret: str, team: bool, verify: bool) -> Any:
    """Keep another server's access key under a nickname, after asking that server whether it works."""
    if nick.casefold() == settings.HERE:
        raise UsageError(f"`{settings.HERE}` means this server", next_step="Choose another nickname.")
    fields = {"server_url": f"{running.address(url)}/api", "key_id": key_id}
    fields["key_secret"] = sources.read(door, "secret", secret)
    view = door.here.call(
        "create", name=nick, kind=remotes.KEYS, fields=fields, tags=[remotes.TAG], team=team, verify=verify,
        description=f"The credmagic server {fields['server_url'].removesuffix(API)}",
    )  # fmt: skip
    remotes.forget()
    for line in view["warnings"]:
        door.note(f"▲ {line}")
    said = "" if verify else ", not verified"
    door.say(f"✓ remote {view['name']} saved: {fields['server_url'].removesuffix(API)}{said}")
    return door.note(f"Ask it: {door.prog} list --remote {word(view['name'])}")


@remote.command("use", cls=Verb, reach="here")
@click.argument("nick", required=False, metavar="NICK", type=options.REMOTE)
@click.option("--none", is_flag=True, help="Back to this server.")
@options.door
def use(door: Door, nick: str | None, none: bool) -> Any:
    """Send this kernel's commands, and what its code asks for, to another server; `--none` goes back."""
    if none or nick == settings.HERE:
        door.lead("")
        return door.say("✓ names are looked up on this server")
    if nick is None:
        active = settings.active_remote()
        return door.say(active or "this server")
    view = remotes.find(door.here, nick)
    door.lead(view["name"])
    door.say(f"✓ names are looked up on {view['name']} ({view['fields']['server_url'].removesuffix(API)})")
    return door.note(f"Back to this server: {door.prog} remote use --none")


@remote.command("rm", cls=Verb, reach="here")
@NICK
@click.option("--force", is_flag=True, help="Even if it is attached somewhere.")
@options.door
def rm(door: Door, nick: str, force: bool) -> Any:
    """Forget another server and its key."""
    view = remotes.find(door.here, nick)
    door.here.call("delete", ref=view["id"], environment=view["environment"], force=force)
    remotes.forget()
    if settings.active_remote().casefold() == view["name"].casefold() and not door.in_shell:
        door.lead("")
    door.say(f"✓ remote {view['name']} removed")
    return door.note(f"Its key still opens that server. There: {door.prog} key rm {view['fields']['key_id']}")
