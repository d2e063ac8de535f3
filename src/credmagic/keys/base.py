"""What must something do to keep the key that opens a store?

A *key provider* keeps (or derives) the 32-byte key of one key slot; the slot in the store holds the root key
sealed with it. A provider sees ids and its own parameters, never the store: what it returns may be wrong, and
only the slot's seal tells. So three answers must be kept apart: *here it is*, *not at hand, try the next
slot* (`NotAtHand`) and *stop* (`VaultLocked`). None of them is ever a reason to make a new key.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from credmagic.errors import VaultLocked
from credmagic.plugins import Registry
from credmagic.values import SecretStr

KEY_BYTES = 32
ID_BYTES = 16
OR_RECOVERY = "or give the recovery key: CREDMAGIC_RECOVERY_KEY_FILE=FILE credmagic status"
"""The way on that every lost key leaves; ends a next step."""


class NotAtHand(VaultLocked):
    """This provider cannot answer now (no passphrase was given, …): another slot of the store may."""


@dataclass(frozen=True)
class NewSlot:
    """What `create` made: the slot's key, what the slot must remember, and perhaps a text to show once."""

    slot_key: bytearray
    parameters: dict[str, Any]
    shown_once: SecretStr | None = None

    def __repr__(self) -> str:
        return f"NewSlot({self.parameters!r})"


class KeyProvider(ABC):
    """Keeps the key of a slot. `name` is the entry point's name; `title` stands in messages and `status`.

    `store_id` and `slot_id` are 16 random bytes each. `parameters` are JSON-able, hold no secret and no
    absolute path, and come back from the store as they were given; still they are checked like foreign input.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def create(self, store_id: bytes, slot_id: bytes, *, secret: SecretStr | str | None = None) -> NewSlot:
        """Make the external key of a new slot. Raises `VaultLocked` or `InvalidCredential` (a weak
        passphrase).
        """

    @abstractmethod
    def unlock(
        self,
        store_id: bytes,
        slot_id: bytes,
        parameters: Mapping[str, Any],
        *,
        secret: SecretStr | str | None = None,
    ) -> bytearray:
        """The 32-byte key of a slot. Raises `NotAtHand` (try the next slot) or `VaultLocked` (stop)."""

    def forget(self, parameters: Mapping[str, Any]) -> None:  # noqa: B027 - most providers keep nothing outside
        """Remove the external key of a slot that was dropped. Nothing to remove is no error."""

    def available(self) -> str | None:
        """None when `create` can work here now, else why not, in words."""
        return None

    def describe(self, parameters: Mapping[str, Any]) -> str:
        """Where the key is, for people: "macOS Keychain", "a key file"."""
        return self.title

    def wrong_key(self, parameters: Mapping[str, Any]) -> VaultLocked:
        """The error for a key that was found but does not open its slot."""
        return VaultLocked(
            f"the key in {self.describe(parameters)} does not open this store",
            next_step=f"Put the right key back, {OR_RECOVERY}",
        )


providers: Registry[type[KeyProvider]] = Registry("credmagic.key_providers")
"""The installed key providers by name."""


def damaged(what: str) -> VaultLocked:
    """The error for slot parameters that no provider ever wrote."""
    return VaultLocked(
        f"the key slot is damaged: {what}",
        next_step=f"Restore the store from a backup, {OR_RECOVERY}",
    )


def entry_name(store_id: bytes, slot_id: bytes) -> str:
    """The name under which the key of a slot is kept outside the store; never the same for two stores."""
    if len(store_id) != ID_BYTES or len(slot_id) != ID_BYTES:
        raise damaged("its id has the wrong length")
    return f"{store_id.hex()}.{slot_id.hex()}"


def check_parameters(parameters: Mapping[str, Any], **types: type) -> None:
    """Raise `VaultLocked` unless `parameters` has exactly these keys with values of exactly these types."""
    if not isinstance(parameters, Mapping) or set(parameters) != set(types):
        raise damaged("its parameters are not the expected ones")
    for key, kind in types.items():
        if type(parameters[key]) is not kind:
            raise damaged(f"{key} has the wrong type")
