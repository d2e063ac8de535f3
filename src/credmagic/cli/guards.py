"""Which notebooks may use a guarded credential? The verbs that decide it: guard, grant, revoke.

They are for a person at a terminal; what a kernel starts (`!credmagic grant …` in a cell) is refused.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from credmagic.cli import options
from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError, Verb

_IN_A_KERNEL = ("JPY_PARENT_PID", "CREDMAGIC_SOCKET")
"""Variables of a process that descends from a kernel: what `!credmagic grant` in a cell has."""

GRANTED = click.Choice(["notebook", "kernelspec"])


class TerminalVerb(Verb):
    """A verb for a person at a terminal: refused in notebooks, in pipes, and in what a kernel starts."""

    def invoke(self, ctx: click.Context) -> Any:
        """Click's own, where there is a terminal."""
        inherited = any(os.environ.get(name) for name in _IN_A_KERNEL)
        if inherited or not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError(
                f"`{self.name}` is for a person at a terminal, not for notebooks, scripts and pipes",
                next_step=f"In a terminal: credmagic {self.name}",
            )
        return super().invoke(ctx)


@click.command("guard", cls=TerminalVerb, shell_only=True, reach="store")
@options.name
@click.argument("switch", type=click.Choice(["on", "off"]), metavar="on|off")
@options.env
@options.door
def guard(door: Door, ref: str, switch: str, environment: str | None) -> Any:
    """Let only notebooks with a grant use a credential. It prevents accidents and is no boundary to your own code."""
    view = door.client.call("guard", ref=ref, on=switch == "on", environment=door.environment(environment))
    if switch == "off":
        return door.say(f"✓ {view['name']} is not guarded: every notebook of yours may use it")
    door.say(f"✓ {view['name']} is guarded: {_granted(view['grants'])}")
    if not view["grants"]:
        door.note(f"Allow one: {door.prog} grant {view['name']} notebook PATH")
    return None


def _granted(grants: list[dict[str, Any]]) -> str:
    if not grants:
        return "nothing may use it yet"
    return "only " + ", ".join(f"{item['object_type']} {item['object_id']}" for item in grants) + " may use it"


@click.command("grant", cls=TerminalVerb, shell_only=True, reach="store")
@options.name
@click.argument("object_type", type=GRANTED, metavar="TYPE")
@click.argument("object_id", metavar="ID")
@options.env
@options.door
def grant(door: Door, ref: str, object_type: str, object_id: str, environment: str | None) -> Any:
    """Let a notebook (by path) or kernelspec (by name) use a guarded credential. A moved notebook needs a new grant."""
    object_id = options.place(object_type, object_id) or ""
    where = door.environment(environment)
    made = door.client.call("grant", ref=ref, object_type=object_type, object_id=object_id, environment=where)
    door.say(f"✓ {object_type} {made['grant']['object_id']} may use {ref}")
    if not made["guarded"]:
        door.note(f"▲ {ref} is not guarded: every notebook may. {door.prog} guard {ref} on")
    return None


@click.command("revoke", cls=TerminalVerb, shell_only=True, reach="store")
@options.name
@click.argument("object_type", type=GRANTED, metavar="TYPE")
@click.argument("object_id", metavar="ID")
@options.env
@options.door
def revoke(door: Door, ref: str, object_type: str, object_id: str, environment: str | None) -> Any:
    """Take a grant away; a kernel that has the values keeps them until it ends."""
    object_id = options.place(object_type, object_id) or ""
    where = door.environment(environment)
    door.client.call("revoke", ref=ref, object_type=object_type, object_id=object_id, environment=where)
    return door.say(f"✓ {object_type} {object_id} may not use {ref} any more")
