"""A token of the signed-in user for other systems' clients: who stands at this machine's shell has proved a login."""

from __future__ import annotations

from typing import Any

from credmagic.vault import sign_in
from credmagic.vault.audit import Caller
from credmagic.vault.vault import Vault


def user_token(vault: Vault, caller: Caller, minutes: int = 60) -> dict[str, Any]:
    """The one answer that carries a token; no socket and no port gives it. It opens metadata and writes, no values."""
    signed_in = sign_in.issue_for_user(vault, caller, minutes)
    return {"token": signed_in.token, "expires_at": signed_in.expires_at}
