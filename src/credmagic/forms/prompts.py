"""How is a form filled in where there are no widgets: IPython in a terminal, a shell?

The same fields in the same order. Public ones by `input`, secrets by `getpass`, long secrets from a file, since a
terminal cuts pasted lines. A refusal asks again only for the fields it names; Ctrl-C or Ctrl-D stops, and nothing
is saved. Nothing secret is printed.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credmagic.errors import CredmagicError
from credmagic.forms import code, names

if TYPE_CHECKING:
    from credmagic.client.base import Client

_NOT_CHECKED = frozenset({"not_accepted", "unreachable", "timeout"})
_ROWS = 20
_ABOUT = tuple(
    {"name": name, "title": title, "type": "str", "help": hint, "secret": False, "required": False}
    for name, title, hint in (
        ("description", "Description", ""), ("tags", "Tags", "a, b"), ("expires_at", "Expires", "2030-01-31"),
    )
)  # fmt: skip

Described = Mapping[str, Any]


def new(
    client: Client, kinds: list[dict[str, Any]], name: str | None, *, environment: str, team: bool
) -> dict[str, Any] | None:
    """Ask for a new credential; the saved view, or None when the person stopped."""

    def asked() -> dict[str, Any]:
        kind = kinds[0] if len(kinds) == 1 else _choose("Kind", kinds, lambda kind: str(kind["title"]))
        proposed = names.proposed(client, [kind], environment)[kind["kind"]]
        given: dict[str, Any] = {
            "name": name or _line("Name", default=proposed),
            "environment": environment,
            "team": team,
        }
        given["fields"] = _answers(_ordered(kind))
        given |= _about(kind, given["fields"])
        return _saved(kind, given, lambda: client.call("create", kind=kind["kind"], **given))

    return _unless_stopped(asked)


def edit(client: Client, kind: dict[str, Any], view: dict[str, Any]) -> dict[str, Any] | None:
    """Ask for changes; an empty answer keeps what is stored, `-` clears it. The saved view, or None."""

    def asked() -> dict[str, Any]:
        print(f"Edit {view['name']}: an empty answer keeps what is stored, - clears it.")
        stored = {**view["fields"], **dict.fromkeys(view["secrets"], "unchanged")}
        fields = {}
        for field in _ordered(kind):
            answer = _ask({**field, "default": stored.get(field["name"]), "required": False}, editing=True)
            if answer is not None:
                fields[field["name"]] = None if answer == "-" else answer
        given: dict[str, Any] = {"fields": fields}
        return _saved(kind, given, lambda: client.call("update", ref=view["id"], **given))

    return _unless_stopped(asked)


def select(
    client: Client, kind: str | None, *, variable: str | None, bind: Callable[[str, str], object] | None
) -> dict[str, Any] | None:
    """Let the person choose a stored credential by number; its view, or None."""
    views = client.call("list", kind=kind, limit=_ROWS)["credentials"]
    if not views:
        print(f"Nothing stored{f' of kind {kind}' if kind else ''}. Make one: %cred new {kind or ''}".rstrip())
        return None

    def asked() -> dict[str, Any]:
        view = _choose("Credential", views, lambda view: f"{view['name']}  {view['environment']}".rstrip())
        chosen = variable or code.PICKED
        if bind is not None:
            bind(chosen, view["id"])
        print(code.use_line(chosen, view, code.remote_of(client)))
        return dict(view)

    return _unless_stopped(asked)


def _unless_stopped(ask: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return ask()
    except (KeyboardInterrupt, EOFError):
        print("\nCancelled. Nothing was saved.")
        return None


def _saved(kind: Described, given: dict[str, Any], save: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Save; ask again for what a refusal names, as long as it names something. `given` is changed in place."""
    while True:
        try:
            return save()
        except CredmagicError as error:
            refusal = error
        print("\n".join(refusal.lines()))
        again = [field for field in kind["fields"] if field["name"] in refusal.errors]
        if "name" in refusal.errors or refusal.code == "name_taken":
            given["name" if "name" in given else "new_name"] = _line("Name", required=True)
        elif again:
            given["fields"].update(_answers(again))
        elif refusal.code in _NOT_CHECKED and _yes("Save without checking?"):
            given["verify"] = False
        else:
            raise refusal from None


def _ordered(kind: Described) -> list[dict[str, Any]]:
    front = [field for field in kind["fields"] if not field["more"]]
    return sorted(front, key=lambda field: not field["required"])


def _about(kind: Described, fields: dict[str, Any]) -> dict[str, Any]:
    """The folded part of the form: its own fields go to `fields`, what every credential has is returned."""
    if not _yes("More fields?"):
        return {}
    fields |= _answers([field for field in kind["fields"] if field["more"]])
    about = _answers(_ABOUT)
    return about | ({"tags": about["tags"].replace(",", " ").split()} if "tags" in about else {})


def _answers(fields: Iterable[Described]) -> dict[str, Any]:
    asked = {field["name"]: _ask(field) for field in fields}
    return {name: answer for name, answer in asked.items() if answer is not None}


def _ask(field: Described, *, editing: bool = False) -> Any:
    """One answer, None when none was given. Text is enough: the kind turns it into what it needs."""
    if field["type"] == "map":
        return _pairs(field["title"])
    if field["secret"] and field["type"] in ("text", "json"):
        return _file(field)
    if field["secret"]:
        return _secret(field["title"], required=field["required"])
    hint = ", ".join(field.get("choices") or ()) or field["help"]
    default = field.get("default")
    answer = _line(field["title"], hint=hint, default=default, required=field["required"])
    return answer or (None if editing else default)


def _line(title: str, *, hint: str = "", default: Any = None, required: bool = False) -> str:
    shown = ", ".join(map(str, default)) if isinstance(default, list) else default
    known = f" [{shown}]" if shown not in (None, "") else ""
    while True:
        answer = input(f"{title}{f' ({hint})' if hint else ''}{known}: ").strip()
        if answer or default or not required:
            return answer
        print(f"{title} is required.")


def _secret(title: str, *, required: bool) -> str | None:
    while True:
        if value := getpass.getpass(f"{title} (not shown): "):
            if value != value.strip():
                print("It begins or ends with a blank; it is kept as it is.")
            return value
        if not required:
            return None
        print(f"{title} is required.")


def _file(field: Described) -> str | None:
    while True:
        path = _line(field["title"], hint="path of the file that holds it", required=field["required"])
        if path in ("", "-"):
            return path or None
        try:
            return Path(path).expanduser().read_bytes().decode("utf-8")
        except OSError as error:
            print(f"That file cannot be read ({error.strerror}).")
        except UnicodeDecodeError:
            print("That file is not text in UTF-8.")


def _pairs(title: str) -> dict[str, str] | None:
    print(f"{title}: keys and their values, an empty key ends.")
    pairs: dict[str, str] = {}
    while key := _line("Key"):
        pairs[key] = _secret("Value", required=True) or ""
    return pairs or None


def _yes(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().casefold() in ("y", "yes")


def _choose(title: str, options: list[dict[str, Any]], word: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    for number, option in enumerate(options, 1):
        print(f"{number:3} {word(option)}")
    while True:
        answer = input(f"{title} (1-{len(options)}): ").strip()
        if answer.isdecimal() and 1 <= int(answer) <= len(options):
            return options[int(answer) - 1]
        print(f"A number from 1 to {len(options)}, please.")
