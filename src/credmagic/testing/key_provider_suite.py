"""What must every key provider do? Subclass `KeyProviderSuite`, and pytest asks yours the same questions as ours.

    class TestMine(KeyProviderSuite):
        @pytest.fixture
        def provider(self, home):
            return MyProvider()

`secret` is what `create` is given, `secret_for` what `unlock` needs; set `keeps_outside = False` for a provider
that derives its key and so has nothing to forget.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from credmagic.errors import VaultLocked
from credmagic.keys.base import KEY_BYTES, KeyProvider, NewSlot, providers
from credmagic.values import SecretStr

MAX_SECONDS = 10.0
Ids = tuple[bytes, bytes]


class KeyProviderSuite:
    """The questions. `ids` are a store's and a slot's; every refusal must be typed, quick and helpful."""

    secret: str | None = None
    keeps_outside = True

    def secret_for(self, new: NewSlot) -> SecretStr | str | None:
        """What opens the slot again: here the secret it was made with."""
        return self.secret

    @pytest.fixture
    def ids(self) -> Ids:
        """A store's id and a slot's id."""
        return os.urandom(16), os.urandom(16)

    @pytest.fixture
    def new(self, provider: KeyProvider, ids: Ids) -> NewSlot:
        """A slot that was just made."""
        return provider.create(*ids, secret=self.secret)

    def refused(self, provider: KeyProvider, ids: Ids, parameters: Any, new: NewSlot) -> None:
        """`unlock` stops with a typed error that says what next, soon, and without the key in it."""
        started = time.monotonic()
        with pytest.raises(VaultLocked) as caught:
            provider.unlock(*ids, parameters, secret=self.secret_for(new))
        assert time.monotonic() - started <= MAX_SECONDS
        assert caught.value.next_step
        assert caught.value.code == "locked"
        for text in _written(new.slot_key):
            assert text not in str(caught.value)

    def test_it_is_installed_under_its_own_name(self, provider: KeyProvider) -> None:
        assert providers.get(provider.name) is type(provider)
        assert provider.title

    def test_it_is_available_here(self, provider: KeyProvider) -> None:
        assert provider.available() is None or not self.keeps_outside

    def test_a_new_key_has_32_bytes(self, new: NewSlot) -> None:
        assert type(new.slot_key) is bytearray
        assert len(new.slot_key) == KEY_BYTES
        assert len(set(new.slot_key)) > 8

    def test_the_key_comes_back_through_json(self, provider: KeyProvider, ids: Ids, new: NewSlot) -> None:
        stored = json.loads(json.dumps(new.parameters))
        assert provider.unlock(*ids, stored, secret=self.secret_for(new)) == new.slot_key

    def test_wiping_one_copy_leaves_the_next_whole(self, provider: KeyProvider, ids: Ids, new: NewSlot) -> None:
        first = provider.unlock(*ids, new.parameters, secret=self.secret_for(new))
        first[:] = bytes(len(first))
        assert provider.unlock(*ids, new.parameters, secret=self.secret_for(new)) == new.slot_key

    def test_several_threads_may_unlock(self, provider: KeyProvider, ids: Ids, new: NewSlot) -> None:
        def unlock(_: int) -> bytearray:
            return provider.unlock(*ids, new.parameters, secret=self.secret_for(new))

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(unlock, range(4))) == [new.slot_key] * 4

    def test_two_slots_of_a_store_have_two_keys(self, provider: KeyProvider, ids: Ids, new: NewSlot) -> None:
        slot = os.urandom(16)
        other = provider.create(ids[0], slot, secret=self.secret)
        assert other.slot_key != new.slot_key
        assert provider.unlock(ids[0], slot, other.parameters, secret=self.secret_for(other)) == other.slot_key
        assert provider.unlock(*ids, new.parameters, secret=self.secret_for(new)) == new.slot_key

    def test_two_stores_never_collide(self, provider: KeyProvider, ids: Ids, new: NewSlot) -> None:
        store = os.urandom(16)
        other = provider.create(store, ids[1], secret=self.secret)
        assert other.slot_key != new.slot_key
        assert provider.unlock(store, ids[1], other.parameters, secret=self.secret_for(other)) == other.slot_key
        assert provider.unlock(*ids, new.parameters, secret=self.secret_for(new)) == new.slot_key

    def test_parameters_of_another_store_are_refused(self, provider: KeyProvider, ids: Ids, new: NewSlot) -> None:
        if self.keeps_outside:
            self.refused(provider, (os.urandom(16), ids[1]), new.parameters, new)
            self.refused(provider, (ids[0], os.urandom(16)), new.parameters, new)

    def test_parameters_hold_no_secret_and_no_path(self, new: NewSlot) -> None:
        stored = json.dumps(new.parameters)
        secrets = [*_written(new.slot_key), *filter(None, (self.secret, new.shown_once))]
        assert not [text for text in secrets if text in stored]
        assert not [v for v in new.parameters.values() if isinstance(v, str) and os.path.isabs(v)]

    def test_showing_a_new_slot_shows_no_key(self, new: NewSlot) -> None:
        assert not [text for text in _written(new.slot_key) if text in repr(new)]
        assert new.shown_once is None or str(new.shown_once) not in repr(new)

    def test_where_it_is_is_said_in_a_few_words(self, provider: KeyProvider, new: NewSlot) -> None:
        for parameters in (new.parameters, {}):
            words = provider.describe(parameters)
            assert 0 < len(words) <= 60
            assert os.sep not in words

    def test_a_key_that_does_not_fit_is_explained(self, provider: KeyProvider, new: NewSlot) -> None:
        error = provider.wrong_key(new.parameters)
        assert type(error) is VaultLocked
        assert error.next_step

    @pytest.mark.parametrize("wrong", [None, 1.5, True, "", "é" * 100, [], {}, -1, 2**70, "../../etc/passwd"])
    def test_a_changed_parameter_is_refused(self, provider: KeyProvider, ids: Ids, new: NewSlot, wrong: Any) -> None:
        for changed in _changed(new.parameters, wrong):
            self.refused(provider, ids, changed, new)

    def test_missing_and_surplus_parameters_are_refused(self, provider: KeyProvider, ids: Ids, new: NewSlot) -> None:
        self.refused(provider, ids, {**new.parameters, "surplus": 1}, new)
        for name in new.parameters:
            self.refused(provider, ids, {k: v for k, v in new.parameters.items() if k != name}, new)
        no_objects: tuple[Any, ...] = (None, [], "text")
        for parameters in no_objects:
            self.refused(provider, ids, parameters, new)

    @pytest.mark.parametrize("wrong", [b"", b"short", bytes(17)])
    def test_ids_of_a_wrong_length_are_refused(
        self, provider: KeyProvider, ids: Ids, new: NewSlot, wrong: bytes
    ) -> None:
        self.refused(provider, (wrong, ids[1]), new.parameters, new)
        self.refused(provider, (ids[0], wrong), new.parameters, new)

    def test_a_forgotten_key_is_gone_and_others_stay(self, provider: KeyProvider, ids: Ids, new: NewSlot) -> None:
        slot = os.urandom(16)
        kept = provider.create(ids[0], slot, secret=self.secret)
        provider.forget(new.parameters)
        provider.forget(new.parameters)
        if self.keeps_outside:
            self.refused(provider, ids, new.parameters, new)
        assert provider.unlock(ids[0], slot, kept.parameters, secret=self.secret_for(kept)) == kept.slot_key


def _written(key: bytearray) -> list[str]:
    """The ways in which a key could be written down by accident."""
    return [key.hex(), base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode(), repr(bytes(key))]


def _changed(parameters: Mapping[str, Any], wrong: Any) -> list[dict[str, Any]]:
    return [{**parameters, name: wrong} for name in parameters]
