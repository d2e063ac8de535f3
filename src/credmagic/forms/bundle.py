"""How do several plain JavaScript files become the one module that a widget carries to the browser?

anywidget sends one ES module as text, so relative imports cannot work. The files are written without imports,
in the order given here each may use what stands before it, and only the last one exports.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent

FORM = ("sealing.js", "dom.js", "inputs.js", "secrets.js", "field.js", "layout.js", "signing_in.js", "form.js")
LOGIN = ("dom.js", "signing_in.js", "login.js")
PICKER = ("dom.js", "picker.js")
REVEAL = ("sealing.js", "opening.js", "dom.js", "reveal.js")


@cache
def module(files: tuple[str, ...]) -> str:
    """One ES module made of `files`."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in files)


@cache
def style() -> str:
    """The one style sheet of forms and pickers, all of it under `.credmagic-form`."""
    return (_HERE / "form.css").read_text(encoding="utf-8")
