"""How is a credential made?

Input is validated by the kind's class and, unless asked not to, tried out against the service *before* a write
transaction begins; inside it nothing slow happens. A refusal at any step leaves the store as it was.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from credmagic.errors import NameTaken
from credmagic.kinds import names as rules
from credmagic.kinds.registry import find_kind
from credmagic.store.rows import CredentialRow
from credmagic.vault.associations import attach_in
from credmagic.vault.audit import Caller, Event, now
from credmagic.vault.credentials import Draft, again, make_draft, taken
from credmagic.vault.records import seal_meta, seal_version
from credmagic.vault.vault import Vault


def create(
    vault: Vault,
    caller: Caller,
    kind: str,
    fields: Mapping[str, Any],
    name: str = "",
    environment: str = "",
    team: bool = False,
    description: str = "",
    tags: Sequence[str] = (),
    expires_at: str | None = None,
    verify: bool = True,
    attach: bool = False,
) -> dict[str, Any]:
    """Store a new credential; one without a name gets one, `KIND-N`.

    Raises `InvalidCredential`, `NameTaken`, `VerificationFailed`, `Unreachable`.
    """
    environment = rules.check_environment(environment)
    described = {"description": rules.check_description(description), "tags": rules.check_tags(tags)}
    cls = find_kind(kind)
    owner = vault.owners.team if team else vault.owners.me
    vault.acting.check(vault.owners.owned(owner))
    place = _Place(vault, owner, environment)
    wanted = rules.check_name(name) if name else ""
    if verify and wanted and place.is_taken(wanted):  # before the service is asked; the unique index has the last word
        raise taken(wanted, environment)
    draft = make_draft(cls.parse(fields), expires_at or None, verify)

    def attempt() -> dict[str, Any]:
        described["name"] = wanted or place.next_name(cls.kind)
        return _insert(vault, caller, place, described, draft, attach)

    return attempt() if wanted else again(attempt, NameTaken)


def _insert(
    vault: Vault, caller: Caller, place: _Place, described: Mapping[str, Any], draft: Draft, attach: bool
) -> dict[str, Any]:
    cls = type(draft.credential)
    at, owner, environment, name = now(), place.owner, place.environment, described["name"]
    index = vault.keyset.name_index(owner, environment, name)
    row = CredentialRow(
        os.urandom(16), owner, index, environment, cls.kind, cls.version, "active", 1, 1,
        vault.keyset.primary_id, b"", at, at,
    )  # fmt: skip
    stored = seal_meta(vault.keyset, row, {**described, **draft.meta()})
    try:
        with vault.change(Event("credential.create", caller, object_id=row.id, version=1)) as transaction:
            transaction.insert(stored.row)
            transaction.insert(seal_version(vault.keyset, row, 1, draft.values(), at))
            if attach:
                attach_in(vault, transaction, caller, stored)
    except NameTaken:
        raise taken(name, environment) from None
    return {**vault.view(stored), "warnings": draft.warnings}


@dataclass(frozen=True)
class _Place:
    """Where a name has to be the only one."""

    vault: Vault
    owner: bytes
    environment: str

    def is_taken(self, name: str) -> bool:
        index = self.vault.keyset.name_index(self.owner, self.environment, name)
        where = {"owner_id": self.owner, "environment": self.environment, "name_ix": index}
        with self.vault.store.read() as reader:
            return bool(reader.find(CredentialRow, where, limit=1))

    def next_name(self, kind: str) -> str:
        with self.vault.store.read() as reader:
            where = {"owner_id": self.owner, "environment": self.environment, "kind": kind}
            count = int(reader.count(CredentialRow, where))
        return rules.next_name(kind, count, self.is_taken)
