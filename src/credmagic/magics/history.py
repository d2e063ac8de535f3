"""How does a secret that was typed into `%cred` stay out of what IPython keeps, and out of tracebacks?

Before: an input transformer rewrites a refused line before the cell is compiled, and a wrap of `store_inputs` does the
same to the raw text, so that neither the code, nor `In`, `_i`, `_ih` and `history.sqlite` ever have it. After: a cell
that loaded the extension itself went past both; it is found again by its content and rewritten everywhere.
"""

from __future__ import annotations

import contextlib
import linecache
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

REFUSED = "--refused"
"""Marks a rewritten line: the magic then says what was refused, and does nothing."""

_VERBS_WITH_VALUES = ("add", "rotate")
_TELLING = 4
"""A shorter word may stand anywhere in a cell without being the refused one (characters)."""

GetDoor = Callable[[], Any]


def install(ip: Any, door: GetDoor) -> Callable[[], None]:
    """Rewrite refused lines from now on; the function that stops it. `door` is called for suspicious lines only."""
    manager = ip.history_manager
    original = manager.store_inputs

    def store_inputs(line_num: int, source: str, source_raw: str | None = None) -> None:
        raw = source if source_raw is None else source_raw
        clean = cleaned(raw, door)
        original(line_num, source if clean == raw else ip.transform_cell(clean), clean)

    def refuse_lines(lines: list[str]) -> list[str]:
        text = "".join(lines)
        return cleaned(text, door, mark=True).splitlines(keepends=True) if "cred" in text else lines

    manager.store_inputs = store_inputs
    ip.input_transformers_cleanup.append(refuse_lines)

    def uninstall() -> None:
        ip.input_transformers_cleanup.remove(refuse_lines)
        if manager.__dict__.get("store_inputs") is store_inputs:
            del manager.__dict__["store_inputs"]

    return uninstall


def cleaned(text: str, door: GetDoor, *, mark: bool = False) -> str:
    """`text` with the safe form of each `%cred` line that carries a refused value. Never raises.

    With `mark` such a line begins with `%cred --refused`, so that running it only says what was refused.
    """
    if "cred" not in text:
        return text
    from credmagic.magics.words import COMMAND  # patterns that loading need not compile

    for match in reversed(list(COMMAND.finditer(text))):
        line = match["words"]
        safe = _safe(line, door) if _could_carry(line) else line
        if safe != line:
            start = match.start("command") if mark else match.start("words")
            command = f"{'%%' if match['command'].startswith('%%') else '%'}cred {REFUSED}" if mark else ""
            text = text[:start] + command + safe + text[match.end("words") :]
    return text


def _could_carry(line: str) -> bool:
    from credmagic.magics.words import words

    found = [word.text for word in words(line)]
    return any("=" in word or word.startswith("-") for word in found) or (
        found[:1] != [] and found[0] in _VERBS_WITH_VALUES and len(found) > 2
    )


def _safe(line: str, door: GetDoor) -> str:
    from credmagic.cli.tree import examine
    from credmagic.magics.words import replaced, words

    try:
        finding = examine([word.text for word in words(line)], door())
    except Exception:  # whatever happens here, a value must not be stored: the verb stays, the rest goes
        return " ".join(["", *(word.text for word in words(line)[:1]), "…"])
    return replaced(line, finding.instead) if finding is not None and finding.instead else line


def scrub(ip: Any, door: Any, refused: Mapping[str, str]) -> None:
    """Clean what is stored already, by content: memory, compiled cells, the write cache, this session's rows.

    `refused` maps the words that were refused to what takes their place. They are looked for in the cell that runs
    now only: code may have handed them over (`run_line_magic`), where no line shows that they are a command's.
    """
    running = latest(ip).strip()

    def clean(text: str) -> str:
        if text.strip() == running:
            for word in sorted(refused, key=len, reverse=True):
                text = text.replace(word, refused[word]) if len(word) >= _TELLING else text
        return cleaned(text, lambda: door)

    manager = ip.history_manager
    for index, raw in enumerate(manager.input_hist_raw):
        if (text := clean(raw)) != raw:
            old, new = manager.input_hist_parsed[index], ip.transform_cell(text)
            manager.input_hist_raw[index], manager.input_hist_parsed[index] = text, new
            _scrub_source(old, new)
    for name in ("_i00", "_i", "_ii", "_iii"):
        setattr(manager, name, clean(getattr(manager, name)))
    for name, value in list(ip.user_ns.items()):
        if name.startswith("_i") and type(value) is str:
            ip.user_ns[name] = clean(value)
    _scrub_stored(ip, manager, clean)


def _scrub_source(old: str, new: str) -> None:
    """Tracebacks read a cell's lines from `linecache`: a later error in this cell must not show the value."""
    for name, entry in list(linecache.cache.items()):
        if len(entry) == 4 and "".join(entry[2]).strip() == old.strip():
            linecache.cache[name] = (len(new), entry[1], new.splitlines(keepends=True), name)


def _scrub_stored(ip: Any, manager: Any, clean: Callable[[str], str]) -> None:
    with manager.db_input_cache_lock:
        manager.db_input_cache[:] = [
            (line, source, raw) if (text := clean(raw)) == raw else (line, ip.transform_cell(text), text)
            for line, source, raw in manager.db_input_cache
        ]
    database = getattr(manager, "db", None)
    if not isinstance(database, sqlite3.Connection):
        return
    with contextlib.suppress(sqlite3.Error), database:
        session = (manager.session_number,)
        rows = database.execute("SELECT line, source_raw FROM history WHERE session = ?", session).fetchall()
        for line, raw in rows:
            if (text := clean(raw)) != raw:
                new = (ip.transform_cell(text), text, *session, line)
                database.execute("UPDATE history SET source = ?, source_raw = ? WHERE session = ? AND line = ?", new)


def latest(ip: Any) -> str:
    """The cell that runs now, as it is stored."""
    stored = ip.history_manager.input_hist_raw
    return str(stored[-1]) if stored else ""
