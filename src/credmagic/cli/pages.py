"""What is one thing to look at, before anyone decides between terminal, HTML and JSON?

Page: caption, facts ("keys in" "macOS Keychain"), a table of columns and sections of rows, a foot, and the data
it was made of. `tables.py` writes it in words, `magics/display.py` as HTML; both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TONES = ("", "ok", "warn", "error", "muted")
"""What colour may add to a cell; its words and glyph carry the meaning without it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, a longer title, a tone of `TONES`, a glyph, `code` for names, `share` (0 to 1) for a bar."""

    text: str
    title: str = ""
    tone: str = ""
    glyph: str = ""
    code: bool = False
    share: float | None = None

    @property
    def words(self) -> str:
        """The cell as plain text, bar and glyph included."""
        bar = "" if self.share is None else " " + bar_text(self.share)
        return f"{self.glyph} {self.text}{bar}" if self.glyph else f"{self.text}{bar}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Those with the highest `drop` leave first when it gets narrow; 0 stays."""

    title: str
    drop: int = 0


Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one heading (a kind with its count); `alarm` says what a folded section hides.

    Or `code`: lines to copy as they are, in place of rows.
    """

    rows: Sequence[Row]
    title: str = ""
    alarm: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One thing to look at. `data` is what `--json` prints: JSON-able, complete, without values."""

    caption: str
    data: Mapping[str, Any]
    facts: Sequence[tuple[str, str]] = ()
    columns: Sequence[Column] = ()
    sections: Sequence[Section] = ()
    foot: Sequence[str] = ()
    strip: bool = field(default=False)
    """True where the facts stand in one line under the caption (the overview), not in a list."""

    @property
    def rows(self) -> int:
        """How many rows all sections have."""
        return sum(len(section.rows) for section in self.sections)


def bar_text(share: float, width: int = 6) -> str:
    """A bar in characters: `▓▓▓░░░`."""
    full = max(0, min(width, round(share * width)))
    return "▓" * full + "░" * (width - full)
