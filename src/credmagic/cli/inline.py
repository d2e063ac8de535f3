"""Does this command line carry a secret value? It is refused before anything parses it, and rewritten to the safe form.

The rule: a value may stand in the line only for a *public* field, or after an option that takes none of the secrets.
Everything else of `add` and `rotate` that is not understood is treated as a secret, because a mistyped
`pasword=hunter2` is one. Other verbs refuse what is called like a secret (`use db --token abc`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from credmagic.cli.sources import is_reference
from credmagic.cli.usage import closest
from credmagic.errors import InvalidCredential

WRITING = frozenset({"add", "rotate", "set-credentials", "set-identity-provider", "set-password"})
"""The verbs that take values."""

_SECRETISH = re.compile(r"pass|pwd|^pw$|secret|token|key|credential|private|auth|pin$", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")

Options = Mapping[str, bool]
"""The options of one verb, each with whether it takes a value."""


@dataclass(frozen=True)
class Fields:
    """Which names of fields are public and which are secret, in one kind or over all of them."""

    public: frozenset[str]
    secret: frozenset[str]

    @classmethod
    def of(cls, kinds: Iterable[Mapping[str, Any]], chosen: str | None) -> Fields:
        """Those of `chosen`; of all kinds where it is unknown, and then what is secret anywhere is secret."""
        every = list(kinds)
        wanted = (chosen or "").casefold().replace("-", "_")
        named = [kind for kind in every if wanted in (kind["kind"], *kind["aliases"])]
        entries = [entry for kind in named or every for entry in kind["fields"]]
        secret = frozenset(n for entry in entries if entry["secret"] for n in _names(entry))
        public = frozenset(n for entry in entries if not entry["secret"] for n in _names(entry))
        return cls(public - secret, secret)

    def probably(self, name: str) -> str:
        """The secret field `name` was meant to be; the first of all where nothing is like it."""
        near = closest(name, self.secret, 1)
        if name in self.secret or not near:
            return name if name in self.secret else ""
        return near[0]


def _names(entry: Mapping[str, Any]) -> tuple[str, ...]:
    from credmagic.kinds.fields import camel  # brings pydantic, and few lines are examined

    names = (entry["name"], *entry["aliases"])
    return (*names, *map(camel, names))  # as DataRobot and Conductor write them


@dataclass
class Finding:
    """What was refused: for each word (by its index) the safe text that takes its place."""

    instead: dict[int, str] = field(default_factory=dict)
    carried: dict[int, list[str]] = field(default_factory=dict)
    """Options of other tools that name a reference (`--password env:PW`), in our spelling. Not refused."""

    def accepted(self, words: Sequence[str]) -> list[str]:
        """The words Click gets, once nothing was refused."""
        return [part for i, word in enumerate(words) for part in self.carried.get(i, [word])]

    def moved(self, by: int) -> Finding:
        """The same for a line with `by` more words before it."""
        instead = {at + by: text for at, text in self.instead.items()}
        return Finding(instead, {at + by: parts for at, parts in self.carried.items()})

    def safe(self, words: Sequence[str], quote: Callable[[str], str]) -> str:
        """The line as it should be written."""
        kept = (self.instead.get(i, quote(word)) for i, word in enumerate(words))
        return " ".join(filter(None, kept))


def suspicious(words: Sequence[str], options: Options) -> bool:
    """Cheap first look: only a line that could carry a value is examined against the kinds."""
    if words[0] in WRITING:
        return len(words) > 2 or any("=" in word for word in words[1:])
    for word in words[1:]:
        if word == "--":
            return False
        flag, equals, _ = word.partition("=")
        if flag not in options and (equals or word.startswith("-")):
            return True
    return False


def chosen_kind(words: Sequence[str]) -> str | None:
    """What follows `--kind`."""
    for i, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in ("--kind", "-k"):
            return value if equals else next(iter(words[i + 1 :]), None)
    return None


def find(words: Sequence[str], options: Options, fields: Fields) -> Finding:
    """What of `words` (verb first) must not be there."""
    finding = Finding()
    writing = words[0] in WRITING
    position, i = 0, 1
    while i < len(words) and words[i] != "--":
        word = words[i]
        if word.startswith("-") and len(word) > 1:
            i = _option(finding, words, i, options, fields, writing)
            continue
        _positional(finding, i, word, fields, position=position, writing=writing)
        position += "=" not in word
        i += 1
    return finding


def _positional(finding: Finding, i: int, word: str, fields: Fields, *, position: int, writing: bool) -> None:
    name, equals, value = word.partition("=")
    if not equals:
        if writing and position > 0:
            finding.instead[i] = ""
        return
    if not value or (name in fields.public and not _URL_PASSWORD.search(value)):
        return
    if writing or name in fields.secret or _SECRETISH.search(name):
        _refuse(finding, i, name, value, fields)


def _refuse(finding: Finding, i: int, name: str, value: str, fields: Fields) -> None:
    target = name if name in fields.public | fields.secret else fields.probably(name)
    if not target:
        finding.instead[i] = "".join(f"{near}=…" for near in closest(name, fields.public, 1))
    elif target in fields.public:
        finding.instead[i] = f"{target}={_URL_PASSWORD.sub('://', value)}"
    else:
        finding.instead[i] = f"--secret {target}={_source(value)}"


def _source(value: str) -> str:
    """A reference stays what it was; `$name` was meant to be a variable; a value becomes a prompt."""
    if is_reference(value):
        return value
    return f"var:{value[1:]}" if re.fullmatch(r"\$[A-Za-z_]\w*", value) else "prompt"


def _option(finding: Finding, words: Sequence[str], i: int, options: Options, fields: Fields, writing: bool) -> int:
    """Examine the option at `i`; the index after it and its value."""
    flag, equals, value = words[i].partition("=")
    following = words[i + 1] if i + 1 < len(words) else ""
    if flag in options:
        after = i + 1 if equals or not options[flag] else i + 2
        if flag == "--secret":
            _secret(finding, after - 1, value if equals else following, fields, prefix="--secret " if equals else "")
        return after
    spaced = not equals and following != "" and not following.startswith("--")
    value = value if equals else following if spaced else ""
    name = flag.lstrip("-").replace("-", "_")
    if flag == "-e":
        name, _, value = value.partition("=")
    if not (writing or name in fields.secret or _SECRETISH.search(name)):
        return i + 1
    after = i + 2 if spaced else i + 1
    if is_reference(value):
        finding.carried[i] = ["--secret", f"{name}={value}"]
        finding.carried |= {i + 1: []} if spaced else {}
        return after
    if value:
        _refuse(finding, i, name, value, fields)
        finding.instead |= {i + 1: ""} if spaced else {}
        return after
    if writing and not closest(flag, options):
        finding.instead[i] = ""  # `-phunter2`, `--hunter2`
    return i + 1


def _secret(finding: Finding, i: int, word: str, fields: Fields, *, prefix: str) -> None:
    name, _, source = word.partition("=")
    if is_reference(source) or is_reference(word):  # a verb of one secret takes a bare source
        return
    target = name if name in fields.secret else fields.probably(name) or "FIELD"
    finding.instead[i] = f"{prefix}{target}={_source(source)}"


def refusal(prog: str, safe: str, aftermath: str) -> InvalidCredential:
    """What is said about it: that it was refused, what became of the value, and the safe form. Never the value."""
    return InvalidCredential(
        f"nothing was done: only public fields may be typed into a command, secrets never. {aftermath}",
        next_step=f"Write instead: {prog} {safe}",
    )
