"""Who else acts in a test: further users and machines."""

import os
from dataclasses import replace

from credmagic.store.rows import PrincipalRow
from credmagic.vault.access import principal_context
from credmagic.vault.audit import Caller
from credmagic.vault.vault import Vault


def another(vault: Vault, ident: str, role: str = "member", type: str = "") -> Caller:
    """A caller whom a plane has identified as a further principal; machines are Admin or Contributor."""
    keyset = vault.keyset
    type = type or ("machine" if role in ("Admin", "Contributor") else "user")
    index = keyset.name_index(keyset.store_id, type, ident)
    row = PrincipalRow(os.urandom(16), type, "active", role, index, b"", keyset.primary_id, 1, 1)
    content = {"name": ident, "id": ident, "password": "-"}
    row = replace(row, sealed=keyset.seal(principal_context(keyset, row), content))
    with vault.store.transaction() as transaction:
        transaction.insert(row)
    return Caller("kernel", kernel_id=ident, principal=row.id)
