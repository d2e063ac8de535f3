"""How does the recovery key open a store?

It *is* the slot's key, written down on paper: shown once when it is made, kept nowhere, and used only when
somebody gives it: as the secret, or in `CREDMAGIC_RECOVERY_KEY` for the one command that repairs the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credmagic.crypto.recovery import new_recovery_key, parse_recovery_key
from credmagic.errors import InvalidCredential, VaultLocked
from credmagic.keys.base import KeyProvider, NewSlot, NotAtHand, check_parameters, entry_name
from credmagic.keys.given import given
from credmagic.values import SecretStr

VARIABLE = "CREDMAGIC_RECOVERY_KEY"

VARIABLE = "CREDMAGIC_RECOVERY_KEY"
_HOW = f"{VARIABLE}_FILE=FILE credmagic status"


class Recovery(KeyProvider):
    """256 random bits that are printed once."""

    name = "recovery"
    title = "a recovery key"

    def create(self, store_id: bytes, slot_id: bytes, *, secret: SecretStr | str | None = None) -> NewSlot:
        """Make a new recovery key; `shown_once` of the result is its only copy in words."""
        entry_name(store_id, slot_id)
        text, key = new_recovery_key()
        return NewSlot(key, {}, shown_once=text)

    def unlock(
        self,
        store_id: bytes,
        slot_id: bytes,
        parameters: Mapping[str, Any],
        *,
        secret: SecretStr | str | None = None,
    ) -> bytearray:
        """Read the given recovery key. What is none is `NotAtHand`: it may be the passphrase of another
        slot.
        """
        entry_name(store_id, slot_id)
        check_parameters(parameters)
        text = given(secret, VARIABLE)
        if not text:
            raise NotAtHand("this store has a recovery key, and none is given", next_step=f"Give it: {_HOW}")
        try:
            return parse_recovery_key(text)
        except InvalidCredential as error:
            why = error.errors.get("recovery_key", error.message)
        refusal = NotAtHand if secret else VaultLocked
        raise refusal(
            f"the recovery key cannot be used: {why}",
            next_step=f"Compare it with what you wrote down and give all of it: {_HOW}",
        )

    def wrong_key(self, parameters: Mapping[str, Any]) -> VaultLocked:
        """The error for a well-written recovery key of another store, or one that was replaced."""
        return VaultLocked(
            "this recovery key does not open this store",
            next_step="Look for the newest one: each run of credmagic recovery-key voids the one before.",
        )
