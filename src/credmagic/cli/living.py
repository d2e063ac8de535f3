"""The verbs of a credential's life: rotate, rollback, verify, pause, resume, reload."""

from __future__ import annotations

from typing import Any

import click

from credmagic.cli import checking, options, sources
from credmagic.cli.door import Door
from credmagic.cli.making import done
from credmagic.cli.pages import Page
from credmagic.cli.usage import UsageError, Verb
from credmagic.errors import word


@click.command("rotate", cls=Verb)
@options.name
@click.argument("fields", nargs=-1, type=options.PUBLIC, metavar="[FIELD=VALUE]...")
@options.secret
@options.env
@options.verify
@options.expires
@click.option(
    "--overlap", "overlap_days", type=click.IntRange(min=0), metavar="DAYS",
    help="How long earlier versions still resolve by number (else: as long as they are stored).",
)
@click.option("--generate", is_flag=True, help="Make a random value, shown once: in the browser or on a terminal.")
@click.option("--field", metavar="F", help="With --generate: which secret, where the kind has several.")
@click.option("--length", type=int, metavar="N", help="With --generate: how many characters (else 64).")
@click.option("--classes", metavar="C,C", help="With --generate: of lower, upper, digits, symbols (-_), special.")
@click.option("--out", metavar="FILE", help="With --generate: write it to a new private file instead of showing it.")
@options.as_json
@options.door
def rotate(
    door: Door, /, ref: str, fields: tuple[str, ...], secrets: tuple[str, ...], environment: str | None,
    generate: bool, as_json: bool, **how: Any,
) -> Any:  # fmt: skip
    """Give a credential new values: a new version, which running kernels see on their next use."""
    where = {"ref": ref, "environment": door.environment(environment)}
    policy = {key: how.pop(key) for key in ("field", "length", "classes", "out")}
    if generate:
        if fields or secrets:
            raise UsageError(f"{door.prog} rotate: --generate makes the value; give no other", next_step=_HELP)
        return _generated(door, where, policy, how, as_json)
    if any(value is not None for value in policy.values()):
        raise UsageError(f"{door.prog} rotate: this option goes with --generate", next_step=_HELP)
    if not fields and not secrets:
        return _form(door, where, how)
    values = sources.gathered(door, fields, secrets)
    kind = door.client.call("show", **where)["kind"]
    view = door.client.call("rotate", fields=sources.nested(values, door.kind(kind)), **how, **where)
    return done(door, view, f"is now version {view['version']}", as_json)


_HELP = "Help: rotate --help"


def _form(door: Door, where: dict[str, Any], how: dict[str, Any]) -> Any:
    """Without a value: the form (or prompts), in which every field can be given anew."""
    if how["expires_at"] is not None or how["overlap_days"] is not None:
        raise UsageError(
            f"{door.prog} rotate: no new value was given",
            next_step=f"Give one: --secret FIELD=prompt. For the date alone: {door.prog} edit NAME --expires DATE",
        )
    door.will_ask(f"{door.prog} rotate {word(where['ref'])} --secret FIELD=env:VAR")
    from credmagic import forms

    saved = forms.edit(door.client, where["ref"], environment=where["environment"])
    return done(door, saved, f"is now version {saved['version']}", False) if saved else None


def _generated(
    door: Door, where: dict[str, Any], policy: dict[str, Any], how: dict[str, Any], as_json: bool
) -> Any:
    out = policy.pop("out")
    classes = policy.pop("classes")
    policy["classes"] = [word.strip() for word in classes.split(",")] if classes else None
    with door.showing(out) as show:  # refused here, before anything changes, where nothing could be shown
        view = door.client.call(
            "generate", expires_at=how["expires_at"], overlap_days=how["overlap_days"], **policy, **where
        )
        place = show(view)
    view = {key: value for key, value in view.items() if not key.startswith("reveal")}
    if as_json:
        return door.show(Page("", view), as_json=True)
    for line in view["warnings"]:
        door.note(f"▲ {line}")
    name, field = view["name"], view["generated"]
    door.say(f"✓ {name} is now version {view['version']} with a new {field}, {place}.")
    return door.say(f"Tell the service too, then check it: {door.prog} verify {name}")


@click.command("rollback", cls=Verb)
@options.name
@click.argument("version", type=click.IntRange(min=1), metavar="V")
@options.env
@options.verify
@options.as_json
@options.door
def rollback(door: Door, ref: str, version: int, environment: str | None, verify: bool, as_json: bool) -> Any:
    """Make an earlier version the current one; nothing is lost, the newer ones stay."""
    where = door.environment(environment)
    view = door.client.call("rollback", ref=ref, version=version, environment=where, verify=verify)
    return done(door, view, f"is back at version {view['version']}", as_json)


@click.command("pause", cls=Verb)
@options.name
@options.env
@options.door
def pause(door: Door, ref: str, environment: str | None) -> Any:
    """Let a credential rest: it is not handed out until it is resumed."""
    view = door.client.call("pause", ref=ref, environment=door.environment(environment))
    for place in view["injected"]:
        door.note(f"▲ the kernel of {place} still has its values, until it reloads (%cred reload) or restarts")
    return door.say(f"✓ {view['name']} is paused. Again: {door.prog} resume {view['name']}")


@click.command("resume", cls=Verb)
@options.name
@options.env
@options.door
def resume(door: Door, ref: str, environment: str | None) -> Any:
    """Hand a paused credential out again."""
    view = door.client.call("resume", ref=ref, environment=door.environment(environment))
    return door.say(f"✓ {view['name']} is active")


@click.command("verify", cls=Verb)
@click.argument("ref", metavar="NAME", type=options.NAME, required=False)
@click.option("--all", "every", is_flag=True, help="All of them (of --env E), several at once, with progress.")
@options.env
@click.option("--timeout", type=click.IntRange(1, 60), metavar="S", help="Seconds to wait for each service (else 10).")
@click.option("--jobs", type=click.IntRange(1, checking.MOST), default=4, metavar="N", help="With --all: N at once.")
@options.as_json
@options.door
def verify(door: Door, /, ref: str | None, every: bool, environment: str | None, jobs: int, **how: Any) -> Any:
    """Ask the service whether a credential works, and remember the answer. Exit 7 if it does not."""
    if every == (ref is not None):
        raise UsageError(f"{door.prog} verify: takes one NAME, or --all", next_step=f"Help: {door.prog} verify --help")
    if ref is None:
        return checking.every(door, environment, jobs, **how)
    return checking.one(door, ref, environment, **how)


@click.command("reload", cls=Verb, reach="here")
@options.door
def reload(door: Door) -> Any:
    """Refresh what is injected into this kernel: variables get the values as they are now."""
    return door.reload()
