"""Which team credential lends its secret group to one that names it (`config_id`), and to whom?"""

from __future__ import annotations

from credmagic.errors import InvalidCredential, word
from credmagic.kinds.base import CredentialKind
from credmagic.store.rows import CredentialRow
from credmagic.vault.audit import Caller, Event
from credmagic.vault.lookup import as_id
from credmagic.vault.records import Stored, open_meta
from credmagic.vault.vault import Vault

Lender = tuple[bytes, int]
"""Id and version of the credential that lends."""


def borrowed(
    vault: Vault, caller: Caller, stored: Stored, credential: CredentialKind
) -> tuple[CredentialKind, Lender | None]:
    """The credential with what it borrows, and from whom; that it lent is in the log. Most borrow nothing.

    Raises `InvalidCredential` where no team credential of the kind is named, `NotUsable`, `AccessDenied`.
    """
    lender_id = getattr(credential, "config_id", None)
    if not lender_id:
        return credential, None
    lender, lent = _lender(vault, caller, str(lender_id), stored)
    _check_place(stored, credential, lent)
    vault.record(Event("use", caller, "ok", lender.row.id, lender.row.current_version, "lent"))
    full = credential.borrowing(lent)
    if getattr(full, "exportable", False) and not getattr(lent, "exportable", False):
        full = full.updated({"exportable": False})  # what is lent is not the borrower's to hand out
    return full, (lender.row.id, lender.row.current_version)


def _check_place(stored: Stored, credential: CredentialKind, lent: CredentialKind) -> None:
    """A borrower who says where to send the secret could have it sent to himself. Raises `InvalidCredential`."""
    own = [name for name in credential.lent_to if getattr(credential, name) not in (None, getattr(lent, name))]
    if own:
        raise InvalidCredential(
            f'"{stored.name}" borrows a secret, which goes only where its lender says',
            next_step=f"Clear {' and '.join(own)}: %cred edit {word(stored.name)} — the lender may say it instead",
            errors=dict.fromkeys(own, "must be empty or as the lender has it"),
        )


def _lender(vault: Vault, caller: Caller, lender_id: str, stored: Stored) -> tuple[Stored, CredentialKind]:
    with vault.store.read() as reader:
        found = as_id(lender_id)
        row = reader.get(CredentialRow, id=found) if found else None
        teams = row is not None and row.owner_id == vault.owners.team and vault.resolver.shared(row)
        if row is not None and teams and row.kind == stored.row.kind:
            lender = open_meta(vault.keyset, row)
            vault.resolver.check_usable(caller, lender)
            return lender, vault.credential(reader, lender)
    raise InvalidCredential(
        f'"{stored.name}" borrows from a team credential that is not there or of another kind',
        next_step=f"Name another one: %cred edit {word(stored.name)}",
        errors={"config_id": "names no usable team credential of this kind"},
    )
