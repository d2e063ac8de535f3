"""Where does a secret stand, and how is it spelled there? Canaries of five shapes, thirteen spellings of each, and one search.

Written without credmagic's own list of encodings: what that list forgets must be found here.
"""

from __future__ import annotations

import base64
import html
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from ahocorasick_rs import BytesAhoCorasick
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def _in_base64(text: str, shift: int) -> bytes:
    """The characters of base64 that are the same wherever `text` begins at `shift` bytes (mod 3) of a longer one."""
    whole = base64.b64encode(b"\0" * shift + text.encode())
    return whole[4 if shift else 0 : len(whole) - 4]


SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "raw": str.encode,
    "base64": lambda text: _in_base64(text, 0),
    "base64 after 1 byte": lambda text: _in_base64(text, 1),
    "base64 after 2 bytes": lambda text: _in_base64(text, 2),
    "URL": lambda text: quote(text, safe="").encode(),
    "URL with plus": lambda text: quote_plus(text).encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "HEX": lambda text: text.encode().hex().upper().encode(),
    "JSON": lambda text: json.dumps(text)[1:-1].encode(),
    "repr": lambda text: repr(text)[1:-1].encode(),
    "HTML": lambda text: html.escape(text).encode(),
    "reversed": lambda text: text[::-1].encode(),
    "UTF-16 hex": lambda text: text.encode("utf-16-le").hex().encode(),
}


def _key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _shaped(shape: str) -> tuple[str, tuple[str, ...]]:
    """A secret of that shape, and the parts that give it away alone."""
    core = secrets.token_hex(12)
    match shape:
        case "ascii":
            return f"k-{core}", (core,)
        case "quotes":
            return f"ß\"{core}'\\ü€", (core,)
        case "base64":
            value = base64.b64encode(f"token:{core}".encode()).decode()
            return value, (value[8:-4],)
        case "url":
            return f"p@s#/{core}?a=1&b=%20+;", (core,)
        case _:  # a private key: the second half of each line that holds some of it
            value = _key()
            return value, tuple(line[-24:] for line in value.splitlines()[1:3])


SHAPES = ("ascii", "quotes", "base64", "pem", "url")


@dataclass(frozen=True)
class Canary:
    """One secret of one scenario. `telling` are the parts that give it away wherever they stand."""

    scenario: str
    shape: str
    value: str
    telling: tuple[str, ...]

    @classmethod
    def hatch(cls, scenario: str, shape: str) -> Canary:
        value, inner = _shaped(shape)
        return cls(scenario, shape, value, (value, *inner))


def hatch(scenario: str) -> dict[str, Canary]:
    """A canary of every shape."""
    return {shape: Canary.hatch(scenario, shape) for shape in SHAPES}


def spelled(canary: Canary) -> Iterator[tuple[bytes, str]]:
    """Every spelling of what is telling, with its name."""
    for text in dict.fromkeys(canary.telling):
        for name, spell in SPELLINGS.items():
            yield spell(text), name


class Search:
    """Looks for all canaries in one pass."""

    def __init__(self, canaries: list[Canary]) -> None:
        self._names: dict[bytes, str] = {}
        for canary in canaries:
            for text, spelling in spelled(canary):
                self._names.setdefault(text, f"{canary.scenario}: {canary.shape} as {spelling}")
        self._patterns = list(self._names)
        self._automaton = BytesAhoCorasick(self._patterns)

    def hits(self, data: bytes) -> set[str]:
        """What stands in `data`: scenario, shape and spelling."""
        found = self._automaton.find_matches_as_indexes(data, overlapping=True)
        return {self._names[self._patterns[index]] for index, _, _ in found}


def leaks(canaries: list[Canary], surfaces: Mapping[str, bytes]) -> list[str]:
    """Every `surface ← scenario: shape as spelling` there is."""
    search = Search(canaries)
    return sorted(f"{surface} ← {hit}" for surface, data in surfaces.items() for hit in search.hits(data))
