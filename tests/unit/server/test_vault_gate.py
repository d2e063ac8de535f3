"""The gate between a server's loop and its vault: what runs is not cut off by closing."""

import asyncio
import threading
import time

from credmagic.server.gate import VaultGate


class SlowVault:
    """Stands where the vault stands; says what happened in which order."""

    def __init__(self):
        self.order, self.started = [], threading.Event()

    def work(self):
        self.started.set()
        time.sleep(0.2)
        self.order.append("worked")

    def close(self):
        self.order.append("closed")


def test_keys_are_wiped_only_after_the_last_call_has_ended(home):
    """A record that is sealed while the keys are overwritten would be sealed with zeros."""
    slow = SlowVault()
    gate = VaultGate(lambda: slow)
    gate.vault()

    async def close_during_work():
        running = asyncio.ensure_future(gate.run(slow.work))
        await asyncio.to_thread(slow.started.wait)
        await asyncio.to_thread(gate.close)
        await running

    asyncio.run(close_during_work())
    assert slow.order == ["worked", "closed"]


def test_renames_are_followed_in_the_order_they_happened(home, monkeypatch):
    """A notebook, then its folder: the other way round the notebook would be looked for where it no longer is."""
    monkeypatch.setattr("credmagic.server.gate.store_exists", lambda: True)
    gate, followed = VaultGate(SlowVault), []

    def follow(old, new):
        time.sleep(0.2 if old == "old/first" else 0)
        followed.append(old)

    monkeypatch.setattr(gate, "_renamed", follow)

    async def both():
        await asyncio.gather(gate.renamed("old/first", "old/second"), gate.renamed("old", "new"))

    asyncio.run(both())
    gate.close()
    assert followed == ["old/first", "old"]
