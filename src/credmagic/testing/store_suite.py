"""What must every database that keeps a credmagic store be able to do?

Subclass `StoreSuite` and override the fixture `location` (a path or URL of an empty place); every test then runs on
your database. Rows here carry made-up bytes: a store cannot open them and must not care.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from credmagic.errors import (
    ChangedMeanwhile,
    Conflict,
    CredmagicError,
    NameTaken,
    NotFound,
    SealBroken,
    StoreUnusable,
)
from credmagic.store.rows import (
    ALL,
    AccessKeyRow,
    AssociationRow,
    AuditRow,
    ConfigurationRow,
    ConnectionRow,
    CredentialRow,
    DataKeyRow,
    GrantRow,
    KeySlotRow,
    PrincipalRow,
    Row,
    StoreMetaRow,
    ThrottleRow,
    UsageRow,
    VersionRow,
)
from credmagic.store.sql import SqlStore

OWNER = b"owner-----------"
OTHER = b"other-----------"
NOTEBOOK = b"notebook-index--"
CONNECTION = ConnectionRow(b"connection------", OWNER, b"ix", 7, 1, b"sealed", 5)


HOLDER = """
import os, sys, time
from credmagic.store.sql import SqlStore
store = SqlStore.open(sys.argv[1], create=False)
with store.exclusively(b"name"):
    child = os.fork() if hasattr(os, "fork") else os.getpid()
    if child:
        print(child, flush=True)
    time.sleep(60)
"""


def credential(number: int = 0, **changes: Any) -> CredentialRow:
    """A credential whose id, name index and times follow from `number`."""
    row = CredentialRow(
        id=b"c" + number.to_bytes(15, "big"), owner_id=OWNER, name_ix=b"n" + number.to_bytes(15, "big"),
        environment="draft", kind="basic", kind_version=1, status="active", current_version=1, revision=1, key_id=7,
        meta=b"CM\x01\x01" + bytes(range(256)), created_at=1_700_000_000_000_000 + number, updated_at=number,
    )  # fmt: skip
    return replace(row, **changes)


def version(row: CredentialRow, number: int = 1) -> VersionRow:
    """The version `number` of a credential."""
    return VersionRow(row.id, number, 1, 7, b"sealed %d" % number, row.created_at)


def association(row: CredentialRow, number: int = 0, **changes: Any) -> AssociationRow:
    """`row` attached to `NOTEBOOK`."""
    made = AssociationRow(
        id=b"a" + number.to_bytes(15, "big"), credential_id=row.id, owner_id=row.owner_id, object_type="notebook",
        object_ix=NOTEBOOK, is_default=0, inject="", kind=row.kind, key_id=7, revision=1, sealed=b"{}",
        created_at=number,
    )  # fmt: skip
    return replace(made, **changes)


def configuration(row: CredentialRow) -> ConfigurationRow:
    """How `CONNECTION` is configured where `row` is its credential."""
    return ConfigurationRow(
        b"f" + row.id[1:], CONNECTION.id, row.owner_id, row.environment, row.name_ix, row.kind, "member", 0, 7, 1,
        b"sealed", 5,
    )  # fmt: skip


def link(seq: int, previous: bytes, object_id: bytes | None = None, **changes: Any) -> AuditRow:
    """An audit row whose `body` names the `mac` before it."""
    row = AuditRow(seq, 1_700_000_000_000_000 + seq, "use", "ok", object_id, b"after " + previous, b"%08d" % seq)
    return replace(row, **changes)


def fill(store: SqlStore, *rows: Row) -> None:
    """Insert `rows` in one transaction."""
    with store.transaction() as transaction:
        for row in rows:
            transaction.insert(row)


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """Run `work(0…count-1)` in as many threads that start together; what each returned or raised."""
    gate, results = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        gate.wait()
        try:
            results[number] = work(number)  # type: ignore[call-overload]
        except CredmagicError as error:
            results[number] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(results)


class StoreSuite:
    """The contract of `SqlStore` on one database."""

    @pytest.fixture
    def location(self) -> Iterator[str | Path]:
        """A path or URL where no store is yet. Override it."""
        raise AssertionError("a subclass of StoreSuite overrides the fixture `location`")

    @pytest.fixture
    def store(self, location: str | Path) -> Iterator[SqlStore]:
        """A new store."""
        store = SqlStore.open(location, create=True)
        yield store
        store.close()

    # Rows

    def test_every_row_comes_back_as_it_went_in(self, store: SqlStore) -> None:
        """All types, the largest integers, empty text and bytes, text beyond ASCII, NULL."""
        own = credential(1, environment="", kind="schlüssel", key_id=0xFFFFFFFF, updated_at=2**62)
        rows: list[Row] = [
            StoreMetaRow(1, os.urandom(16), 1, 5, '{"ä": 1}', None), KeySlotRow(b"s" * 16, "key_file", "{}", b"", 5),
            DataKeyRow(3, "record", "primary", b"x", 5),
            PrincipalRow(OWNER, "user", "active", "owner", b"ix", b"sealed", 7, 1, 5),
            own, version(own), association(own), link(1, b""), link(2, b"", own.id),
            GrantRow(b"g" * 16, own.id, OWNER, "notebook", NOTEBOOK, 7, 1, b"sealed", 5),
            UsageRow(b"u" * 16, own.id, "notebook", NOTEBOOK, 7, 1, b"sealed", 5), CONNECTION, configuration(own),
            AccessKeyRow(b"k" * 16, OWNER, b"ix", "active", 1, 7, 1, b"sealed", 5), ThrottleRow(b"t" * 16, 1, 5, 0, 5),
        ]  # fmt: skip

        fill(store, *rows)

        with store.read() as reader:
            for row in rows:
                assert reader.get(type(row), **dict(zip(row.key, row.pk, strict=True))) == row
            assert {type(row) for row in rows} == set(ALL)

    def test_a_row_that_is_not_there_is_none(self, store: SqlStore) -> None:
        with store.read() as reader:
            assert reader.get(CredentialRow, id=b"?" * 16) is None
            assert reader.find(CredentialRow) == []
            assert reader.count(CredentialRow) == 0
            assert reader.last_audit() == (0, b"")

    def test_rows_are_found_by_value_by_list_and_by_null(self, store: SqlStore) -> None:
        rows = [credential(n, kind=kind) for n, kind in enumerate(["s3", "basic", "s3", "gcp"])]
        fill(store, *rows, link(1, b""), link(2, b"", rows[0].id))

        with store.read() as reader:
            assert reader.find(CredentialRow, {"kind": "gcp"}) == [rows[3]]
            assert len(reader.find(CredentialRow, {"kind": ["s3", "gcp"], "owner_id": OWNER})) == 3
            assert reader.find(CredentialRow, {"kind": []}) == []
            assert [row.seq for row in reader.find(AuditRow, {"object_id": None})] == [1]

    def test_counts_are_numbers_or_grouped(self, store: SqlStore) -> None:
        fill(store, *(credential(n, kind=kind) for n, kind in enumerate(["s3", "basic", "s3"])))

        with store.read() as reader:
            assert reader.count(CredentialRow) == 3
            assert reader.count(CredentialRow, {"kind": "s3"}) == 2
            assert reader.count(CredentialRow, {"owner_id": OWNER}, by="kind") == {"s3": 2, "basic": 1}

    def test_the_last_use_is_the_newest_that_went_well(self, store: SqlStore) -> None:
        used, unused = credential(1), credential(2)
        fill(store, used, unused, link(1, b"", used.id), link(2, b"", used.id),
             link(3, b"", used.id, outcome="denied"), link(4, b"", unused.id, action="create"))  # fmt: skip

        with store.read() as reader:
            assert reader.last_used([used.id, unused.id]) == {used.id: link(2, b"").ts}

    # Pages

    @pytest.mark.parametrize("descending", [False, True])
    def test_pages_visit_every_row_once(self, store: SqlStore, descending: bool) -> None:
        """Also where many rows have the same time, and while others insert behind the reader's back."""
        rows = [credential(n, created_at=1000 + n // 7) for n in range(50)]
        fill(store, *rows, credential(99, owner_id=OTHER))
        seen: list[CredentialRow] = []
        after: tuple[Any, ...] | None = None

        while True:
            with store.read() as reader:
                page = reader.find(
                    CredentialRow, {"owner_id": OWNER}, order=("created_at", "id"), after=after, limit=8,
                    descending=descending,
                )  # fmt: skip
            if not page:
                break
            seen += page
            after = (page[-1].created_at, page[-1].id)
            behind = credential(1000 + len(seen), created_at=9999 if descending else 1)
            fill(store, behind)

        assert seen == (rows[::-1] if descending else rows)

    def test_a_page_may_start_at_an_offset(self, store: SqlStore) -> None:
        rows = [credential(n) for n in range(6)]
        fill(store, *rows)

        with store.read() as reader:
            assert reader.find(CredentialRow, order=("created_at",), limit=2, offset=3) == rows[3:5]
            assert reader.find(CredentialRow, order=("created_at",), offset=4) == rows[4:]

    # Rules

    def test_a_name_is_free_once_per_owner_and_environment(self, store: SqlStore) -> None:
        first = credential(1)
        fill(store, first, credential(2, name_ix=first.name_ix, environment=""),
             credential(3, name_ix=first.name_ix, owner_id=OTHER))  # fmt: skip

        with pytest.raises(NameTaken):
            fill(store, credential(4, name_ix=first.name_ix))

        with store.read() as reader:
            assert reader.count(CredentialRow) == 3

    def test_renaming_to_a_taken_name_is_refused(self, store: SqlStore) -> None:
        fill(store, credential(1), credential(2))

        with pytest.raises(NameTaken), store.transaction() as transaction:
            transaction.update(replace(credential(2), name_ix=credential(1).name_ix))

        with store.read() as reader:
            assert reader.get(CredentialRow, id=credential(2).id) == credential(2)

    def test_any_other_double_is_a_conflict(self, store: SqlStore) -> None:
        own = credential(1)
        fill(store, own, version(own), association(own))

        for double in (replace(own, name_ix=b"another"), version(own), association(own, 2)):
            with pytest.raises(Conflict) as caught:
                fill(store, double)
            assert not isinstance(caught.value, NameTaken)

    def test_an_object_has_one_default_per_owner_and_kind(self, store: SqlStore) -> None:
        one, two, three = credential(1), credential(2), credential(3, kind="s3")
        fill(store, one, two, three, association(one, 1, is_default=1), association(three, 3, is_default=1),
             association(credential(2), 2))  # fmt: skip

        with pytest.raises(Conflict), store.transaction() as transaction:
            transaction.update(association(two, 2, is_default=1))

    def test_a_version_needs_its_credential(self, store: SqlStore) -> None:
        with pytest.raises(Conflict):
            fill(store, version(credential(1)))

    def test_a_credential_goes_with_what_hangs_on_it_in_any_order(self, store: SqlStore) -> None:
        own = credential(1)
        fill(store, own, version(own), association(own))

        with pytest.raises(Conflict), store.transaction() as transaction:
            transaction.delete(own)
        with store.transaction() as transaction:
            transaction.delete(own)
            transaction.delete(association(own))
            transaction.delete(version(own))

        with store.read() as reader:
            assert [reader.count(kind) for kind in (CredentialRow, VersionRow, AssociationRow)] == [0, 0, 0]

    # Transactions

    def test_a_block_that_raises_keeps_nothing(self, store: SqlStore) -> None:
        def insert_and_fail() -> None:
            with store.transaction() as transaction:
                transaction.insert(credential(1))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            insert_and_fail()

        with store.read() as reader:
            assert reader.count(CredentialRow) == 0

    def test_a_refusal_that_was_swallowed_keeps_nothing_either(self, store: SqlStore) -> None:
        fill(store, credential(1))

        def insert_and_go_on() -> None:
            with store.transaction() as transaction:
                transaction.insert(credential(2))
                with suppress(Conflict):
                    transaction.insert(credential(1))

        with pytest.raises(Conflict):
            insert_and_go_on()

        with store.read() as reader:
            assert reader.count(CredentialRow) == 1

    def test_a_transaction_reports_what_it_changed(self, store: SqlStore) -> None:
        old, new = credential(1), credential(1, revision=2)
        with store.transaction() as transaction:
            transaction.insert(old)
            transaction.insert(version(old))
            transaction.update(new, expected_revision=1)
            transaction.delete(version(old))

            assert [tuple(change) for change in transaction.changes] == [
                ("credentials", (old.id,), None, old),
                ("credential_versions", (old.id, 1), None, version(old)),
                ("credentials", (old.id,), old, new),
                ("credential_versions", (old.id, 1), version(old), None),
            ]

    def test_a_change_made_meanwhile_is_not_overwritten(self, store: SqlStore) -> None:
        fill(store, credential(1, revision=2))

        with pytest.raises(ChangedMeanwhile), store.transaction() as transaction:
            transaction.update(credential(1, revision=2, kind="s3"), expected_revision=1)

        with store.read() as reader:
            assert reader.get(CredentialRow, id=credential(1).id) == credential(1, revision=2)

    def test_what_is_gone_cannot_be_changed(self, store: SqlStore) -> None:
        with pytest.raises(ChangedMeanwhile), store.transaction() as transaction:
            transaction.update(credential(1), expected_revision=1)
        for verb in ("update", "delete"):
            with pytest.raises(NotFound), store.transaction() as transaction:
                getattr(transaction, verb)(credential(1))

    def test_a_reader_sees_one_moment(self, store: SqlStore) -> None:
        fill(store, credential(1))

        with store.read() as reader:
            before = reader.count(CredentialRow)
            fill(store, credential(2))
            assert reader.count(CredentialRow) == before == 1

        with store.read() as reader:
            assert reader.count(CredentialRow) == 2

    # Many at once

    def test_writers_from_everywhere_share_one_audit_chain(self, store: SqlStore, location: str | Path) -> None:
        """Threads of one store and another store on the same database: no gap, no fork, nothing lost."""
        second = SqlStore.open(location, create=False)

        def write(worker: int) -> None:
            mine = second if worker % 2 else store
            for number in range(10):
                if worker < 2:
                    mine.append_audit(link)
                    continue
                with mine.transaction() as transaction:
                    transaction.insert(credential(100 * worker + number))
                    seq, mac = transaction.last_audit()
                    transaction.insert(link(seq + 1, mac))

        assert at_once(6, write) == [None] * 6
        with store.read() as reader:
            chain = reader.find(AuditRow, order=("seq",))
            assert [row.seq for row in chain] == list(range(1, 61))
            assert reader.count(CredentialRow) == 40
        second.close()

    def test_of_many_changes_to_one_revision_one_wins(self, store: SqlStore) -> None:
        fill(store, credential(1))

        def change(worker: int) -> str:
            with store.transaction() as transaction:
                transaction.update(credential(1, revision=2, updated_at=worker), expected_revision=1)
            return "won"

        results = at_once(5, change)

        assert results.count("won") == 1
        assert sum(isinstance(result, ChangedMeanwhile) for result in results) == 4

    def test_many_may_be_the_first_to_open(self, location: str | Path) -> None:
        stores = at_once(5, lambda _: SqlStore.open(location, create=True))

        assert all(isinstance(store, SqlStore) for store in stores), stores
        for store in stores:
            assert isinstance(store, SqlStore)
            assert store.store_meta() is None
            store.close()

    def test_one_at_a_time_holds_a_name(self, store: SqlStore, location: str | Path) -> None:
        """Threads of one store and another store on the same database; transactions go on meanwhile."""
        second, inside, most = SqlStore.open(location, create=False), [0], [0]

        def hold(worker: int) -> None:
            for _ in range(3):
                with (second if worker % 2 else store).exclusively(b"name"):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    second.append_audit(link)
                    inside[0] -= 1

        assert at_once(6, hold) == [None] * 6
        assert most == [1]
        with store.read() as reader:
            assert reader.last_audit()[0] == 18
        second.close()

    def test_who_waits_too_long_for_a_name_is_told(self, store: SqlStore, location: str | Path) -> None:
        second = SqlStore.open(location, create=False)
        with store.exclusively(b"name"):
            with second.exclusively(b"another"):
                pass
            with pytest.raises(StoreUnusable) as caught, second.exclusively(b"name", patience=0.2):
                pass
        assert caught.value.code == "store_busy"
        with second.exclusively(b"name", patience=1):
            pass
        second.close()

    def test_a_block_that_fails_lets_the_name_go(self, store: SqlStore) -> None:
        with pytest.raises(ZeroDivisionError), store.exclusively(b"name"):
            raise ZeroDivisionError
        with store.exclusively(b"name", patience=1):
            pass

    def test_the_death_of_its_holder_frees_a_name(self, store: SqlStore, location: str | Path) -> None:
        """kill -9, while a child of the holder lives on."""
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(location)], stdout=subprocess.PIPE, text=True)
        assert holder.stdout is not None
        with holder.stdout:
            child = int(holder.stdout.readline())
        try:
            with pytest.raises(StoreUnusable), store.exclusively(b"name", patience=0.1):
                pass
            holder.kill()
            holder.wait()
            with store.exclusively(b"name", patience=5):
                pass
        finally:
            holder.kill()
            holder.wait()
            os.kill(child, signal.SIGKILL)

    # Opening

    def test_nothing_is_made_unless_asked_for(self, location: str | Path) -> None:
        with pytest.raises(StoreUnusable) as caught:
            SqlStore.open(location, create=False)

        assert caught.value.code == "not_a_store"
        assert caught.value.next_step

    def test_a_store_of_a_newer_credmagic_is_left_alone(self, store: SqlStore, location: str | Path) -> None:
        with store._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE credmagic_version SET version_num = '9999'")

        with pytest.raises(StoreUnusable) as caught:
            SqlStore.open(location, create=True)

        assert caught.value.code == "store_newer"
        assert "upgrade" in caught.value.next_step.casefold()

    def test_a_refusal_carries_nothing_of_the_row(self, store: SqlStore, canary: str) -> None:
        row = credential(1, kind=canary, meta=canary.encode())
        fill(store, row)

        with pytest.raises(Conflict) as caught:
            fill(store, row)

        error: BaseException | None = caught.value
        assert error is not None
        assert error.__context__ is None
        assert canary not in f"{error!r} {error}"

    # The hot path

    def test_the_first_place_that_holds_the_name_answers(self, store: SqlStore) -> None:
        own, team = credential(1, current_version=2), credential(2, owner_id=OTHER)
        fill(store, own, version(own, 1), version(own, 2), team, version(team))
        here, there = ((row.owner_id, row.environment, row.name_ix) for row in (own, team))

        assert store.find_credential([(OWNER, "live", own.name_ix), here, there]) == (own, version(own, 2))
        assert store.find_credential([there, here]) == (team, version(team))
        assert store.find_credential([(OTHER, "live", own.name_ix)]) is None
        assert store.get_credential(own.id) == (own, version(own, 2))
        assert store.get_credential(b"?" * 16) is None
        assert store.get_version(own.id, 1) == version(own, 1)
        assert store.get_version(own.id, 3) is None

    def test_a_credential_without_its_version_does_not_pass_for_another(self, store: SqlStore) -> None:
        own, team = credential(1), credential(2, owner_id=OTHER)
        fill(store, own, team, version(team))

        with pytest.raises(SealBroken):
            store.find_credential([(row.owner_id, row.environment, row.name_ix) for row in (own, team)])
        with pytest.raises(SealBroken):
            store.get_credential(own.id)

    def test_the_audit_grows_by_one_link_at_a_time(self, store: SqlStore) -> None:
        assert store.append_audit(link).seq == 1
        assert store.append_audit(link).seq == 2
        with pytest.raises(ZeroDivisionError):
            store.append_audit(lambda seq, mac: link(seq // 0, mac))

        with store.read() as reader:
            assert reader.last_audit() == (2, b"00000002")

    def test_keys_and_associations_come_in_order(self, store: SqlStore) -> None:
        one, two = credential(1), credential(2, kind="s3")
        keys = [DataKeyRow(n, "record", "primary", b"k", 9 - n) for n in (1, 2)]
        slots = [KeySlotRow(bytes([9 - n]) * 16, "key_file", "{}", b"s", n) for n in (1, 2)]
        meta = StoreMetaRow(1, b"i" * 16, 1, 5, "{}")
        held = [association(one, 1), association(two, 2, is_default=1)]
        fill(store, meta, *reversed(keys), *reversed(slots), one, two, *reversed(held))

        assert store.store_meta() == meta
        assert store.data_keys() == keys
        assert store.key_slots() == slots
        assert store.find_associations("notebook", NOTEBOOK) == held
        assert store.find_associations("notebook", NOTEBOOK, default=True) == held[1:]
        assert store.find_associations("notebook", NOTEBOOK, kind="basic", owner_id=OWNER) == held[:1]
        assert store.find_associations("notebook", NOTEBOOK, owner_id=OTHER) == []

    def test_a_configuration_is_found_where_its_credential_is_looked_for(self, store: SqlStore) -> None:
        one = credential(1)
        fill(store, CONNECTION, configuration(one))

        assert store.configuration((OWNER, one.environment, one.name_ix)) == configuration(one)
        assert store.configuration((OTHER, one.environment, one.name_ix)) is None
        assert store.configuration((OWNER, "live", one.name_ix)) is None
