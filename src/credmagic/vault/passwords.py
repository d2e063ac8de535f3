"""What does a good random password look like, and how is one made?

Each character is drawn evenly from the chosen classes; a draw that misses a class, repeats or counts up (`aaa`, `abc`,
`321`) or contains the credential's name is thrown away as a whole, so that what is left is still evenly distributed.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from credmagic.errors import InvalidCredential
from credmagic.values import SecretStr

CLASSES = {
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "digits": string.digits,
    "symbols": "-_",
    "special": "!#$%&()*+,./:;<=>?@[]^{|}~",
}
"""What a password may consist of; `symbols` stay whole in a URL, `special` do not."""
URL_SAFE = ("lower", "upper", "digits", "symbols")
SHORTEST, LONGEST = 16, 1024
DRAWS = 1_000
_RUN = 3
"""This many equal or consecutive characters in a row are a run."""


@dataclass(frozen=True)
class Policy:
    """How long (characters), and of which `CLASSES`, each at least once. Raises `InvalidCredential`."""

    length: int = 64
    classes: Sequence[str] = URL_SAFE

    def __post_init__(self) -> None:
        problems = {}
        if not SHORTEST <= self.length <= LONGEST:
            problems["length"] = f"{SHORTEST} to {LONGEST} characters"
        if not self.classes or not set(self.classes) <= CLASSES.keys():
            problems["classes"] = f"some of {', '.join(CLASSES)}"
        elif sum(len(CLASSES[name]) for name in set(self.classes)) < 10:
            problems["classes"] = "too few characters to choose from: add lower, upper or digits"
        if problems:
            raise InvalidCredential(
                "no password can be made by this policy",
                errors=problems,
                next_step="Leave it out for 64 characters that are safe in a URL.",
            )

    @property
    def alphabet(self) -> str:
        """Every character that may stand in it, once."""
        return "".join(CLASSES[name] for name in dict.fromkeys(self.classes))


def generate(policy: Policy, *, without: Sequence[str] = (), label: str = "[generated]") -> SecretStr:
    """A password by `policy` that contains none of the words `without` (in either case); `label` is its mask."""
    words = [word.casefold() for word in without if len(word) >= _RUN]
    for _ in range(DRAWS):
        drawn = "".join(secrets.choice(policy.alphabet) for _ in range(policy.length))
        if _good(drawn, policy, words):
            return SecretStr(drawn, label)
    raise InvalidCredential(
        "no password can be made by this policy",
        errors={"length": "too long for so few characters without runs"},
        next_step="Choose a shorter one, or more classes.",
    )


def _good(text: str, policy: Policy, words: Sequence[str]) -> bool:
    complete = all(any(c in CLASSES[name] for c in text) for name in policy.classes)
    return complete and not has_run(text) and not any(word in text.casefold() for word in words)


def has_run(text: str) -> bool:
    """Whether three characters in a row are equal, or count up or down (`aaa`, `345`, `cba`)."""
    steps = [ord(b) - ord(a) for a, b in pairwise(text)]
    return any(a == b and abs(a) <= 1 for a, b in pairwise(steps))
