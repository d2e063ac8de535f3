"""The verbs that make and change credentials: new, add, edit, rotate, verify, rename, rm."""

from __future__ import annotations

from typing import Any

import click

from credmagic.cli import options, sources
from credmagic.cli.door import Door
from credmagic.cli.usage import Verb


def _done(door: Door, view: dict[str, Any], word: str, as_json: bool) -> Any:
    """One quiet line, and whatever the vault wants the person to know."""
    from credmagic.cli.pages import Page

    if as_json:
        return door.show(Page("", view), as_json=True)
    for line in view.get("warnings", ()):
        door.note(f"▲ {line}")
    outcome = (view.get("verified") or {}).get("outcome")
    said = {"ok": "verified", "unverifiable": "not verifiable"}.get(outcome or "", "not verified")
    return door.say(f"✓ {view['name']} {word}: {view['title']}, {view['environment'] or 'all environments'}, {said}")


@click.command("new", cls=Verb)
@click.argument("kind", required=False, type=options.KIND, metavar="[KIND]")
@click.argument("ref", required=False, metavar="[NAME]", type=options.NAME)
@options.env
@options.team
@options.door
def new(door: Door, kind: str | None, ref: str | None, environment: str | None, team: bool) -> Any:
    """Make a credential in a form; a single word that is no kind is its name."""
    from credmagic import forms

    if kind is not None and not ref and not door.is_kind(kind):
        ref, kind = door.expand(kind), None
    saved = forms.new(door.client, kind, ref, environment=environment or "", team=team)
    return _done(door, saved, "saved", False) if saved else None


@click.command("edit", cls=Verb)
@options.name
@options.env
@options.door
def edit(door: Door, ref: str, environment: str | None) -> Any:
    """Change a credential in a form; secrets that are not typed again stay."""
    from credmagic import forms

    saved = forms.edit(door.client, ref, environment=door.environment(environment))
    return _done(door, saved, "saved", False) if saved else None


@click.command("add", cls=Verb)
@options.name
@click.argument("fields", nargs=-1, type=options.PUBLIC, metavar="[FIELD=VALUE]...")
@click.option("--kind", required=True, type=options.KIND, metavar="K", help="The kind: see `kinds`.")
@options.secret
@options.env
@options.team
@options.verify
@click.option("--attach", is_flag=True, help="Attach it to this notebook.")
@click.option("--description", default="", metavar="TEXT", help="A line for people.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="May be given several times.")
@options.expires
@options.as_json
@options.door
def add(
    door: Door, /, ref: str, kind: str, fields: tuple[str, ...], secrets: tuple[str, ...], as_json: bool, **more: Any
) -> Any:
    """Make a credential in a script: public fields as field=value, secret ones by reference."""
    more["environment"] = more["environment"] or ""
    more["tags"] = list(more["tags"])
    described = door.kind(kind)
    values = sources.nested(sources.gathered(door, fields, secrets), described)
    view = door.client.call("create", name=ref, kind=described["kind"], fields=values, **more)
    return _done(door, view, "saved", as_json)


@click.command("rotate", cls=Verb)
@options.name
@click.argument("fields", nargs=-1, type=options.PUBLIC, metavar="[FIELD=VALUE]...")
@options.secret
@options.env
@options.expires
@options.verify
@options.as_json
@options.door
def rotate(
    door: Door, /, ref: str, fields: tuple[str, ...], secrets: tuple[str, ...], environment: str | None, as_json: bool,
    **more: Any,
) -> Any:  # fmt: skip
    """Give a credential new values: a new version, which running kernels see on their next use."""
    where = {"ref": ref, "environment": door.environment(environment)}
    values = sources.gathered(door, fields, secrets)
    kind = door.client.call("show", **where)["kind"]
    values = sources.nested(values, door.kind(kind))
    view = door.client.call("rotate", fields=values, **where, **more)
    return _done(door, view, f"is now version {view['version']}", as_json)


@click.command("verify", cls=Verb)
@options.name
@options.env
@options.as_json
@options.door
def verify(door: Door, ref: str, environment: str | None, as_json: bool) -> Any:
    """Ask the service whether a credential works. Exit 7 if it does not."""
    from credmagic.cli.pages import Page

    result = door.client.call("verify", ref=ref, environment=door.environment(environment))
    if as_json:
        return door.show(Page("", result), as_json=True)
    if result["outcome"] == "ok":
        return door.say(f"✓ {ref} works ({result['took_ms']:.0f} ms)")
    return door.say(f"○ {ref} cannot be verified: {result['reason'] or 'its kind has no check yet'}")


@click.command("rename", cls=Verb)
@options.name
@click.argument("new_name", metavar="NEW", type=options.NAME)
@options.env
@options.door
def rename(door: Door, ref: str, new_name: str, environment: str | None) -> Any:
    """Give a credential another name; what is attached stays attached."""
    where = door.environment(environment)
    view = door.client.call("rename", ref=ref, new_name=new_name, environment=where)
    return door.say(f"✓ {ref} is now {view['name']}")


@click.command("rm", cls=Verb)
@options.name
@options.env
@click.option("--force", is_flag=True, help="Even if it is attached somewhere.")
@options.door
def rm(door: Door, ref: str, environment: str | None, force: bool) -> Any:
    """Delete a credential with all its versions."""
    where = door.environment(environment)
    gone = door.client.call("delete", ref=ref, environment=where, force=force)["deleted"]
    return door.say(f"✓ {gone['name']} deleted: {gone['title']}, {gone['environment'] or 'all environments'}")
