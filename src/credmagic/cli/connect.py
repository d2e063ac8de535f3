"""How is a client of another system pointed at this server? `credmagic connect CLIENT` says it, or does it.

Nothing secret is shown but a token that was asked for; what has to be given comes by `--secret SOURCE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from credmagic.cli import options, running, showing, sources
from credmagic.cli.door import Door
from credmagic.cli.pages import Page, Section
from credmagic.cli.usage import UsageError, Verb, closest, did_you_mean
from credmagic.errors import word
from credmagic.values import SecretStr

if TYPE_CHECKING:
    from credmagic.cli.clients.base import Program, Setup, Wanted

CLIENTS = ("datarobot", "conductor", "orchestrate", "unify")


@click.command("connect", cls=Verb)
@click.argument("client", type=options.Known(lambda door, ctx: CLIENTS), metavar="|".join(CLIENTS))
@click.option("--url", metavar="URL", help="The server, where several run or it runs elsewhere.")
@click.option("--write", is_flag=True, help="Write it to the client's own configuration, keeping what is there.")
@click.option("--key", metavar="ID", help="Who the client signs in as: an access key, or a machine.")
@click.option("--secret", type=options.SOURCE, metavar="SOURCE", help="With --write: where its secret is.")
@click.option("--name", default="credmagic", metavar="TEXT", help="What the client calls this server (credmagic).")
@click.option("--ca", metavar="FILE", help="A certificate to trust, where the system does not.")
@click.option("--user-token", is_flag=True, help="Show a token of your own, good for an hour: no values through it.")
@click.option("--out", metavar="FILE", help="With --user-token: write it to a new private file instead.")
@options.as_json
@options.door
def connect(door: Door, /, client: str, url: str | None, user_token: bool, as_json: bool, **how: Any) -> Any:
    """Point a client of another system at this server (or that of --remote): print its set-up, or write it."""
    program = _program(client)
    given = [f"--{name} {word(value)}" for name, value in (("url", url), ("ca", how["ca"])) if value]
    prog = " ".join([door.prog, "connect", client, *given])
    out, write = how.pop("out"), how["write"]
    where = url or getattr(door.client, "url", None) if door.remote else url
    wanted = _wanted(door, running.chosen(where, f"{door.prog} connect {client}"), **how)
    if user_token:
        return _user_token(door, program, wanted, prog, out)
    if write:
        written, following = program.write(wanted, prog)
        door.say(f"✓ {program.title} is pointed at {wanted.server.page}: {written}")
        return door.note(following)
    return door.show(_page(client, program, wanted, program.setup(wanted, prog)), as_json=as_json)


def _program(client: str) -> Program:
    from credmagic.cli.clients import PROGRAMS

    if client not in PROGRAMS:
        hints = (did_you_mean(closest(client, PROGRAMS)), f"One of: {', '.join(PROGRAMS)}")
        raise UsageError("connect: unknown client", next_step=" ".join(filter(None, hints)))
    return PROGRAMS[client]


def _wanted(
    door: Door, server: running.Server, *, write: bool, key: str | None, secret: str | None, name: str, ca: str | None
) -> Wanted:
    from credmagic.cli.clients.base import Wanted

    if secret and not write:
        raise UsageError("--secret is for --write: nothing secret is shown", next_step="Add --write.")
    value = sources.read(door, "secret", secret) if secret else None
    ca = str(Path(ca).expanduser().absolute()) if ca else ""
    given = SecretStr(value, "[secret]") if value else None
    return Wanted(server, name, key or "", given, ca, lambda: _token(door))


def _token(door: Door) -> SecretStr:
    """A token of whoever owns the store of this process. Raises `UsageError` where another server is meant."""
    if door.remote:
        raise UsageError(
            "a token of your own is made on the machine of that server", next_step="Run it in a shell there."
        )
    return SecretStr(door.here.call("user_token")["token"], "[user.token]")


def _user_token(door: Door, program: Program, wanted: Wanted, prog: str, out: str | None) -> Any:
    if not program.as_user:
        raise UsageError(f"{program.title} takes no such token", next_step=f"What it takes: {prog}")
    if not door.in_shell and not out:
        raise UsageError(
            "a token is shown on a terminal only, never in an output",
            next_step=f"In a terminal: credmagic connect{prog.partition(' connect')[2]} --user-token",
        )

    def value_of(answer: Mapping[str, Any]) -> str:
        return str.__str__(answer["token"])

    with showing.in_file(out, value_of) if out else showing.on_terminal(value_of) as show:
        place = show({"token": _token(door)})
    door.note(f"Your token for {wanted.server.page}, good for an hour, is {place}.")
    return door.note(f"In Python: {program.as_user}")


def _page(client: str, program: Program, wanted: Wanted, setup: Setup) -> Page:
    data = {
        "client": client, "server": wanted.server.page, "variables": dict(setup.variables),
        "commands": list(setup.commands), "files": dict(setup.files), "python": list(setup.python),
    }  # fmt: skip
    told = [
        ("Variables", "\n".join(f"export {name}={value}" for name, value in setup.variables.items())),
        *((f"In {path}", _yaml(content)) for path, content in setup.files.items()),
        ("Commands", "\n".join(setup.commands)),
        ("In Python", "\n".join(setup.python)),
    ]
    sections = [Section((), title, code=lines) for title, lines in told if lines]
    return Page(program.title, data, [("server", wanted.server.page)], sections=sections, foot=setup.notes)


def _yaml(content: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(dict(content), sort_keys=False, width=1000)
    return text.rstrip()
