"""What does the machine plane take and answer? The shapes of docs/architecture.md, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from credmagic.server import views


class Question(views.View):
    """Which credential: by name or id, or by kind alone."""

    ref: str | None = None
    environment: str | None = None
    version: int | None = None
    kind: str | None = None
    scope: str | None = None


class Resolved(views.View):
    """The values of one credential (*resolved*). This is what the plane is for: `fields` holds them in clear."""

    id: str
    name: str
    kind: str
    kind_version: int
    version: int
    environment: str
    fields: dict[str, Any]
    secret: list[str]
    expires_at: str | None
    expires_in: float | None = None
    token: str | None = None
    scope: str | None = None
    environ: dict[str, str] | None = None
    files: dict[str, str] | None = None
    aliases: dict[str, str] | None = None


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Parameters(_Open):
    """The parameters of an action, as its row in docs/architecture.md has them."""


class Result(_Open):
    """The result of an action, as its row has it: metadata, and what was made for the one who asks."""


class Problem(views.Problem):
    """Every error, as a client rebuilds it."""

    details: dict[str, Any] = {}
