"""The verbs of a shell on the machine that holds the store: run, protect, recovery-key, demo."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

import click

from credmagic.cli import options, sources
from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError, Verb

_NOT_INHERITED = ("CREDMAGIC_KERNEL_TOKEN", "CREDMAGIC_PASSPHRASE", "CREDMAGIC_AUTH_SECRET")


class RunVerb(Verb):
    """`NAME… [OPTIONS] -- COMMAND`: what follows the first `--` belongs to the command, options included."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Click's own on what stands before `--`. Raises `UsageError` when there is no command."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["credmagic.command"] = args[at + 1 :]
        return super().parse_args(ctx, args[:at])


@click.command("run", cls=RunVerb, shell_only=True)
@click.argument("names", nargs=-1, required=True, type=options.WORDS, metavar="NAME... -- COMMAND")
@options.env
@click.option("--prefix", metavar="P", help="What the variables start with, in place of the credential's name.")
@options.door
def run(door: Door, names: tuple[str, ...], environment: str | None, prefix: str | None) -> Any:
    """Run one command with the variables of credentials; they exist in that process only."""
    command = click.get_current_context().meta["credmagic.command"]
    if not command:
        raise UsageError(f"{door.prog} run: no command", next_step=f"{door.prog} run NAME -- COMMAND")
    with ExitStack() as files:
        variables = _variables(door, names, environment, prefix, files)
        return _run(command, variables)


def _variables(
    door: Door, names: tuple[str, ...], environment: str | None, prefix: str | None, files: ExitStack
) -> dict[str, str]:
    from credmagic.injectors.file import FileInjector

    injector = files.enter_context(FileInjector())
    variables: dict[str, str] = {}
    for name in names:
        credential = door.hand_over(name, environment)
        variables |= {key: str(value) for key, value in credential.environ(prefix).items()}
        contents = credential.files(prefix)
        variables |= injector.write(credential, contents) if contents else {}
    return variables


def _run(command: list[str], variables: dict[str, str]) -> int:
    """The exit code of `command`; 128 + n when signal n ended it, as shells say it."""
    inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
    try:
        process = subprocess.Popen(command, env=inherited | variables)
    except OSError as error:
        problem = UsageError(f"cannot run {command[0]}: {error.strerror}", next_step="Check the name and PATH.")
    else:
        return _ended(process)
    raise problem


def _ended(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:  # the terminal sent it to the command as well, which decides what it means
            continue
        return code if code >= 0 else 128 - code


@click.command("protect", cls=Verb, shell_only=True, reach="store")
@click.argument("provider", metavar="PROVIDER")
@click.option("--secret", "source", metavar="SOURCE", help="Its secret: prompt, env:VAR or file:PATH.")
@options.door
def protect(door: Door, provider: str, source: str | None) -> Any:
    """Keep the store's key elsewhere: os_keyring, passphrase or key_file."""
    provider = provider.replace("-", "_")
    done = door.client.call("protect", provider=provider, secret=_given(door, source))
    return door.say(f"✓ The store's key is kept in {done.get('keys_in') or done['provider']} from now on.")


def _given(door: Door, source: str | None) -> str | None:
    """The secret of `--secret`; None lets a provider that needs one ask for it on the terminal."""
    if source is None:
        return None
    if not sources.is_reference(source):
        raise UsageError("--secret takes prompt, env:VAR or file:PATH, never a value")
    return _new_secret(door) if source == "prompt" else sources.read(door, "secret", source).rstrip("\r\n")


def _new_secret(door: Door) -> str:
    first = door.ask("New passphrase")
    if first != door.ask("Again"):
        raise UsageError("the two passphrases differ; nothing was changed", next_step="Try again.")
    return first


@click.command("recovery-key", cls=Verb, shell_only=True, reach="store")
@options.door
def recovery_key(door: Door) -> Any:
    """Make a key that opens the store when everything else is lost; shown once, on a terminal only."""
    if not sys.stdout.isatty():
        raise UsageError(
            "a recovery key is shown on a terminal only, never into a pipe or a file",
            next_step=f"Run it yourself: {door.prog} recovery-key",
        )
    door.say(str(door.client.call("recovery_key")["recovery_key"]))
    return door.note("Write it down and keep it away from this machine. It is not shown again; an older one is void.")


@click.command("demo", cls=Verb, shell_only=True, reach="here")
@click.option("--execute", is_flag=True, help="Run the notebook without a browser and print what it shows.")
@click.option("--port", type=int, metavar="N", help="The port of JupyterLab.")
@click.option("--browser/--no-browser", default=True, help="Open a browser, or only print the link.")
def demo(execute: bool, port: int | None, browser: bool) -> Any:
    """Open the quickstart notebook in JupyterLab over a throw-away store."""
    import credmagic.demo as quickstart

    return quickstart.run(execute=execute, port=port, browser=browser)
