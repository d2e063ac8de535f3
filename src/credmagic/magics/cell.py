"""What does `%%cred use NAME… [as VAR] [--export]` do? Its variables exist while the cell runs, and no longer.

The cell is compiled first: one that does not parse uses no credential. Whatever it raises, everything is taken back.
A magic cannot wait inside the loop that runs the cell. So a cell with an `await` of its own is rewritten before it is
run (`magics.extension`): `await` stands before the call of the magic, which then gives back a coroutine.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from credmagic import api
from credmagic.cli import options
from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError, Verb
from credmagic.injectors.environ import EnvironInjector
from credmagic.injectors.namespace import NamespaceInjector
from credmagic.injectors.wxo import WxoInjector


@options.led_elsewhere
@click.command("use", cls=Verb)
@click.argument("words", nargs=-1, required=True, metavar="NAME... [as VAR]")
@options.env
@click.option("--export", is_flag=True, help="Set environment variables instead of Python ones.")
@click.option("--prefix", metavar="P", help="With --export: what the variables start with.")
@click.option("--wxo", is_flag=True, help="Set the variables that tools of watsonx Orchestrate read.")
@click.option("--sdk", is_flag=True, help="Let the cloud's SDK fetch and renew it by itself.")
@options.door
def scoped_use(
    door: Door, /, words: tuple[str, ...], environment: str | None, **how: Any
) -> tuple[list[Any], str | None, dict[str, Any]]:
    """Use credentials in this cell only: named after them, `as VAR`, or by --export, --wxo or --sdk."""
    names, variable = options.named(words, "%%cred use")
    if variable and len(names) > 1:
        raise UsageError("%%cred use: `as VAR` goes with one NAME", next_step="Help: %%cred use --help")
    plain = {"environment": environment, "version": None, "kind": None, "export": False, "prefix": None}
    used = [door.use(door.expand(name), None, **plain) for name in names]
    return used, variable, how


def run(ip: Any, door: Door, arguments: list[str], cell: str) -> Coroutine[Any, Any, None] | None:
    """Run `cell` with what `arguments` (the words after `%%cred`) ask for, then take it back.

    A cell with an `await` of its own comes back as a coroutine that does the same (see `awaits`).
    """
    __tracebackhide__ = True
    if arguments[:1] != ["use"]:
        raise UsageError("%%cred: only `use` takes a cell", next_step="For one cell: %%cred use NAME [as VAR]")
    pieces = compiled(ip, cell)
    if any(_is_awaited(code) for code in pieces):
        return _awaited(ip, door, arguments, pieces)
    with _handed_over(ip, door, arguments) as wanted:
        for code in pieces if wanted else ():
            exec(code, ip.user_global_ns, ip.user_ns)  # noqa: S102 - running the user's cell is the point
    return None


async def _awaited(ip: Any, door: Door, arguments: list[str], pieces: list[Any]) -> None:
    __tracebackhide__ = True
    with _handed_over(ip, door, arguments) as wanted:
        for code in pieces if wanted else ():
            result = eval(code, ip.user_global_ns, ip.user_ns)  # noqa: S307 - as above
            if _is_awaited(code):
                await result


@contextmanager
def _handed_over(ip: Any, door: Door, arguments: list[str]) -> Iterator[bool]:
    """What was asked for, for as long as the block runs. False when only help was."""
    __tracebackhide__ = True
    parsed = scoped_use.main(arguments[1:], prog_name="%%cred use", standalone_mode=False, obj=door)
    if not isinstance(parsed, tuple):  # --help
        yield False
        return
    credentials, variable, how = parsed
    with ExitStack() as scope:
        environ, wxo = scope.enter_context(EnvironInjector()), scope.enter_context(WxoInjector())
        names = scope.enter_context(NamespaceInjector(ip.user_ns))
        for credential in credentials:
            if how["export"]:
                environ.apply(credential, prefix=how["prefix"])
            if how["wxo"]:
                wxo.apply(credential, **wxo.asks(api.client(credential.remote).call, credential))
            if how["sdk"]:
                from credmagic.injectors.sdk import SdkInjector  # it knows the kinds, which few cells need

                scope.enter_context(SdkInjector()).apply(credential)
            if variable or not (how["export"] or how["wxo"] or how["sdk"]):
                names.apply(credential, variable=variable)
        yield True


def compiled(ip: Any, cell: str) -> list[Any]:
    """The cell as IPython would run it: all but a last expression, then that one, so that it is displayed."""
    source = ip.transform_cell(cell)
    name = ip.compile.cache(source, ip.execution_count - 1, raw_code=cell)  # the count is the next cell's already
    with ip.compile.extra_flags(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if ip.autoawait else 0):
        tree = ip.transform_ast(ip.compile.ast_parse(source, filename=name))
        body, last = tree.body, []
        if body and isinstance(body[-1], ast.Expr):
            body, last = body[:-1], body[-1:]
        pieces = [ip.compile(ast.Module(body, []), name, "exec")] if body else []
        return [*pieces, ip.compile(ast.Interactive(last), name, "single")] if last else pieces


def _is_awaited(code: Any) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


def awaits(ip: Any, cell: str) -> bool:
    """Whether a cell has an `await` outside of any function. False for one that does not parse."""
    flags = ip.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are said when it runs
            return _is_awaited(compile(ip.transform_cell(cell), "<cell>", "exec", flags, dont_inherit=True))
    except (SyntaxError, ValueError):
        return False
