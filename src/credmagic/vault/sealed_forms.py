"""What happens to a form that was sealed in a browser?

The browser asks for a single-use key, seals one JSON of all fields to it, and the vault opens it here: the kernel in
between relays bytes it cannot read. What comes out takes the same way as any other input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credmagic.errors import CredmagicError, InvalidCredential
from credmagic.kinds.registry import find_kind
from credmagic.vault import creating, credentials
from credmagic.vault.associations import attach
from credmagic.vault.audit import Caller, Event
from credmagic.vault.guarding import check_change
from credmagic.vault.vault import Vault
from credmagic.vault.verification import in_session
from credmagic.verify.base import verify

_FORM = {"name", "environment", "team", "description", "tags", "expires_at", "attach", "fields", "verify"}


def begin_entry(
    vault: Vault, caller: Caller, kind: str, ref: str | None = None, environment: str | None = None
) -> dict[str, Any]:
    """A single-use public key for a new credential of `kind`, or for editing `ref`."""
    cls = find_kind(kind)
    edited = None
    if ref is not None:
        with vault.store.read() as reader:
            stored = vault.find(reader, ref, environment)
        if stored.row.kind != cls.kind:
            raise InvalidCredential(
                f'"{stored.name}" is of kind {stored.row.kind}', errors={"kind": f"is {stored.row.kind}"}
            )
        check_change(vault, caller, stored)
        edited = stored.row.id.hex()
    return vault.entries.begin(cls.kind, edited, caller.session)


def submit_entry(vault: Vault, caller: Caller, entry_id: str, purpose: str, sealed: str) -> dict[str, Any]:
    """Open a sealed form and verify or save it. A refusal changes nothing."""
    if purpose not in ("verify", "save"):
        raise InvalidCredential("purpose is verify or save", errors={"purpose": "verify or save"})
    try:
        entry, form = vault.entries.open(entry_id, sealed, caller.session)
    except CredmagicError as error:
        vault.record(Event("entry.refused", caller, "denied", reason=error.code))
        raise
    if unknown := form.keys() - _FORM:
        raise InvalidCredential("the form holds unknown parts", errors=dict.fromkeys(sorted(unknown), "unknown"))
    if not isinstance(form.get("fields", {}), dict):
        raise InvalidCredential("the form holds no fields", errors={"fields": "an object"})
    if purpose == "verify":
        return _verify(vault, entry.kind, entry.ref, form)
    return _edit(vault, caller, entry.ref, form) if entry.ref else _create(vault, caller, entry.kind, form)


def _verify(vault: Vault, kind: str, ref: str | None, form: Mapping[str, Any]) -> dict[str, Any]:
    fields = form.get("fields", {})
    result = None
    if ref is None:
        credential = find_kind(kind).parse(fields)
    else:
        with vault.store.read() as reader:
            stored = vault.find(reader, ref)
            credential = vault.credential(reader, stored).updated(fields)
        result = in_session(vault, stored)
    result = result or verify(credential)
    return {"outcome": result.outcome, "reason": result.reason, "took_ms": result.took_ms}


def _create(vault: Vault, caller: Caller, kind: str, form: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in form.items() if value is not None and key in _FORM}
    return creating.create(vault, caller, kind=kind, **{"fields": {}, **given})


def _edit(vault: Vault, caller: Caller, ref: str, form: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"new_name": form["name"]} if form.get("name") else {}
    kept = {key: form[key] for key in ("fields", "description", "tags", "expires_at", "verify") if key in form}
    changed = credentials.update(vault, caller, ref, **kept, **renamed)
    if form.get("attach"):
        attach(vault, caller, ref)
    return changed
