"""What happens with a `%cred` line once it needs the whole command tree?"""

from __future__ import annotations

from typing import Any

from credmagic.cli.tree import run as run_words
from credmagic.magics import cell as cells
from credmagic.magics.door import NotebookDoor
from credmagic.magics.history import REFUSED
from credmagic.magics.words import words


def run(ip: Any, door: NotebookDoor, line: str, cell: str | None = None) -> Any:
    """Run one `%cred` line (or `%%cred` cell) and return what it hands over. Raises `CredmagicError`."""
    __tracebackhide__ = True
    arguments = [word.text for word in words(line)]
    if arguments[:1] == [REFUSED]:
        return door.refused(line.split(REFUSED, 1)[1].strip())
    if cell is not None:
        return cells.run(ip, door, arguments, cell)
    result = run_words(arguments, door)
    return None if isinstance(result, int) else result  # Click's exit code after --help
