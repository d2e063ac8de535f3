"""What may an answer on the Jupyter port contain?

These models, and nothing else: none of them has a field for a secret value. They are also what the OpenAPI
document is made from. Names are those of the wire.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """Base: an answer has exactly these fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(View):
    """Every error."""

    message: str
    code: str
    next_step: str = ""
    errors: dict[str, str] = {}


class Health(View):
    """`vault`: open, locked (it does not open), none (no store yet) or closed (nobody needed it yet)."""

    status: Literal["ok"]
    version: str
    vault: Literal["open", "locked", "none", "closed"]
    kernels: bool
    warnings: list[str]


class KindField(View):
    """One field of a kind; `secret` ones are only ever written."""

    name: str
    title: str
    help: str
    type: str
    secret: bool
    required: bool
    default: str | int | bool | list[str] | None
    choices: list[str]
    open_choice: bool
    aliases: list[str]
    more: bool
    placeholder: str


class Kind(View):
    """One kind of credential."""

    kind: str
    title: str
    group: str
    aliases: list[str]
    version: int
    verifiable: bool
    sign_in: bool
    help: str
    help_url: str
    env: list[str]
    adapters: list[str]
    fields: list[KindField]


class Kinds(View):
    """Every kind that is installed."""

    kinds: list[Kind]


class OpenApiDocument(View):
    """What is served here, as OpenAPI 3.1 describes it."""

    openapi: str
    info: dict[str, Any]
    servers: list[dict[str, Any]]
    tags: list[dict[str, Any]]
    paths: dict[str, Any]
    components: dict[str, Any]
