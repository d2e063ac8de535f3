"""Does a stored credential still work, and what did its service say last?"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from credmagic.errors import CredmagicError, InvalidCredential, TokenRefused, Unreachable, VerificationFailed
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.registry import find_kind
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.records import Stored, seal_meta
from credmagic.vault.vault import Vault
from credmagic.verify.base import TIMEOUT, Result, verify

LONGEST = 60
"""Seconds anybody may be kept waiting for a service."""


def check(
    vault: Vault, caller: Caller, ref: str, environment: str | None = None, timeout: int | None = None
) -> dict[str, Any]:
    """Try a stored credential out against its service, within `timeout` seconds, and remember the result.

    Raises what the service answered (`VerificationFailed`, `Unreachable`), after that was remembered too.
    """
    if timeout is not None and not 1 <= timeout <= LONGEST:
        raise InvalidCredential("no such time limit", errors={"timeout": f"1 to {LONGEST} seconds"})
    with vault.store.read() as reader:
        stored = vault.find(reader, ref, environment)
        credential = vault.credential(reader, stored)
    if (result := in_session(vault, stored)) is not None:  # nothing new to remember
        return {"outcome": result.outcome, "reason": result.reason, "took_ms": 0}
    outcome, reason, took_ms = "ok", "", 0
    failure: CredmagicError | None = None
    try:
        credential = _for_caller(vault, caller, stored, credential)
        result = verify(credential, timeout=float(timeout or TIMEOUT))
        outcome, reason, took_ms = result.outcome, result.reason, result.took_ms
    except VerificationFailed as error:
        outcome, reason, failure = "refused", error.message, error
    except Unreachable as error:
        outcome, reason, failure = "unreachable", error.message, error
    _remember(vault, caller, stored, {"at": now(), "outcome": outcome, "reason": reason})
    if failure is not None:
        raise failure
    vault.tokens.drop(stored.row.id)  # one that is held may have been refused since: the next use gets a new one
    return {"outcome": outcome, "reason": reason, "took_ms": took_ms}


def _for_caller(vault: Vault, caller: Caller, stored: Stored, credential: CredentialKind) -> CredentialKind:
    """With the sign-in of the one who asks; without one, the probe says that there is none."""
    with suppress(TokenRefused):
        return vault.for_caller(caller, stored, credential)
    return credential


def in_session(vault: Vault, stored: Stored) -> Result | None:
    """What is said instead of asking while a session is open that asking would end; None where it may be asked."""
    if find_kind(stored.row.kind).one_session and vault.tokens.holds(stored.row.id):
        return Result("unverifiable", "not tried: a session is open, and a second sign-in would end it")
    return None


def _remember(vault: Vault, caller: Caller, stored: Stored, verified: dict[str, Any]) -> None:
    """Write the outcome on what is there *now*: a probe takes time, and the values may have changed meanwhile."""
    event = Event("credential.verify", caller, verified["outcome"], stored.row.id, stored.row.current_version)
    with vault.change(event) as transaction:
        latest = vault.find(transaction, stored.row.id.hex())
        if latest.row.current_version == stored.row.current_version:
            row = replace(latest.row, revision=latest.row.revision + 1)
            changed = seal_meta(vault.keyset, row, {**latest.meta, "verified": verified})
            transaction.update(changed.row, expected_revision=latest.row.revision)
