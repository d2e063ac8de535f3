"""How does a page look in a terminal, and in a pipe?

`rich` tables: with rules on a terminal, bare columns when piped, `NO_COLOR` and the width respected. Columns leave when
it gets narrow, so that names and ids stay whole. `page_text` is the same without any escape: it is what `text/plain`
of a notebook display and a screen reader get.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping
from textwrap import indent
from typing import TYPE_CHECKING, Any

from credmagic.cli.pages import Cell, Page, Section

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_STYLES = {"": "", "ok": "green", "warn": "yellow", "error": "red", "muted": "dim"}

_PIPED_WIDTH = 400
"""A pipe has no width: nothing is cut for it (characters)."""

_NAME_WIDTH = 40
"""Groups are aligned up to this width (characters); a longer name only widens its own group."""

_TEXT_WIDTH = 24
"""Text of several words is not folded narrower than this (characters)."""

_GAP = 3
"""Between two columns, at most (characters)."""


def print_json(data: Mapping[str, Any]) -> None:
    """The data of a page on stdout, as one JSON object."""
    print(json_text(data))


def json_text(data: Mapping[str, Any]) -> str:
    """Stable, readable JSON: keys in the order of the table of actions."""
    return json.dumps(data, indent=2, ensure_ascii=False, default=str)


def print_page(page: Page) -> None:
    """The page on stdout: as wide as the terminal, and uncut into a pipe."""
    if not sys.stdout.isatty():
        print(page_text(page, int(os.environ.get("COLUMNS") or _PIPED_WIDTH)))
        return
    from rich.console import Console

    _write(Console(highlight=False, markup=False, force_jupyter=False), page, plain=False)


def page_text(page: Page, width: int = 110) -> str:
    """The page in words, without colour or trailing blanks."""
    from rich.console import Console

    buffer = io.StringIO()
    # In a kernel rich would display by itself, whatever file it was given.
    console = Console(file=buffer, width=width, color_system=None, highlight=False, markup=False, force_jupyter=False)
    _write(console, page, plain=True)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def _write(console: Console, page: Page, *, plain: bool) -> None:
    from rich.text import Text

    if page.strip:
        strip = " · ".join(f"{name} {value}".strip() for name, value in page.facts)
        console.print(Text.assemble((page.caption, "bold"), "   ", strip))
    else:
        if page.caption:
            console.print(Text(page.caption, "bold"))
        if page.facts:
            console.print(_facts(page))
    widths = _widths(page)
    for section in page.sections:
        if section.title:
            console.print(Text(f" {section.title}", "bold"))
        if section.rows:
            console.print(_table(page, section, widths, console.width, plain=plain))
        if section.code:  # not folded: a broken line could not be copied
            console.print(Text(indent(section.code, "   ")), soft_wrap=True)
    for line in page.foot:
        console.print(Text(line, "" if plain else "dim"))


def _facts(page: Page) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in page.facts:
        table.add_row(Text(name, "dim"), Text(value))
    return table


def _widths(page: Page) -> list[int]:
    """The width of each column over all sections, so that groups stand under each other."""
    from rich.cells import cell_len

    rows = [row for section in page.sections for row in section.rows]
    return [max((cell_len(row[index].words) for row in rows), default=0) for index in range(len(page.columns))]


def _kept(page: Page, room: int) -> list[int]:
    """The columns that fit `room` characters, by index: the highest `drop` leaves first, 0 stays and folds."""
    needs = [_least(column.title, [row[at].words for section in page.sections for row in section.rows])
             for at, column in enumerate(page.columns)]  # fmt: skip
    kept = list(range(len(needs)))
    while sum(needs[at] + _GAP for at in kept) > room + _GAP:
        first = max(kept, key=lambda at: (page.columns[at].drop, at))
        if not page.columns[first].drop:
            break
        kept.remove(first)
    return kept


def _least(title: str, cells: Iterable[str]) -> int:
    """The width (characters) below which a column breaks words, or becomes a tower of them."""
    from rich.cells import cell_len

    texts = [(text, max(map(cell_len, text.split()), default=0)) for text in (title, *cells)]
    return min(_NAME_WIDTH, max(max(word, min(cell_len(text), _TEXT_WIDTH)) for text, word in texts))


def _table(page: Page, section: Section, widths: list[int], room: int, *, plain: bool) -> Table:
    from rich import box
    from rich.table import Table

    grouped = bool(section.title)
    kept = _kept(page, room - (_GAP if grouped else 0))
    table = Table(
        box=None if plain or grouped else box.SIMPLE_HEAD,
        show_header=not grouped and any(column.title for column in page.columns),
        padding=(0, 2, 0, 0) if plain or grouped else (0, 1),
        header_style="bold",
    )
    if grouped:
        table.add_column(width=1)
    for at in kept:
        least = min(widths[at], _NAME_WIDTH) if grouped else None
        whole = widths[at] <= _TEXT_WIDTH or (widths[at] <= _NAME_WIDTH and _is_word(page, at))
        table.add_column(page.columns[at].title, overflow="fold", min_width=least, no_wrap=whole)
    for row in section.rows:
        cells: list[Text | str] = [_styled(row[at]) for at in kept]
        table.add_row(*(["", *cells] if grouped else cells))
    return table


def _is_word(page: Page, at: int) -> bool:
    """Whether a column holds ids and names, of which no part is of use."""
    return not any(" " in row[at].words for section in page.sections for row in section.rows)


def _styled(cell: Cell) -> Text:
    from rich.text import Text

    return Text(cell.words, _STYLES[cell.tone])
