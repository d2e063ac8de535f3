"""How does a page look in a notebook?

As if Jupyter had shipped it: the host's own colours and fonts, a real table with caption and scopes, a word beside
every glyph. Columns leave from the right when it gets narrow; many credentials fold by kind. `text/plain` says the
same.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from credmagic.cli.pages import Cell, Column, Page, Row, Section
from credmagic.cli.tables import page_text

FOLD_ABOVE = 40
"""More rows than this fold by section."""

_SHAPES = {
    "●": '<circle cx="8" cy="8" r="6.5"/><path d="M5 8.2l2.2 2.3L11 6"/>',
    "○": '<circle cx="8" cy="8" r="6.5"/>',
    "▲": '<path d="M8 1.8L15 14H1zM8 6.5v3.6M8 11.6v1"/>',
    "★": '<path d="M8 1.5l2 4.3 4.7.6-3.5 3.2.9 4.6L8 11.9l-4.1 2.3.9-4.6L1.3 6.4 6 5.8z"/>',
}


class Shown:
    """A page on display: HTML for the eye, words for terminals and screen readers."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def __repr__(self) -> str:
        return page_text(self.page)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": html(self.page)}


def html(page: Page) -> str:
    """The page as one self-contained element; its style reaches nothing outside."""
    parts = [_head(page), *_tables(page), *(f'<p class="cm-foot">{escape(line)}</p>' for line in page.foot)]
    return f'<div class="credmagic-page"><style>{_style()}</style>{"".join(parts)}</div>'


@cache
def _style() -> str:
    return (files("credmagic.magics") / "display.css").read_text("utf-8")


def _head(page: Page) -> str:
    if page.strip:
        facts = "".join(f"<span>{escape(f'{name} {value}'.strip())}</span>" for name, value in page.facts)
        return f'<p class="cm-head"><strong>{escape(page.caption)}</strong>{facts}</p>'
    title = f"<p><strong>{escape(page.caption)}</strong></p>" if page.caption and page.facts else ""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in page.facts)
    return title + (f"<dl>{rows}</dl>" if rows else "")


def _tables(page: Page) -> Iterable[str]:
    if not page.rows:
        return [f"<p>{escape(section.title)}</p>{_code(section)}" for section in page.sections if section.title]
    if page.rows > FOLD_ABOVE and len(page.sections) > 1:
        return [_folded(page, section) for section in page.sections]
    return [_table(page, page.sections, grouped=any(section.title for section in page.sections))]


def _code(section: Section) -> str:
    return f"<pre>{escape(section.code)}</pre>" if section.code else ""


def _folded(page: Page, section: Section) -> str:
    alarm = f'<span class="cm-warn">{_glyph("▲")}{escape(section.alarm)}</span>' if section.alarm else ""
    table = _table(page, [section], grouped=False, caption=section.title)
    return f"<details><summary>{escape(section.title)}{alarm}</summary>{table}</details>"


def _table(page: Page, sections: Iterable[Section], *, grouped: bool, caption: str = "") -> str:
    hidden = caption or page.strip or bool(page.facts)
    said = escape(caption or page.caption or "Result")
    mark = ' class="cm-sr"' if hidden or not page.caption else ""
    heads = "".join(_column(column) for column in page.columns)
    bodies = "".join(_body(page, section, grouped=grouped) for section in sections)
    titled = any(column.title for column in page.columns)
    head = f"<thead><tr>{heads}</tr></thead>" if titled else ""
    return f"<table><caption{mark}>{said}</caption>{head}{bodies}</table>"


def _column(column: Column) -> str:
    title = escape(column.title) or '<span class="cm-sr">More</span>'
    return f'<th scope="col"{_drop(column)}>{title}</th>'


def _drop(column: Column) -> str:
    return f' class="cm-d{column.drop}"' if column.drop else ""


def _body(page: Page, section: Section, *, grouped: bool) -> str:
    group = ""
    if grouped and section.title:
        span = len(page.columns)
        group = f'<tr class="cm-group"><th scope="rowgroup" colspan="{span}">{escape(section.title)}</th></tr>'
    return f"<tbody>{group}{''.join(_row(page, row) for row in section.rows)}</tbody>"


def _row(page: Page, row: Row) -> str:
    pairs = zip(page.columns, row, strict=True)
    return f"<tr>{''.join(_cell(column, cell, first=index == 0) for index, (column, cell) in enumerate(pairs))}</tr>"


def _cell(column: Column, cell: Cell, *, first: bool) -> str:
    classes = [f"cm-d{column.drop}"] if column.drop else []
    classes += [f"cm-{cell.tone}"] if cell.tone else []
    classes += ["cm-star"] if cell.glyph == "★" else []
    classes += ["cm-wide"] if len(cell.text) > 40 and not first else []
    attributes = f' class="{" ".join(classes)}"' if classes else ""
    title = cell.title or (cell.text if first else "")
    attributes += f' title="{escape(title)}"' if title else ""
    text = f"<code>{escape(cell.text)}</code>" if cell.code else escape(cell.text)
    inner = _glyph(cell.glyph) + text + _bar(cell)
    return f'<th scope="row"{attributes}>{inner}</th>' if first else f"<td{attributes}>{inner}</td>"


def _glyph(glyph: str) -> str:
    shape = _SHAPES.get(glyph)
    return f'<svg viewBox="0 0 16 16" aria-hidden="true">{shape}</svg>' if shape else ""


def _bar(cell: Cell) -> str:
    if cell.share is None:
        return ""
    return f'<span class="cm-bar" aria-hidden="true"><i style="width:{round(cell.share * 100)}%"></i></span>'
