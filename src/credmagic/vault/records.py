"""How does a credential look while it is open, and how is it put back into sealed rows?

Rows are dumb (see `store.rows`): whatever names, describes or authenticates is inside `meta`, `sealed`. This file
is the only one that knows both sides. Sealed *meta* JSON: `name description fields secrets tags expires_at verified`,
`guarded` when it is, `ends` (pairs: versions up to this one end then) after an overlap. Sealed *version* JSON: `public
secret`, `expires_at` where it has an end, and `flat flat_secret` where a kind shows other keys than its fields.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from credmagic.crypto import context
from credmagic.crypto.keyset import Keyset
from credmagic.errors import SealBroken, word
from credmagic.store.rows import AssociationRow, CredentialRow, GrantRow, UsageRow, VersionRow

DAMAGED = "damaged"
"""The status (and kind) of a row that was changed outside, in what is shown of it."""


def iso(micros: int | None) -> str | None:
    """Microseconds since 1970 as ISO 8601 UTC with microseconds and `Z`; None stays None."""
    if micros is None:
        return None
    seconds, rest = divmod(micros, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:06d}Z"


def micros(moment: datetime | None) -> int | None:
    """An aware datetime as microseconds since 1970; None stays None."""
    return None if moment is None else round(moment.timestamp() * 1_000_000)


@dataclass(frozen=True, slots=True)
class Stored:
    """One credential whose meta is open: the row as it lies in the store, and what it says."""

    row: CredentialRow
    meta: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.meta["name"])

    @property
    def expires_at(self) -> int | None:
        value = self.meta.get("expires_at")
        return value if isinstance(value, int) else None

    @property
    def guarded(self) -> bool:
        """Usable only from notebooks and kernelspecs that have a grant."""
        return bool(self.meta.get("guarded"))

    def masked(self) -> Stored:
        """The same for who may know that it is there, and not what it says of itself: its id stands for its name."""
        verified = self.meta.get("verified")
        return Stored(
            self.row,
            {
                "name": self.row.id.hex(),
                "expires_at": self.expires_at,
                "guarded": self.guarded,
                "verified": {**verified, "reason": ""} if verified else None,
            },
        )

    @property
    def in_command(self) -> str:
        """How a command names it so that it is found from anywhere: as one word, with its environment."""
        return word(self.name) + (f" --env {self.row.environment}" if self.row.environment else "")

    def view(self, *, title: str, owner: str) -> dict[str, Any]:
        """What may be listed: everything but the secrets (shape: *view* in docs/architecture.md)."""
        row, meta = self.row, self.meta
        verified = meta.get("verified")
        return {
            "id": row.id.hex(),
            "name": self.name,
            "kind": row.kind,
            "kind_version": row.kind_version,
            "title": title,
            "environment": row.environment,
            "owner": owner,
            "status": row.status,
            "version": row.current_version,
            "revision": row.revision,
            "description": meta.get("description", ""),
            "fields": meta.get("fields", {}),
            "secrets": meta.get("secrets", []),
            "tags": meta.get("tags", []),
            "guarded": self.guarded,
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
            "expires_at": iso(self.expires_at),
            "verified": {**verified, "at": iso(verified["at"])} if verified else None,
            "last_used_at": None,
        }


def _meta_context(keyset: Keyset, row: CredentialRow) -> bytes:
    return context.meta_context(
        keyset.store_id,
        credential_id=row.id,
        owner_id=row.owner_id,
        environment=row.environment,
        kind=row.kind,
        kind_version=row.kind_version,
        status=row.status,
        current_version=row.current_version,
        revision=row.revision,
    )


def open_meta(keyset: Keyset, row: CredentialRow) -> Stored:
    """Open a credential's meta. Raises `SealBroken` if any deciding column was changed."""
    return Stored(row, keyset.open(_meta_context(keyset, row), row.meta))


def open_to_show(keyset: Keyset, row: CredentialRow) -> Stored:
    """As `open_meta`, but one that was changed is shown as `damaged` under its id: it must not hide the others.

    Nothing else of its row is shown but whose it is: who changed it may have written anything there.
    """
    try:
        return open_meta(keyset, row)
    except SealBroken:
        pass
    unknown = replace(
        row, status=DAMAGED, kind=DAMAGED, environment="", kind_version=0, current_version=0, revision=0,
        created_at=0, updated_at=0,
    )  # fmt: skip
    return Stored(unknown, {"name": row.id.hex()})


def seal_meta(keyset: Keyset, row: CredentialRow, meta: Mapping[str, Any]) -> Stored:
    """The row with `meta` sealed for exactly the columns it has now."""
    sealed = keyset.seal(_meta_context(keyset, row), meta)
    return Stored(replace(row, meta=sealed, key_id=keyset.primary_id), dict(meta))


def _version_context(keyset: Keyset, credential: CredentialRow, version: int, kind_version: int) -> bytes:
    return context.secret_context(
        keyset.store_id,
        credential_id=credential.id,
        owner_id=credential.owner_id,
        kind=credential.kind,
        kind_version=kind_version,
        version=version,
    )


def open_version(keyset: Keyset, credential: CredentialRow, row: VersionRow) -> dict[str, Any]:
    """Open one version's values. Raises `SealBroken` if it was moved, retyped or re-owned."""
    return keyset.open(_version_context(keyset, credential, row.version, row.kind_version), row.sealed)


def seal_version(
    keyset: Keyset, credential: CredentialRow, version: int, values: Mapping[str, Any], now: int
) -> VersionRow:
    """Seal `values` as `version` of `credential`."""
    kind_version = credential.kind_version
    sealed = keyset.seal(_version_context(keyset, credential, version, kind_version), values)
    return VersionRow(credential.id, version, kind_version, keyset.primary_id, sealed, now)


def _association_context(keyset: Keyset, row: AssociationRow) -> bytes:
    columns = (
        row.credential_id, row.owner_id, row.object_type, row.object_ix, row.is_default, row.inject, row.kind,
    )  # fmt: skip
    return context.row_context(keyset.store_id, "associations", row.id, columns, row.revision)


def seal_association(keyset: Keyset, row: AssociationRow, object_id: str) -> AssociationRow:
    """The row with the object's id sealed for exactly its deciding columns."""
    sealed = keyset.seal(_association_context(keyset, row), {"object_id": object_id})
    return replace(row, sealed=sealed, key_id=keyset.primary_id)


def open_association(keyset: Keyset, row: AssociationRow) -> dict[str, Any]:
    """The association as it may be shown."""
    opened = keyset.open(_association_context(keyset, row), row.sealed)
    return {
        "object_type": row.object_type,
        "object_id": opened["object_id"],
        "is_default": bool(row.is_default),
        "inject": row.inject,
        "created_at": iso(row.created_at),
    }


def _grant_context(keyset: Keyset, row: GrantRow) -> bytes:
    columns = (row.credential_id, row.owner_id, row.object_type, row.object_ix)
    return context.row_context(keyset.store_id, "grants", row.id, columns, row.revision)


def seal_grant(keyset: Keyset, row: GrantRow, object_id: str) -> GrantRow:
    """The row with the object's id sealed for exactly its deciding columns."""
    sealed = keyset.seal(_grant_context(keyset, row), {"object_id": object_id})
    return replace(row, sealed=sealed, key_id=keyset.primary_id)


def open_grant(keyset: Keyset, row: GrantRow) -> dict[str, Any]:
    """The grant as it may be shown. Raises `SealBroken` for a row that was made or changed without the keys."""
    opened = keyset.open(_grant_context(keyset, row), row.sealed)
    return {"object_type": row.object_type, "object_id": opened["object_id"], "created_at": iso(row.created_at)}


def _usage_context(keyset: Keyset, row: UsageRow) -> bytes:
    columns = (row.credential_id, row.object_type, row.object_ix)
    return context.row_context(keyset.store_id, "usages", row.id, columns, row.revision)


def new_usage(keyset: Keyset, credential_id: bytes, object_type: str, object_id: str, now: int) -> UsageRow:
    """The row that says: this object used this credential, for the first time now."""
    index = keyset.object_index(object_type, object_id)
    row = UsageRow(os.urandom(16), credential_id, object_type, index, keyset.primary_id, 1, b"", now)
    return replace(row, sealed=keyset.seal(_usage_context(keyset, row), {"object_id": object_id, "first_at": now}))


def open_usage(keyset: Keyset, row: UsageRow) -> dict[str, Any]:
    """The usage as it may be shown, without last use and count: those are the audit log's."""
    opened = keyset.open(_usage_context(keyset, row), row.sealed)
    return {"object_type": row.object_type, "object_id": opened["object_id"], "first_at": iso(opened["first_at"])}
