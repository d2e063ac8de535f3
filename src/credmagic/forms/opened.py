"""Which forms are open in this kernel, so that `use` can say "form not submitted yet"?"""

from __future__ import annotations

from typing import Protocol


class Closable(Protocol):
    """A form on the screen."""

    def close(self) -> None:
        """Take it off the screen."""


_open: dict[str, Closable] = {}


def add(name: str, form: Closable) -> None:
    """Remember an open form. An older one of the same name (its cell was run again) is taken off the screen."""
    if not name:
        return
    older = _open.pop(name, None)
    _open[name] = form
    if older is not None:
        older.close()


def discard(form: Closable) -> None:
    """The form was saved or cancelled."""
    for name in [name for name, open_form in _open.items() if open_form is form]:
        _open.pop(name, None)


def names() -> set[str]:
    """Names of open forms."""
    return set(_open)
