"""What does the Tab key offer on a `%cred` line?

The same as in a shell: the command tree completes itself (verbs, options, names, kinds, fields, environments). This
matcher only cuts the line into words, because IPython's own tokens break at `-` and `:`. It never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

_LINE = re.compile(r"^\s*(?:[^=#'\"]*=\s*)?%{1,2}cred(?P<gap>\s+)(?P<words>.*)$")
_MOST = 200
"""More than anyone scrolls through (completions)."""


def install(ip: Any, door: Callable[[], Any]) -> Callable[[], None]:
    """Add the matcher to IPython's completer; the function that removes it."""

    @context_matcher(identifier="credmagic.cred", priority=1000)  # type: ignore[untyped-decorator]
    def cred_matcher(context: CompletionContext) -> dict[str, Any]:
        match = _LINE.match(context.text_until_cursor)
        if match is None:
            return {"completions": [], "suppress": False}
        try:
            fragment, found = complete(match["words"], door())
        except Exception:  # the Tab key must not print tracebacks
            fragment, found = "", []
        completions = [SimpleCompletion(text, type="credential") for text in found[:_MOST]]
        return {"completions": completions, "suppress": True, "matched_fragment": fragment}

    ip.Completer.custom_matchers.append(cred_matcher)

    def uninstall() -> None:
        if cred_matcher in ip.Completer.custom_matchers:
            ip.Completer.custom_matchers.remove(cred_matcher)

    return uninstall


def complete(line: str, door: Any) -> tuple[str, list[str]]:
    """The unfinished last word of `line` (what follows `%cred `) and what it could become."""
    from click.shell_completion import ShellComplete

    from credmagic.cli.tree import tree
    from credmagic.magics.words import quoted, words

    found = words(line)
    unfinished = found.pop() if found and found[-1].end == len(line) else None
    fragment = line[unfinished.start :] if unfinished else ""
    incomplete = fragment.strip("\"'")
    shell = ShellComplete(tree, {"obj": door}, door.prog, "")
    offered = shell.get_completions([word.text for word in found], incomplete)
    return fragment, [quoted(item.value) for item in offered if not _shell_only(item.value)]


def _shell_only(verb: str) -> bool:
    from credmagic.cli.tree import tree

    return bool(getattr(tree.commands.get(verb), "shell_only", False))
