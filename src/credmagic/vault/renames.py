"""What becomes of what is attached to a notebook when the notebook is renamed?

It follows, with its default mark and its way of injecting, when the server itself did the renaming (also of a folder
above). Grants do not: a guarded credential is granted to a place, and whoever can rename could bring it along.
"""

from __future__ import annotations

import os
from dataclasses import replace

from credmagic.store.rows import AssociationRow
from credmagic.store.transaction import Reader, Transaction
from credmagic.vault.audit import Caller, Event
from credmagic.vault.records import open_association, seal_association
from credmagic.vault.vault import Vault


def follow(vault: Vault, caller: Caller, old: str, new: str) -> int:
    """Move the associations of the notebook `old`, or of those below a folder `old`, to `new`; returns how many."""
    with vault.store.read() as reader:
        if not _moves(vault, reader, old, new):
            return 0  # nearly every rename: no write, no audit row
    counted = {"rows": 0}
    with vault.change(Event("association.move", caller, more=counted)) as transaction:
        moved = _moves(vault, transaction, old, new)  # again: somebody may have attached or detached meanwhile
        counted["rows"] = len(moved)
        for row, name in moved:
            _move(vault, transaction, row, name)
    return len(moved)


def _moves(vault: Vault, reader: Reader, old: str, new: str) -> list[tuple[AssociationRow, str]]:
    """The rows that follow, with the name each one gets. Names are sealed: a folder's notebooks must be looked at."""
    named = [
        (row, str(open_association(vault.keyset, row)["object_id"]))
        for row in reader.find(AssociationRow, {"object_type": "notebook"})
    ]
    below = old.rstrip(os.sep) + os.sep
    return [(row, new + name[len(old) :]) for row, name in named if name == old or name.startswith(below)]


def _move(vault: Vault, transaction: Transaction, row: AssociationRow, name: str) -> None:
    index = vault.keyset.object_index("notebook", name)
    there = transaction.find(AssociationRow, {"object_type": "notebook", "object_ix": index})
    for other in there:  # left by a notebook of that name that is gone
        if other.credential_id == row.credential_id or (row.is_default and other.is_default and other.kind == row.kind):
            transaction.delete(other)
    changed = replace(row, object_ix=index, revision=row.revision + 1)
    transaction.update(seal_association(vault.keyset, changed, name), expected_revision=row.revision)
