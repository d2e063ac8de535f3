"""What does a mask look like, and which values cannot be masked in output?

A mask is `[credential.field]`. It is what `repr` of a secret shows and what the output filter writes in the
place of a value. Some values cannot be replaced without blanking innocent text; saving one says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection

MIN_LENGTH = 6
"""Shorter values would blank ordinary text, so the output filter leaves them alone (characters)."""

_WORDS = """
    password passwort secret default public localhost postgres username database example changeme
    admin admin1 administrator system service master welcome qwerty letmein 123456 1234567 12345678
    123456789 1234567890 000000 111111 abc123 abcdef string number object notebook python jupyter
    credential token bearer private production development testing staging region account client
    server service_account authorized_user external_account googleapis.com
"""
COMMON_WORDS = frozenset(_WORDS.split())

_MASK = re.compile(r"\[[^\[\]\n]{1,160}\.[A-Za-z_][A-Za-z0-9_.-]{0,80}\]\Z")


def mask(name: str, field: str) -> str:
    """The text shown instead of the value of `field` of the credential `name`."""
    return f"[{name}.{field}]"


def looks_like_mask(value: str) -> bool:
    """True for a value that is itself a mask: somebody copied what was shown, not what was stored."""
    return bool(_MASK.match(value))


def why_unmaskable(value: str, public_values: Collection[str] = ()) -> str | None:
    """Why the output filter will not replace `value`, in words without it; None when it will."""
    if len(value) < MIN_LENGTH:
        return f"shorter than {MIN_LENGTH} characters"
    if value in public_values:
        return "equal to a public field"
    if value.casefold() in COMMON_WORDS:
        return "a common word"
    return None
