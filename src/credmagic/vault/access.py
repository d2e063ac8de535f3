"""Who may do what?

The laptop owner everything; a machine or a further user what its role says. Two checks, where everything passes:
 `dispatch` asks for the action's permission, and every transaction asks whose rows were written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credmagic.crypto import context
from credmagic.crypto.keyset import Keyset
from credmagic.errors import AccessDenied, NotSignedIn
from credmagic.store.rows import PrincipalRow

if TYPE_CHECKING:
    from credmagic.store.transaction import Change

PERMISSIONS = {
    "read": "metadata",
    "audit": "what everybody did",
    "write": "credentials",
    "use": "values leave",
    "manage": "connections and machines",
    "operate": "the store itself",
}
_BY_ROLE = {
    "owner": frozenset(PERMISSIONS),
    "Admin": frozenset({"read", "audit", "write", "use", "manage"}),
    "editor": frozenset({"read", "write", "use"}),
    "member": frozenset({"read", "write", "use"}),
    "Contributor": frozenset({"read", "write", "use"}),
}
_SHARES = frozenset({"owner", "Admin", "editor"})
"""Roles that may change what belongs to the team."""


@dataclass(frozen=True, slots=True)
class Acting:
    """On whose behalf something is done; `id` is None for the laptop owner."""

    id: bytes | None
    role: str


OWNER = Acting(None, "owner")


def identify(keyset: Keyset, row: PrincipalRow | None) -> Acting:
    """The principal of a row that opens. Raises `NotSignedIn` for one that is paused or gone, `SealBroken`."""
    if row is not None:
        keyset.open(principal_context(keyset, row), row.sealed)
        if row.status == "active" and row.role in _BY_ROLE:
            return Acting(row.id, row.role)
    raise NotSignedIn(
        "this identity is paused or removed", next_step="Whoever manages it: credmagic machine list, machine resume"
    )


def principal_context(keyset: Keyset, row: PrincipalRow) -> bytes:
    """What a principal's seal covers: every column that decides something."""
    columns = (row.type, row.status, row.role, row.name_ix)
    return context.row_context(keyset.store_id, "principals", row.id, columns, row.revision)


def check(acting: Acting, permission: str, action: str) -> None:
    """Raises `AccessDenied` unless the role has the permission."""
    if permission not in _BY_ROLE[acting.role]:
        raise AccessDenied(
            f"the role {acting.role} may not: {action.replace('_', ' ')}",
            next_step="Ask the owner of this store, or a machine with the role Admin.",
        )


def check_writes(acting: Acting, changes: Iterable[Change]) -> None:
    """Raises `AccessDenied` when a row of somebody else was written; nothing of the transaction is kept."""
    if acting.role in _SHARES and acting.role != "editor":
        return
    for change in changes:
        owners = {getattr(row, "owner_id", acting.id) for row in (change.old, change.new) if row is not None}
        if owners - {acting.id} and not (acting.role in _SHARES and change.table == "credentials"):
            raise AccessDenied(
                f"the role {acting.role} may not change what belongs to the team",
                next_step="Ask the owner of this store, or make one of your own.",
            )
