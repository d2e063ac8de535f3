"""How does a secret that was typed into `%cred` stay out of IPython's history?

Before: `history_manager.store_inputs` is wrapped at load, so a refused value is rewritten to the safe form before `In`,
`_i`, `_ih` and `history.sqlite` see it. After: a cell that loaded the extension itself is already stored; it is found
again by its content and rewritten in all those places.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any

from credmagic.magics.words import COMMAND, replaced, words

_VERBS_WITH_VALUES = ("add", "rotate")


def install(ip: Any, door: Callable[[], Any]) -> Callable[[], None]:
    """Wrap `store_inputs`; the function that takes it back. `door` is called for suspicious lines only."""
    manager = ip.history_manager
    original = manager.store_inputs

    def store_inputs(line_num: int, source: str, source_raw: str | None = None) -> None:
        raw = source if source_raw is None else source_raw
        clean = cleaned(raw, door)
        if clean != raw:
            source = ip.transform_cell(clean)
        original(line_num, source, clean)

    manager.store_inputs = store_inputs

    def uninstall() -> None:
        if manager.__dict__.get("store_inputs") is store_inputs:
            manager.store_inputs = original

    return uninstall


def cleaned(text: str, door: Callable[[], Any]) -> str:
    """`text` with the safe form of each `%cred` line that carries a refused value. Never raises."""
    if "cred" not in text:
        return text
    for match in reversed(list(COMMAND.finditer(text))):
        line = match[1]
        if _could_carry(line):
            text = text[: match.start(1)] + _safe(line, door) + text[match.end(1) :]
    return text


def _could_carry(line: str) -> bool:
    found = [word.text for word in words(line)]
    return any("=" in word or word.startswith("-") for word in found[1:]) or (
        found[:1] != [] and found[0] in _VERBS_WITH_VALUES and len(found) > 2
    )


def _safe(line: str, door: Callable[[], Any]) -> str:
    from credmagic.cli.tree import examine

    try:
        finding = examine([word.text for word in words(line)], door())
    except Exception:  # whatever happens here, a value must not be stored: the verb stays, the rest goes
        return " ".join(["", *(word.text for word in words(line)[:1]), "…"])
    return replaced(line, finding.instead) if finding is not None and finding.instead else line


def scrub(ip: Any, door: Any) -> None:
    """Clean what is stored already, by content: memory, the write cache, and the database of this session."""

    def clean(text: str) -> str:
        return cleaned(text, lambda: door)

    manager = ip.history_manager
    for index, raw in enumerate(manager.input_hist_raw):
        if (text := clean(raw)) != raw:
            manager.input_hist_raw[index] = text
            manager.input_hist_parsed[index] = ip.transform_cell(text)
    for name in ("_i00", "_i", "_ii", "_iii"):
        setattr(manager, name, clean(getattr(manager, name)))
    for name, value in list(ip.user_ns.items()):
        if name.startswith("_i") and type(value) is str:
            ip.user_ns[name] = clean(value)
    _scrub_stored(ip, manager, clean)


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
