"""What do uses, writes, lists and a cold start cost without a server?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from limits import COLD, Limits
from timing import Row, paired

from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller, now
from credmagic.vault.records import open_meta, open_version, seal_meta, seal_version
from credmagic.vault.vault import Vault
from credmagic.wiring import local_client, open_vault

COLD_OURS = "import credmagic; credmagic.use('n7')['password']"


def rows(work: Path, large: int) -> Iterator[Row]:
    """The embedded lines of the table; `large` is the size of the large store."""
    limits = Limits(work / "limits.db")
    os.environ["CREDMAGIC_HOME"] = str(work / "small")
    vault = filled(1000)
    yield from _uses(limits, vault)
    yield _write(limits, vault)
    yield _list(limits, vault, "list, first page of 20 of 1 000")
    vault.close()
    yield _cold(limits)
    small = _use_ratio(limits)
    os.environ["CREDMAGIC_HOME"] = str(work / "large")
    vault = filled(large)
    yield _list(limits, vault, f"list, first page of 20 of {_spaced(large)}")
    vault.close()
    name = f"embedded use ÷ limit, at {_spaced(large)}"
    yield Row(name, _use_ratio(limits), small, "at 1 000", 1.5, unit=False)


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def filled(count: int) -> Vault:
    """A vault with `count` credentials n0, n1, …, written in large transactions."""
    vault = open_vault(notify=lambda line: None)
    caller = Caller()
    first = dispatch(vault, caller, "create", {
        "name": "n0", "kind": "basic", "fields": {"user": "ada", "password": "x" * 120}, "verify": False,
    })  # fmt: skip
    with vault.store.read() as reader:
        stored = vault.find(reader, first["id"])
    values = {"public": {"user": "ada"}, "secret": {"password": "x" * 120}}
    for start in range(1, count, 5000):
        with vault.store.transaction() as transaction:
            for number in range(start, min(start + 5000, count)):
                name = f"n{number}"
                row = replace(
                    stored.row, id=os.urandom(16), created_at=now(),
                    name_ix=vault.keyset.name_index(stored.row.owner_id, "", name),
                )  # fmt: skip
                transaction.insert(seal_meta(vault.keyset, row, {**stored.meta, "name": name}).row)
                transaction.insert(seal_version(vault.keyset, row, 1, values, row.created_at))
    return vault


def _uses(limits: Limits, vault: Vault) -> Iterator[Row]:
    client = local_client()
    ours, limit = paired(lambda: client.resolve("n7", environment=""), limits.read_and_write, 800)
    yield Row("embedded use, warm, audit row durable first", ours, limit, "read + write limit", 2)
    port = vault.resolver.port
    key = (vault.owners.me, "", vault.keyset.name_index(vault.owners.me, "", "n7"))

    def read() -> None:
        found = port.find_credential((key,))
        assert found is not None
        open_meta(vault.keyset, found[0])
        open_version(vault.keyset, found[0], found[1])

    ours, limit = paired(read, limits.read, 3000)
    yield Row("the read alone", ours, limit, "read limit", 3)
    client.close()


def _use_ratio(limits: Limits) -> float:
    client = local_client()
    ours, limit = paired(lambda: client.resolve("n7", environment=""), limits.read_and_write, 500)
    client.close()
    return ours / limit


def _write(limits: Limits, vault: Vault) -> Row:
    numbers = iter(range(10**9))
    caller = Caller()

    def create() -> None:
        params = {"name": f"w{next(numbers)}", "kind": "basic", "verify": False,
                  "fields": {"user": "ada", "password": "x" * 120}}  # fmt: skip
        dispatch(vault, caller, "create", params)

    ours, limit = paired(create, limits.write, 300)
    return Row("write one", ours, limit, "write limit", 2)


def _list(limits: Limits, vault: Vault, name: str) -> Row:
    caller = Caller()
    with vault.store.read() as reader:
        row = vault.find(reader, "n7", "").row
    ours, limit = paired(
        lambda: dispatch(vault, caller, "list", {}),
        lambda: limits.page(lambda: open_meta(vault.keyset, row)),
        200,
    )
    return Row(name, ours, limit, "20 rows + 20 metas opened", 2.5)


def _cold(limits: Limits) -> Row:
    def ours() -> None:
        subprocess.run([sys.executable, "-c", COLD_OURS], check=True)

    def limit() -> None:
        subprocess.run([sys.executable, "-c", COLD, str(limits.path), limits.key.hex()], check=True)

    mine, floor = paired(ours, limit, 11, warm=1)
    return Row("first use in a fresh process, key file", mine, floor, "read limit, cold", 4)
