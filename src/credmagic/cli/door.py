"""Which of the two front doors did a command come through, and what can it do there?

A command body parses, calls the client once and hands the result to its door. The shell's door prints and asks on the
terminal; the magic's door (`magics/door.py`) displays, expands `$name` and binds variables.
"""

from __future__ import annotations

import contextlib
import copy
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from credmagic import settings
from credmagic.cli.usage import UsageError
from credmagic.errors import word

if TYPE_CHECKING:
    from credmagic.cli.inline import Finding
    from credmagic.cli.pages import Page
    from credmagic.cli.showing import Show
    from credmagic.client.base import Client
    from credmagic.client.credential import Credential


T = TypeVar("T")


class Door:
    """What both doors offer; the methods below that print are the shell's."""

    prog = "credmagic"
    """How commands are spelled here, in help and in every message."""
    in_shell = True

    remote = ""
    """The nickname of the server this door leads to; empty for this one."""

    def __init__(self, client: Client | None = None) -> None:
        self._client = client
        self._kinds: list[dict[str, Any]] | None = None
        self._names: list[dict[str, Any]] = []
        self._home: Door = self
        self._elsewhere: dict[str, Door] = {}

    @property
    def client(self) -> Client:
        """The way to the vault, opened when a command first needs it. Raises `CredentialNotFound` (no such remote)."""
        if not self.remote:
            return self.here
        from credmagic import api
        from credmagic.client import remotes

        return remotes.connect(self.here, self.remote, api.hand_over)

    @property
    def here(self) -> Client:
        """The way to this server's own vault, wherever the door leads."""
        if self._client is None:
            from credmagic import api

            return api.client()
        return self._client

    def at(self, remote: str) -> Door:
        """This door to the server called `remote`; with "" or `here`, to this one. Each is kept."""
        home = self._home
        if remote in ("", settings.HERE):
            return home
        if remote not in home._elsewhere:
            home._elsewhere[remote] = home._opened(remote)
        return home._elsewhere[remote]

    def _opened(self, remote: str) -> Door:
        from credmagic.errors import word

        other = copy.copy(self)
        other.remote = remote
        other.prog = f"{self.prog} --remote {word(remote)}"  # so that every next step leads there too
        other._kinds, other._names, other._elsewhere = None, [], {}
        return other

    def environment(self, chosen: str | None) -> str:
        """The environment in which a name is looked up: the one chosen by `--env`, else the active one."""
        return chosen or settings.active_environment()

    def kinds(self) -> list[dict[str, Any]]:
        """Every kind described, asked for once in the life of this door."""
        if self._kinds is None:
            self._kinds = self.client.call("kinds")["kinds"]
        return self._kinds

    def names(self) -> list[dict[str, Any]]:
        """Names, kinds and environments for completion. Never raises: the Tab key has nothing to say."""
        self._fetch_names()
        return self._names

    def _fetch_names(self) -> None:
        with contextlib.suppress(Exception):
            self._names = self.client.call("names")["names"]

    def kind(self, name: str) -> dict[str, Any]:
        """One kind described. Raises `UnknownKind` with the closest names."""
        described: dict[str, Any] = self.client.call("kinds", kind=name)["kinds"][0]
        return described

    def is_kind(self, word: str) -> bool:
        """Whether `word` names a kind or is an alias of one."""
        return any(word.casefold().replace("-", "_") in (kind["kind"], *kind["aliases"]) for kind in self.kinds())

    def use(self, name: str | None, variable: str | None, **how: Any) -> Any:
        """Resolve a credential. A shell has nothing to hand values to but one command: it says so."""
        if variable:
            self._no_python("`as VAR` binds a variable of a notebook", f"{self.prog} run NAME -- COMMAND")
        if how["export"]:
            self._no_python("--export sets variables in a notebook", f"{self.prog} run NAME -- COMMAND")
        if how["wxo"]:
            self._no_python("--wxo sets variables in a notebook", f"{self.prog} run NAME -- COMMAND")
        if how["sdk"]:
            self._no_python("--sdk answers SDKs for as long as a notebook runs", f"{self.prog} run NAME -- COMMAND")
        credential = self.hand_over(name, how["environment"], how["version"], how["kind"])
        self.say(repr(credential))
        self.note(f"Hand it to a command: {self.prog} run {word(credential.name)} -- COMMAND")

    def hand_over(
        self, name: str | None, environment: str | None = None, version: int | None = None, kind: str | None = None
    ) -> Credential:
        """The credential with its values, known to the output filter."""
        from credmagic import api

        where = self.environment(environment)
        resolved = self.client.resolve(name, environment=where, version=version, kind=kind)
        return api.hand_over(resolved, pinned=version is not None, remote=self.remote)

    def showing(self, out: str | None) -> AbstractContextManager[Show]:
        """Where a value that is made now will be shown once. Raises `UsageError` where there is no such place."""
        from credmagic.cli import showing

        return showing.in_file(out, self._generated) if out else showing.on_terminal(self._generated)

    def _generated(self, view: Mapping[str, Any]) -> str:
        """The value that was made: in the answer itself, or by an ordinary use of that version."""
        if view["generated"] in view:
            return str(view[view["generated"]])
        value = self.hand_over(view["id"], view["environment"], view["version"])[view["generated"]]
        return str.__str__(value)

    def progress(self, items: Iterable[T], total: int, what: str) -> Iterator[T]:
        """The same items, with a bar that counts them: on a terminal, and in a notebook."""
        from tqdm.auto import tqdm

        return iter(tqdm(items, total=total, desc=what, unit="credential", leave=False, disable=self._no_bar()))

    def _no_bar(self) -> bool:
        return not sys.stderr.isatty()

    def picture(self, mime: str, source: str, words: str) -> Any:
        """A picture where one can be shown; here, its words."""
        return self.say(words)

    def reload(self) -> Any:
        """Refresh what is injected. Raises `UsageError`: a shell's command has ended with its variables."""
        self._no_python("reload refreshes the variables of a notebook", f"{self.prog} run NAME -- COMMAND")

    def enter(self, environment: str) -> None:
        """Make `environment` the active one. Raises `UsageError`: a program cannot change its shell."""
        variable = "CREDMAGIC_ENVIRONMENT"
        self._no_python(f"{variable} is set by your shell", f"export {variable}={environment}")

    def lead(self, remote: str) -> None:
        """Look names up on the server called `remote` from now on. Raises `UsageError`, as `enter`."""
        instead = f"export CREDMAGIC_REMOTE={shlex.quote(remote)}" if remote else "unset CREDMAGIC_REMOTE"
        self._no_python("CREDMAGIC_REMOTE is set by your shell", instead)

    def show(self, page: Page, *, as_json: bool = False) -> Any:
        """Show `page`, or with `as_json` exactly the data it was made of."""
        from credmagic.cli import tables

        tables.print_json(page.data) if as_json else tables.print_page(self._signed(page))

    def _signed(self, page: Page) -> Page:
        """The page with the server it is about, when that is another one."""
        if not self.remote:
            return page
        return replace(page, facts=[("on", self._place()), *page.facts])

    def _place(self) -> str:
        url = getattr(self.client, "url", "").removesuffix("/credmagic/api")
        return f"{self.remote} ({url})"

    def say_where(self) -> None:
        """Say before a form or prompt that it is another server's."""
        if self.remote:
            self.note(f"On {self._place()}:")

    def will_ask(self, instead: str) -> None:
        """Values are about to be asked for. Raises `UsageError` where nobody could answer; `instead` asks for none."""
        if not sys.stdin.isatty():
            raise UsageError("this asks for values, and there is no terminal to ask on", next_step=f"Write: {instead}")

    def say(self, line: str) -> None:
        """One line of success, with the server it happened on when that is another one."""
        print(f"{line} (on {self.remote})" if self.remote and line.startswith("✓") else line)

    def note(self, line: str) -> None:
        """One line beside the result: a warning, progress."""
        print(line, file=sys.stderr)

    def ask(self, label: str) -> str:
        """Ask for a secret without showing it; on the terminal, since stdin may be data."""
        import getpass

        return getpass.getpass(f"{label} (for {self.remote}): " if self.remote else f"{label}: ")

    @property
    def bind(self) -> Callable[[str, str], object] | None:
        """How the picker binds its choice to a variable, where there are variables: `(variable, id)`."""
        return None

    def refuse(self, words: Sequence[str], finding: Finding) -> None:
        """A secret value stood in the command. Raises `InvalidCredential` with the safe form."""
        from credmagic.cli import inline

        safe = finding.safe(words, shlex.quote)
        raise inline.refusal(self.prog, safe, "It may stand in your shell's history: remove it there.")

    def expand(self, text: str) -> str:
        """`$name` in a NAME or a public field: the shell has done that already."""
        return text

    def variable(self, name: str) -> Any:
        """The value behind `var:NAME`. Raises `UsageError`: a shell has `env:` for that."""
        return self._no_python("var:NAME reads a variable of a notebook", "--secret FIELD=env:NAME")

    def _no_python(self, what: str, instead: str) -> NoReturn:
        raise UsageError(what, next_step=f"In a shell: {instead}")
