"""How does a passphrase open a store?

It is taken from, in this order: what the caller gives, `CREDMAGIC_PASSPHRASE`, the file
`CREDMAGIC_PASSPHRASE_FILE`, a prompt on a terminal. Argon2id makes the slot's key of it; salt and price lie
in the slot and are checked against floor and ceiling before anything is derived.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import sys
import threading
from collections.abc import Mapping
from getpass import getpass
from typing import Any

from credmagic.crypto.passphrase import DEFAULT, SALT_SIZE, Profile, check_new_passphrase, derive
from credmagic.errors import InvalidCredential, VaultLocked
from credmagic.keys.base import OR_RECOVERY, KeyProvider, NewSlot, NotAtHand, check_parameters, damaged, entry_name
from credmagic.keys.given import given, is_set
from credmagic.values import SecretStr

VARIABLE = "CREDMAGIC_PASSPHRASE"
FILE_VARIABLE = f"{VARIABLE}_FILE"
_GIVE_ONE = f"Set {FILE_VARIABLE} (or {VARIABLE}) and try again, or run a credmagic command on a terminal."


class Passphrase(KeyProvider):
    """Argon2id of a passphrase. `profile` is the price of *new* slots; only `allow_cheap` (tests) lets new
    and stored slots go below the floor.
    """

    name = "passphrase"
    title = "a passphrase"

    def __init__(self, profile: Profile = DEFAULT, *, allow_cheap: bool = False) -> None:
        self._profile = profile
        self._allow_cheap = allow_cheap

    def create(self, store_id: bytes, slot_id: bytes, *, secret: SecretStr | str | None = None) -> NewSlot:
        """Derive a key with a new salt. Raises `InvalidCredential` for a passphrase that is too short."""
        entry_name(store_id, slot_id)
        text = given(secret, VARIABLE) or _asked_twice()
        check_new_passphrase(text)
        salt = secrets.token_bytes(SALT_SIZE)
        key = derive(text, salt, self._profile, allow_cheap=self._allow_cheap)
        parameters = {
            "memory_kib": self._profile.memory_kib,
            "iterations": self._profile.iterations,
            "lanes": self._profile.lanes,
            "salt": base64.b64encode(salt).decode(),
        }
        return NewSlot(key, parameters)

    def unlock(
        self,
        store_id: bytes,
        slot_id: bytes,
        parameters: Mapping[str, Any],
        *,
        secret: SecretStr | str | None = None,
    ) -> bytearray:
        """Derive the key; `NotAtHand` when no passphrase is given and nobody can be asked."""
        entry_name(store_id, slot_id)
        check_parameters(parameters, memory_kib=int, iterations=int, lanes=int, salt=str)
        profile = Profile(parameters["memory_kib"], parameters["iterations"], parameters["lanes"])
        try:
            salt = base64.b64decode(parameters["salt"], validate=True)
        except (binascii.Error, ValueError):
            raise damaged("its salt is not base64") from None
        text = given(secret, VARIABLE) or _asked("Passphrase of this credmagic store: ")
        try:
            return derive(text, salt, profile, allow_cheap=self._allow_cheap)
        except InvalidCredential:  # not text: no slot was ever made with it
            pass
        raise self.wrong_key(parameters)

    def available(self) -> str | None:
        """A passphrase must be given or be asked for."""
        if is_set(VARIABLE) or _can_ask():
            return None
        return "no passphrase is given, and there is no terminal to ask on"

    def wrong_key(self, parameters: Mapping[str, Any]) -> VaultLocked:
        """The error for a passphrase that does not open its slot."""
        return VaultLocked(
            "the passphrase does not open this store",
            next_step=f"Type it again, look at {VARIABLE} and {FILE_VARIABLE}, {OR_RECOVERY}",
        )


def _can_ask() -> bool:
    """A person sits at a terminal, and this is not a server's worker thread that nobody would look at."""
    on_terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    return on_terminal and threading.current_thread() is threading.main_thread()


def _asked(prompt: str) -> str:
    if _can_ask() and (text := getpass(prompt)):
        return text
    raise NotAtHand("this store is protected by a passphrase, and none is given", next_step=_GIVE_ONE)


def _asked_twice() -> str:
    text = _asked("New passphrase (at least 12 characters): ")
    if getpass("Once more: ") != text:
        raise InvalidCredential(
            "the two passphrases differ",
            errors={"passphrase": "typed twice, not the same"},
            next_step="Try again: credmagic protect passphrase",
        )
    return text
