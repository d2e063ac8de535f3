"""A1, X6: the row is durable before the value leaves, and nobody edits the log unseen."""

import sqlite3

import pytest

from credmagic.errors import SealBroken, StoreUnusable
from credmagic.store.rows import AuditRow
from credmagic.vault.audit import Caller, check_chain
from credmagic.vault.resolve import Resolver


@pytest.fixture
def demo(act):
    act("create", name="demo", kind="basic", fields={"user": "ada", "password": "Kanari-1234567"})


class _Refusing:
    """A port whose log cannot be written; everything else is the real one's."""

    def __init__(self, port):
        self._port = port

    def __getattr__(self, name):
        return getattr(self._port, name)

    def append_audit(self, build, usage=None):
        raise StoreUnusable("full", code="disk_full")


def test_a_use_that_cannot_be_recorded_hands_out_nothing(vault, demo):
    resolver = Resolver(vault.keyset, _Refusing(vault.resolver.port))
    with pytest.raises(StoreUnusable):
        resolver.resolve(Caller(), "demo")


def test_the_row_is_committed_when_the_value_arrives(vault, act, demo, home):
    other = sqlite3.connect(home / "data" / "credmagic.db")
    for number in range(300):
        act("resolve", ref="demo")
        rows = other.execute("SELECT count(*) FROM audit WHERE action = 'use'").fetchone()[0]
        assert rows == number + 1
    other.close()


def test_a_refused_use_is_recorded_too(act, vault):
    act("create", name="old", kind="basic", fields={"user": "a", "password": "Kanari-1234567"}, expires_at="2020-01-01")
    with pytest.raises(Exception, match="expired"):
        act("resolve", ref="old")
    assert act("audit", ref="old")["events"][0]["outcome"] == "denied"


def chain(vault):
    with vault.store.read() as reader:
        return reader.find(AuditRow, order=("seq",))


def test_the_chain_of_an_untouched_log_is_whole(vault, act, demo):
    for _ in range(20):
        act("resolve", ref="demo")
    assert check_chain(vault.keyset, chain(vault))[0] == len(chain(vault))


@pytest.mark.parametrize("how", ["edited", "removed", "swapped", "doubled", "renumbered"])
def test_a_changed_log_is_seen(vault, act, demo, how):
    for _ in range(20):
        act("resolve", ref="demo")
    rows = chain(vault)
    for place in range(1, len(rows) - 1):
        changed = list(rows)
        row = rows[place]
        if how == "edited":
            changed[place] = AuditRow(row.seq, row.ts, row.action, "denied", row.object_id, row.body, row.mac)
        elif how == "removed":
            del changed[place]
        elif how == "swapped":
            changed[place], changed[place + 1] = changed[place + 1], changed[place]
        elif how == "doubled":
            changed.insert(place, row)
        else:
            changed[place] = AuditRow(row.seq, row.ts + 1, row.action, row.outcome, row.object_id, row.body, row.mac)
        with pytest.raises(SealBroken):
            check_chain(vault.keyset, changed)


def test_events_are_shown_with_the_name_a_credential_has_today(act, demo):
    act("rename", ref="demo", new_name="renamed")
    act("delete", ref="renamed")
    act("create", name="other", kind="basic", fields={"user": "ada", "password": "Kanari-1234567"})
    shown = {event["action"]: event["name"] for event in reversed(act("audit")["events"])}

    assert shown["credential.create"] == "other"
    assert shown["credential.delete"] is None
