"""How do the tokens of a credential do? Told from the tokens in memory and the log's last outcome; nobody is asked.

Only of credentials that are made into tokens. What a token says of itself, and what a refusal said, stays where it is:
here are a state, a moment, the provider's error code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from credmagic.errors import InvalidCredential, NotFound
from credmagic.kinds.registry import find_kind
from credmagic.kinds.token_kind import TokenKind
from credmagic.plugins import BrokenPlugin
from credmagic.store.rows import AuditRow
from credmagic.store.transaction import Reader
from credmagic.vault.records import iso, micros
from credmagic.vault.vault import Vault


def with_tokens(vault: Vault, reader: Reader, views: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The views, those of credentials that are made into tokens with `"token_health"` (docs/architecture.md)."""
    return [view | _health(vault, reader, view) for view in views]


def _health(vault: Vault, reader: Reader, view: Mapping[str, Any]) -> dict[str, Any]:
    credential = _outlined(view) if view["owner"] != "another" else None
    if credential is None or not credential.needs_exchange():
        return {}
    found = _state(vault, reader, view)
    return {"token_health": {**found, "sign_in": credential.sign_in() is not None}}


def _outlined(view: Mapping[str, Any]) -> TokenKind | None:
    """The credential as far as it may be listed: what is secret is only known to be set."""
    try:
        cls = find_kind(view["kind"])
        if not issubclass(cls, TokenKind):
            return None
        secrets = dict.fromkeys(view["secrets"], "{}")  # an object, too, for those that hold one
        return cls.from_flat(cls.upgraded(view["kind_version"], {**view["fields"], **secrets}))
    except (NotFound, BrokenPlugin, InvalidCredential):
        return None


def _state(vault: Vault, reader: Reader, view: Mapping[str, Any]) -> dict[str, Any]:
    """`state` with `ends_at`, or with `at` and `error` of the last failure if nothing has changed since."""
    credential_id = bytes.fromhex(view["id"])
    last = reader.find(
        AuditRow, {"object_id": credential_id, "action": "token"}, order=("seq",), descending=True, limit=1
    )
    body = json.loads(last[0].body) if last else {}
    if last and body.get("version") == view["version"] and last[0].outcome != "ok":
        return {"state": last[0].outcome, "at": iso(last[0].ts), "error": body.get("reason", "")}
    held = vault.tokens.held(credential_id)
    if held is None:
        return {"state": "renews"}
    return {"state": "good", "ends_at": iso(micros(held.token.expires_at)), "at": iso(round(held.fetched[0] * 1e6))}
