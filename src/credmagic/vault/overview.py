"""What does a person see of the vault as a whole: overview, status, the way a name was found?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from credmagic import settings
from credmagic.errors import AccessDenied, NotUsable, short
from credmagic.kinds.registry import all_kinds, broken_kinds, find_kind
from credmagic.store.rows import AssociationRow, CredentialRow, KeySlotRow
from credmagic.store.transaction import Reader
from credmagic.vault.audit import Caller, now
from credmagic.vault.last_use import with_last_use
from credmagic.vault.lookup import as_id, candidates
from credmagic.vault.records import Stored, open_association, open_to_show
from credmagic.vault.token_health import with_tokens
from credmagic.vault.vault import Vault

SHOWN = 1000
EXPIRES_SOON = 14 * 86_400 * 1_000_000

CLAIM = (
    "On a laptop credmagic protects against a stolen disk, other users of the machine, backups, commits and "
    "accidents. It does not protect against code that runs as you: a notebook cell, a package you installed, or "
    "script in a notebook you trust can get what you can get."
)


def kinds(vault: Vault, caller: Caller, kind: str | None = None) -> dict[str, Any]:
    """What can be stored, described for people and for forms."""
    chosen = [find_kind(kind)] if kind else all_kinds()
    return {"kinds": [cls.describe() for cls in chosen]}


def overview(vault: Vault, caller: Caller, environment: str | None = None) -> dict[str, Any]:
    """Credentials by kind with health, expiry, last use and what is this notebook's default."""
    with vault.store.read() as reader:
        owners = vault.listed_owners(reader)
        stored = list(vault.visible(reader, owners, SHOWN))
        if environment is not None:
            stored = [one for one in stored if one.row.environment in ("", environment)]
        defaults = _defaults_here(vault, reader, caller).get("notebook", set())
        total = sum(int(reader.count(CredentialRow, {"owner_id": owner})) for owner in owners)
        views = with_last_use(reader, with_tokens(vault, reader, [vault.view(one) for one in stored]))
    groups: dict[str, dict[str, Any]] = {}
    for one, view in zip(stored, views, strict=True):
        view["default"] = one.row.id in defaults
        group = groups.setdefault(view["kind"], {"kind": view["kind"], "title": view["title"], "credentials": []})
        group["credentials"].append(view)
    return {
        "environment": environment or settings.active_environment(),
        "store": _where(vault),
        "keys_in": vault.keys_in,
        "total": total,
        "expiring": _expiring(stored),
        "groups": [groups[key] for key in sorted(groups, key=lambda key: groups[key]["title"])],
    }


def _defaults_here(vault: Vault, reader: Reader, caller: Caller) -> dict[str, set[bytes]]:
    """The credentials that are a default of the caller's notebook, kernelspec and server."""
    found = {}
    for object_type, object_id in caller.objects():
        index = vault.keyset.object_index(object_type, object_id)
        where = {"object_type": object_type, "object_ix": index, "owner_id": vault.owners.me, "is_default": 1}
        rows = reader.find(AssociationRow, where)
        found[object_type] = {row.credential_id for row in rows if open_association(vault.keyset, row)["is_default"]}
    return found


def _expiring(stored: Iterable[Stored]) -> int:
    limit = now() + EXPIRES_SOON
    return sum(1 for one in stored if one.expires_at is not None and one.expires_at <= limit)


def _where(vault: Vault) -> str:
    return str(vault.store.path) if vault.store.path else "database server"


def status(vault: Vault, caller: Caller) -> dict[str, Any]:
    """Where things lie, what protects them, who is asking, and what is not claimed."""
    with vault.store.read() as reader:
        slots = reader.find(KeySlotRow, order=("created_at", "slot_id"))
        total = sum(int(reader.count(CredentialRow, {"owner_id": owner})) for owner in vault.owners)
        views = with_tokens(vault, reader, [vault.view(one) for one in vault.visible(reader, limit=SHOWN)])
    warnings = []
    if not any(slot.provider == "recovery" for slot in slots):
        warnings.append("no recovery key yet: credmagic recovery-key")
    if settings.rates_off():
        warnings.append("rate limits are off (CREDMAGIC_RATES=off)")
    warnings += [f"the kind {name} is left out: {problem}" for name, problem in broken_kinds().items()]
    return {
        "store": _where(vault),
        "credentials": total,
        **_tokens(views),
        "keys_in": vault.keys_in,
        "slots": [slot.provider for slot in slots],
        "environment": settings.active_environment(),
        "plane": caller.plane,
        "kernel": caller.kernel_id,
        "notebook": caller.notebook,
        "rates": "off" if settings.rates_off() else "on",
        "claims": [CLAIM],
        "warnings": warnings,
    }


def _tokens(views: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """How many tokens are good now, and whose were not given; nothing where no credential is made into tokens."""
    states = [(view["name"], view["token_health"]["state"]) for view in views if "token_health" in view]
    if not states:
        return {}
    refused = sorted(name for name, state in states if state in ("refused", "unreachable"))
    good = sum(state == "good" for _, state in states)
    return {"tokens": {"good": good, **({"not given": refused} if refused else {})}}


def why(vault: Vault, caller: Caller, ref: str, environment: str | None = None) -> dict[str, Any]:
    """Each step of looking a name up, and who won."""
    environment = settings.active_environment() if environment is None else environment
    steps: list[dict[str, Any]] = []
    winner: Stored | None = None
    with vault.store.read() as reader:
        for looked_for, found in _tried(vault, reader, ref, environment):
            note = ""
            if found is not None and not vault.resolver.shared(found.row):
                note = "not this one: of this connection each member has a credential of its own"
            elif found is not None:
                note = "shadowed by the one above" if winner else _standing(vault, reader, caller, found)
                winner = winner or found
            steps.append({"looked_for": looked_for, "found": found is not None, "note": note})
        views = with_tokens(vault, reader, [vault.view(winner)] if winner else [])
    return {"ref": short(ref), "steps": steps, "winner": views[0] if views else None}


def _standing(vault: Vault, reader: Reader, caller: Caller, stored: Stored) -> str:
    """`this one`, what it is the default of here, and what stands against using it now."""
    here = _defaults_here(vault, reader, caller)
    places = " and ".join(f"this {place}" for place in here if stored.row.id in here[place])
    found = f"this one, default of {places}" if places else "this one"
    try:
        vault.resolver.check_usable(caller, stored)
    except (NotUsable, AccessDenied) as error:
        return f"{found}, but {error.message}"
    return found


def _tried(vault: Vault, reader: Reader, ref: str, environment: str) -> Iterable[tuple[str, Stored | None]]:
    if (credential_id := as_id(ref)) is not None:
        row = reader.get(CredentialRow, id=credential_id)
        ours = row is not None and row.owner_id in tuple(vault.owners)
        yield f"id {ref}", open_to_show(vault.keyset, row) if row and ours else None
    for owner, env, name_ix in candidates(vault.keyset, vault.owners, ref, environment):
        rows = reader.find(CredentialRow, {"owner_id": owner, "environment": env, "name_ix": name_ix}, limit=1)
        label = f'"{short(ref)}" in {short(env) or "no environment"}, {vault.owners.label(owner)}'
        yield label, open_to_show(vault.keyset, rows[0]) if rows else None
