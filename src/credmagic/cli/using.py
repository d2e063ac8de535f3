"""The verbs that hand values over, and say where: use, select, attach, detach, environment, run."""

from __future__ import annotations

from typing import Any

import click

from credmagic import settings
from credmagic.cli import options
from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError, Verb, closest, did_you_mean
from credmagic.kinds.names import check_environment


@click.command("use", cls=Verb)
@click.argument("words", nargs=-1, type=options.WORDS, metavar="NAME [as VAR]")
@options.env
@click.option("--version", type=click.IntRange(min=1), metavar="N", help="An older version.")
@click.option(
    "--kind",
    type=options.KIND,
    metavar="K",
    help="Without NAME: the default of that kind of this notebook, else of its kernelspec, else of its server.",
)
@click.option("--export", is_flag=True, help="Also set its environment variables; a token is renewed before each cell.")
@click.option("--prefix", metavar="P", help="With --export: what the variables start with.")
@click.option("--wxo", is_flag=True, help="Also set the variables that tools of watsonx Orchestrate read.")
@click.option("--sdk", is_flag=True, help="Also let boto3, azure-identity or google-auth renew it by themselves.")
@options.door
def use(door: Door, /, words: tuple[str, ...], **how: Any) -> Any:
    """Hand over a credential: `db = %cred use warehouse`, or `as VAR`, or `--export` for variables."""
    command = f"{door.prog} use"
    names, variable = options.named(words, command)
    if len(names) > 1 or (not names and not how["kind"]):
        raise UsageError(f"{command}: takes one NAME", next_step=f"Help: {command} --help")
    name = door.expand(names[0]) if names else None
    return door.use(name, variable, **how)


@click.command("select", cls=Verb)
@click.argument("words", nargs=-1, type=options.KIND, metavar="[KIND] [as VAR]")
@options.door
def select(door: Door, words: tuple[str, ...]) -> None:
    """Choose one from a list; the choice is bound to a variable and remembered for this notebook."""
    from credmagic import forms

    padded = words if words[:1] != ("as",) else ("", *words)
    kinds, variable = options.named(padded, f"{door.prog} select")
    kind = (kinds[0] if kinds else "") or None
    door.say_where()
    forms.select(door.client, kind, variable=variable, bind=door.bind)


_WAYS = "Hand it over before the first cell: export, file, namespace, sdk or wxo."


@click.command("attach", cls=Verb)
@options.name
@click.argument("object_type", required=False, default="notebook", type=options.OBJECT, metavar="[TYPE]")
@click.argument("object_id", required=False, metavar="[ID]")
@options.env
@click.option("--default", is_flag=True, help="`use --kind K` without a name means this one there.")
@click.option("--inject", default="", type=options.WAY, metavar="HOW", help=_WAYS)
@options.door
def attach(door: Door, /, ref: str, environment: str | None, object_type: str, **how: Any) -> Any:
    """Tie a credential to this notebook, so that it is not deleted under it; or to another object, such as `server`."""
    where = door.environment(environment)
    how["object_id"] = options.place(object_type, how["object_id"])
    made = door.client.call("attach", ref=ref, environment=where, object_type=object_type, **how)
    how_said = f", injected by {made['inject']}" if made["inject"] else ""
    default = ", default of its kind" if made["is_default"] else ""
    default += f" in place of {made['replaced']}" if made.get("replaced") else ""
    word = "stays attached to" if made.get("changed") else "attached to"
    place = _place(made, mine=how["object_id"] is None)
    return door.say(f"✓ {ref} {word} {place}{default}{how_said}")


def _place(made: dict[str, Any], *, mine: bool) -> str:
    return f"this {made['object_type']}" if mine else f"{made['object_type']} {made['object_id']}"


@click.command("detach", cls=Verb)
@options.name
@click.argument("object_type", required=False, default="notebook", type=options.OBJECT, metavar="[TYPE]")
@click.argument("object_id", required=False, metavar="[ID]")
@options.env
@options.door
def detach(door: Door, ref: str, environment: str | None, object_type: str, object_id: str | None) -> Any:
    """Untie it again."""
    object_id = options.place(object_type, object_id)
    gone = door.client.call(
        "detach", ref=ref, environment=door.environment(environment), object_type=object_type, object_id=object_id
    )["detached"]
    return door.say(f"✓ {ref} detached from {_place(gone, mine=object_id is None)}")


def _strange(door: Door, name: str) -> None:
    """Any word may be an environment; one that nothing is in yet may be a typing error."""
    known = {item["environment"] for item in door.names()} | set(settings.environments())
    if name not in known:
        hint = did_you_mean(closest(name, known - {""}))
        door.note(" ".join(filter(None, (f"▲ no credential is in {name} yet; those without one serve it.", hint))))


@click.command("environment", cls=Verb, reach="here")
@click.argument("name", required=False, type=options.ENVIRONMENT, metavar="[NAME]")
@options.door
def environment(door: Door, name: str | None) -> Any:
    """The environment in which names are looked up; with NAME, change it for this kernel."""
    if name:
        name = check_environment(name)
        door.enter(name)
        _strange(door, name)
    return door.say(door.environment(None))
