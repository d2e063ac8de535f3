"""Is one told in time that a service ends what nobody uses?"""

import json
from datetime import datetime, timedelta

import pytest

from credmagic.cli.health import health

LIMIT = timedelta(days=15)
"""Of Tableau."""


@pytest.fixture
def report(act, canary):
    fields = {"token_name": "reports", "personal_access_token": canary}
    act("create", name="report", kind="tableau_access_token", fields=fields, verify=False)
    yield lambda: act("show", ref="report")
    assert canary[:24] not in json.dumps([act("overview"), act("show", ref="report")])


def moment(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("days", "words"), [(9, "○ not verified"), (11, "▲ ends unused in 3 d"), (16, "▲ may have ended unused")]
)
def test_it_is_said_five_days_before(report, days, words):
    view = report()
    now = moment(view["updated_at"]) + timedelta(days=days, minutes=1)
    assert health(view, now)[1].words == words


def test_each_use_counts_from_anew_and_the_overview_says_the_same(report, act):
    act("resolve", ref="report")
    view = report()

    assert moment(view["unused_until"]) - moment(view["last_used_at"]) == LIMIT
    assert act("overview")["groups"][0]["credentials"][0]["unused_until"] == view["unused_until"]


def test_new_values_count_from_when_they_came(report, act):
    act("resolve", ref="report")
    act("rotate", ref="report", fields={"personal_access_token": "another-secret-altogether"}, verify=False)
    view = report()

    assert moment(view["unused_until"]) - moment(view["updated_at"]) == LIMIT


def test_what_is_worse_is_said_instead(report, act):
    act("pause", ref="report")
    view = report()
    assert health(view, moment(view["updated_at"]) + LIMIT)[1].words == "○ paused"


def test_where_nothing_ends_unused_nothing_is_said(act, canary):
    act("create", name="api", kind="bearer", fields={"token": canary}, verify=False)
    assert "unused_until" not in act("show", ref="api")
