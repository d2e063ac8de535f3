"""How is an address on the Jupyter port declared?

Once, here: the routes Tornado matches and the OpenAPI document are made from the same `Face`. A face is what one
foreign system (or credmagic itself) is spoken to through; each is found by its entry point in `credmagic.faces`.
Models are named, not imported: a starting server does without pydantic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from credmagic.plugins import Registry

if TYPE_CHECKING:
    from pydantic import BaseModel
    from tornado.web import RequestHandler

_SEGMENT = re.compile(r"\{(\w+)\}")
TEXT: Mapping[str, Any] = {"type": "string"}
COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}


@dataclass(frozen=True)
class Param:
    """A parameter of a query; `schema` is JSON Schema."""

    name: str
    schema: Mapping[str, Any] = field(default_factory=lambda: TEXT)
    description: str = ""
    required: bool = False


@dataclass(frozen=True)
class Op:
    """One method of an address.

    `answers` maps a status to the model of its body, named `package.module:Model` (`…:Model[]` is a bare array), or
    to None for an answer without a body. Statuses that any request can meet are the face's `problems`.
    `body_required` is False where an absent body means `{}`.
    """

    summary: str
    answers: Mapping[int, str | None]
    body: str | None = None
    body_required: bool = True
    query: tuple[Param, ...] = ()
    public: bool = False
    """True when nobody has to say who he is (a sign-in)."""
    page: bool = False
    """True when the answer is a page for people: HTML, with a policy of its own."""


@dataclass(frozen=True)
class Route:
    """One address below its face's prefix: `credentials/{credentialId}/associations/`.

    `segments` gives a parameter another pattern than `[^/]+`. Without operations it only says that nothing is here.
    """

    path: str
    handler: type[RequestHandler]
    operations: Mapping[str, Op]
    segments: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> list[str]:
        """The names of its parameters, in order."""
        return _SEGMENT.findall(self.path)

    @property
    def pattern(self) -> str:
        """The regular expression of this address, its parameters as groups; with and without a last slash."""
        parts = _SEGMENT.split(self.path.strip("/"))
        literal, names = map(re.escape, parts[::2]), parts[1::2]
        groups = [f"({self.segments.get(name, '[^/]+')})" for name in names]
        return "".join(part for pair in zip(literal, [*groups, ""], strict=True) for part in pair) + "/?"


def nothing_below(paths: Iterable[str], handler: type[RequestHandler]) -> Iterator[Route]:
    """Routes for addresses, and all below them, that a client may ask for and that are not served."""
    for path in paths:
        yield Route(f"{path}{{rest}}", handler, {}, {"rest": "(?:/.*)?"})


@dataclass(frozen=True)
class Face:
    """Addresses below one prefix (`api/v2/`), in the order in which they are tried."""

    name: str
    title: str
    prefix: str
    routes: tuple[Route, ...]
    identity: tuple[str, ...] = ("jupyter",)
    """Who may ask, by name of a security scheme: `jupyter`, `machine`, or one of the face's own."""
    problem: str = "credmagic.server.views:Problem"
    """The model of every error's body."""
    problems: tuple[int, ...] = (400, 401, 403, 404, 415, 422, 423, 429, 500, 507)
    """Statuses any operation can end with: whoever asks, whatever state the vault is in."""
    doubled_slash: bool = False
    """Some clients join an address that ends in a slash with one that begins with one."""

    def handlers(self, base: str) -> Iterator[tuple[str, type[RequestHandler]]]:
        """Tornado's routes below `base`, which ends in `/`."""
        doubled = "/?" if self.doubled_slash else ""
        prefix = re.escape(base) + doubled + re.escape(self.prefix) + doubled
        for route in self.routes:
            yield prefix + route.pattern, route.handler


def model(name: str) -> type[BaseModel]:
    """The model of that name (`package.module:Model`, an array's `[]` left off)."""
    module, _, attribute = name.removesuffix("[]").partition(":")
    found: type[BaseModel] = getattr(import_module(module), attribute)
    return found


def faces() -> list[Face]:
    """Every face that is installed, by name."""
    registry: Registry[Face] = Registry("credmagic.faces")
    return [face for _, face in registry.items()]
