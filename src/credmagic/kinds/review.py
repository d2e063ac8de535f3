"""What should a person be told about a credential that is valid, but perhaps not meant like that?

Warnings name fields, never values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from credmagic.masking import why_unmaskable

if TYPE_CHECKING:
    from credmagic.kinds.base import CredentialKind

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


def review(credential: CredentialKind) -> list[str]:
    """The warnings that hold for every kind."""
    return [*_blanks(credential), *_unmaskable(credential), *_clear_http(credential)]


def _secret_texts(credential: CredentialKind) -> Iterator[tuple[str, str]]:
    for name, value in credential.secrets().items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", text) for key, text in value.items())
        else:
            yield name, value


def _blanks(credential: CredentialKind) -> Iterator[str]:
    several_lines = {spec.name for spec in credential.specs() if spec.type in ("text", "json")}
    for name, text in _secret_texts(credential):
        if name in several_lines or text == text.strip():
            continue
        what = "a line break" if text.rstrip("\r\n") == text.strip() else "a blank"
        yield f"{name} begins or ends with {what}; it was kept exactly as given"


def _unmaskable(credential: CredentialKind) -> Iterator[str]:
    public = {str(value) for value in credential.public().values()}
    for name, text in _secret_texts(credential):
        if text and (why := why_unmaskable(text, public)):
            yield f"{name} is {why}, so it cannot be masked in outputs"


def _clear_http(credential: CredentialKind) -> Iterator[str]:
    for spec in credential.specs():
        value: Any = getattr(credential, spec.name)
        if spec.type != "url" or not value:
            continue
        parts = urlsplit(value)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            yield f"{spec.name} is plain http: what is sent there can be read on the way; prefer https"
