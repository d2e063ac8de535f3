"""The verbs that make and change credentials: new, add, edit, rename, rm."""

from __future__ import annotations

from typing import Any

import click

from credmagic.cli import options, sources
from credmagic.cli.door import Door
from credmagic.cli.health import sign_ins
from credmagic.cli.usage import UsageError, Verb
from credmagic.errors import short, word


def done(door: Door, view: dict[str, Any], word: str, as_json: bool) -> Any:
    """One quiet line, and whatever the vault wants the person to know."""
    from credmagic.cli.pages import Page

    if as_json:
        return door.show(Page("", view), as_json=True)
    for line in view.get("warnings", ()):
        door.note(f"▲ {line}")
    outcome = (view.get("verified") or {}).get("outcome")
    said = {"ok": "verified", "unverifiable": "not verifiable"}.get(outcome or "", "not verified")
    said = "not signed in yet" if view.get("sign_in") else said
    door.say(f"✓ {view['name']} {word}: {view['title']}, {view['environment'] or 'all environments'}, {said}")
    for line in sign_ins([view], door.prog):
        door.note(line)
    return None


@click.command("new", cls=Verb)
@click.argument("kind", required=False, type=options.KIND, metavar="[KIND]")
@click.argument("ref", required=False, metavar="[NAME]", type=options.NAME)
@options.env
@options.team
@options.door
def new(door: Door, kind: str | None, ref: str | None, environment: str | None, team: bool) -> Any:
    """Make a credential in a form; a single word that is no kind is its name."""
    door.will_ask(f"{door.prog} add NAME --kind KIND field=value … --secret FIELD=env:VAR")
    from credmagic import forms

    if kind is not None and not ref and not door.is_kind(kind):
        ref, kind = door.expand(kind), None
    door.say_where()
    saved = forms.new(door.client, kind, ref, environment=environment or "", team=team)
    return done(door, saved, "saved", False) if saved else None


@click.command("edit", cls=Verb)
@options.name
@options.env
@options.expires
@options.door
def edit(door: Door, ref: str, environment: str | None, expires_at: str | None) -> Any:
    """Change a credential in a form; secrets that are not typed again stay. With --expires: the date only, no form."""
    where = door.environment(environment)
    if expires_at is not None:
        return done(door, door.client.call("update", ref=ref, environment=where, expires_at=expires_at), "saved", False)
    door.will_ask(f"{door.prog} rotate {word(ref)} field=value … --secret FIELD=env:VAR")
    from credmagic import forms

    door.say_where()
    saved = forms.edit(door.client, ref, environment=where)
    return done(door, saved, "saved", False) if saved else None


@click.command("add", cls=Verb)
@click.argument("words", nargs=-1, type=options.PUBLIC, metavar="[NAME] [FIELD=VALUE]...")
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
def add(door: Door, /, words: tuple[str, ...], kind: str, secrets: tuple[str, ...], as_json: bool, **more: Any) -> Any:
    """Make a credential in a script: public fields as field=value, secret ones by reference. Without NAME: KIND-N."""
    named = bool(words) and "=" not in words[0]
    name, fields = (door.expand(words[0]), words[1:]) if named else ("", words)
    if named and not name.strip():
        raise UsageError("the name is empty", next_step=f"Leave it out and one is made: {door.prog} add --kind {kind}")
    more["environment"] = more["environment"] or ""
    more["tags"] = list(more["tags"])
    described = door.kind(kind)
    values = sources.nested(sources.gathered(door, fields, secrets), described)
    view = door.client.call("create", name=name, kind=described["kind"], fields=values, **more)
    return done(door, view, "saved", as_json)


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
@click.option("--force", is_flag=True, help="Even if it is attached somewhere or injected into a running kernel.")
@options.door
def rm(door: Door, ref: str, environment: str | None, force: bool) -> Any:
    """Delete a credential with all its versions."""
    where = door.environment(environment)
    if environment:
        _only_there(door, ref, where)
    gone = door.client.call("delete", ref=ref, environment=where, force=force)["deleted"]
    return door.say(f"✓ {gone['name']} deleted: {gone['title']}, {gone['environment'] or 'all environments'}")


def _only_there(door: Door, ref: str, environment: str) -> None:
    """Looking a name up goes on to the credential of all environments; who deletes it has to mean that one."""
    found = door.client.call("show", ref=ref, environment=environment)["environment"]
    if found != environment:
        raise UsageError(
            f'"{short(ref)}" is not of {short(environment)} alone: it is the one of {found or "all environments"}',
            next_step=f"Delete that: {door.prog} rm {word(ref)}{f' --env {word(found)}' if found else ''}",
        )
