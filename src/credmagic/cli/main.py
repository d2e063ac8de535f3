"""What happens when somebody types `credmagic …` in a shell?

The command tree runs; an error becomes at most three lines on stderr and the exit code of its class (the tree of
`errors.py`); a usage error is 2, an interrupt 130.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from credmagic.errors import CredmagicError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code."""
    from credmagic.cli.door import Door
    from credmagic.cli.tree import run

    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        result = run(words, Door())
        sys.stdout.flush()
    except CredmagicError as error:
        print("\n".join(error.lines()).replace("%cred", "credmagic"), file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, EOFError):
        print("Interrupted; nothing more was done.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `credmagic list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0
