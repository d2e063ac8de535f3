"""Grants and usages on every way into a store: the light one, the whole one, and PostgreSQL."""

import pytest

from credmagic.errors import Conflict
from credmagic.store.hot_read import HotRead
from credmagic.store.rows import AuditRow, GrantRow, UsageRow
from credmagic.store.sql import SqlStore
from credmagic.testing.store_suite import NOTEBOOK, OWNER, credential, fill, link, version


def grant(row, number):
    return GrantRow(b"g" + number.to_bytes(15, "big"), row.id, OWNER, "notebook", bytes([number]) * 16, 7, 1, b"s", 9 - number)


def usage(row, number):
    return UsageRow(b"u" + number.to_bytes(15, "big"), row.id, "notebook", NOTEBOOK, 7, 1, b"s%d" % number, number)


@pytest.fixture(params=["light", "whole", "postgres"])
def port(request, tmp_path):
    place = request.getfixturevalue("database") if request.param == "postgres" else tmp_path / "credmagic.db"
    store = SqlStore.open(place, create=True)
    one, two = credential(1), credential(2)
    fill(store, one, version(one), two, version(two), grant(one, 1), grant(one, 2), grant(two, 3))
    hot = HotRead(place) if request.param == "light" else None
    yield hot or store, store, one
    if hot is not None:
        hot.close()
    store.close()


def rows(store, row_type):
    with store.read() as reader:
        return reader.find(row_type)


def test_the_grants_of_one_credential_come_oldest_first(port):
    way, _, one = port
    assert way.grants(one.id) == [grant(one, 2), grant(one, 1)]
    assert way.grants(b"?" * 16) == []


def test_a_usage_is_kept_with_its_audit_row_and_once(port):
    way, store, one = port
    for number in (1, 2):
        way.append_audit(link, usage(one, number))
    assert rows(store, UsageRow) == [usage(one, 1)]
    assert len(rows(store, AuditRow)) == 2


def test_a_usage_of_a_credential_that_is_gone_records_nothing(port):
    """It was deleted between looking it up and recording the use: then no value may leave."""
    way, store, one = port
    gone = credential(5)
    with pytest.raises(Conflict):
        way.append_audit(link, usage(gone, 1))
    assert rows(store, AuditRow) == []
    way.append_audit(link, usage(one, 1))
    assert len(rows(store, AuditRow)) == 1
