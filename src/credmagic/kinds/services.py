"""How do well-known services want an API key: in which variables, in which header, tried where?

A data table. A new service is a row. Services are chosen by name, never guessed from the value of a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Service:
    """One row. `base` is the service's own address; a credential's `url` takes its place."""

    env: tuple[str, ...] = ()
    url_env: str | None = None
    """Variable that carries the credential's `url`, if it has one."""
    header: str = "Authorization: Bearer"
    """Header, and the scheme before the key if any; `Basic NAME:` means user NAME with the key as password."""
    base: str | None = None
    probe: str = ""
    """Path below the address that answers only with a good key."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Headers the service insists on."""
    body: bytes | None = None
    refused_by: bytes | None = None


GENERIC = "generic"

SERVICES: Mapping[str, Service] = {
    GENERIC: Service(("NAME_API_KEY",)),
    "openai": Service(("OPENAI_API_KEY",), "OPENAI_BASE_URL", base="https://api.openai.com/v1", probe="/models"),
    "azure_openai": Service(
        ("AZURE_OPENAI_API_KEY",),
        "AZURE_OPENAI_ENDPOINT",
        header="api-key",
        probe="/openai/models?api-version=2024-10-21",
    ),
    "anthropic": Service(
        ("ANTHROPIC_API_KEY",),
        "ANTHROPIC_BASE_URL",
        header="x-api-key",
        base="https://api.anthropic.com",
        probe="/v1/models",
        extra={"anthropic-version": "2023-06-01"},
    ),
    "huggingface": Service(("HF_TOKEN",), "HF_ENDPOINT", base="https://huggingface.co", probe="/api/whoami-v2"),
    "gemini": Service(
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        header="x-goog-api-key",
        base="https://generativelanguage.googleapis.com",
        probe="/v1beta/models",
    ),
    "mistral": Service(("MISTRAL_API_KEY",), base="https://api.mistral.ai", probe="/v1/models"),
    "cohere": Service(("CO_API_KEY",), base="https://api.cohere.com", probe="/v1/models"),
    "wandb": Service(
        ("WANDB_API_KEY",),
        "WANDB_BASE_URL",
        header="Authorization: Basic api:",
        base="https://api.wandb.ai",
        probe="/graphql",
        body=b'{"query": "{ viewer { id } }"}',
        refused_by=b'"viewer":null',
    ),
    "github": Service(("GITHUB_TOKEN", "GH_TOKEN"), base="https://api.github.com", probe="/user"),
    "datarobot": Service(
        ("DATAROBOT_API_TOKEN",), "DATAROBOT_ENDPOINT", base="https://app.datarobot.com/api/v2", probe="/version/"
    ),
}
