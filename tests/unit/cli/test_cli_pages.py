"""Do pages say health, age and expiry in words, and fit what they are shown on?"""

import re
from datetime import UTC, datetime, timedelta

import pytest

from credmagic.cli import ages, tables, views
from credmagic.cli.health import expiry, health

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def iso(**delta):
    return (NOW + timedelta(**delta)).isoformat().replace("+00:00", "Z")


def view(**changes):
    base = {
        "id": "0", "name": "warehouse", "kind": "database", "kind_version": 1, "title": "Database", "environment": "draft",
        "owner": "me", "status": "active", "version": 1, "revision": 1, "description": "", "fields": {}, "secrets": [],
        "tags": [], "created_at": iso(days=-10), "updated_at": iso(days=-10), "expires_at": None, "verified": None,
        "last_used_at": None,
    }  # fmt: skip
    return base | changes


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "5 s"),
        (90, "1 min"),
        (7200, "2 h"),
        (86400 * 41, "41 d"),
        (86400 * 200, "6 months"),
        (86400 * 800, "2 years"),
    ],
)
def test_spans_are_said_in_one_unit(seconds, words):
    assert ages.span(seconds) == words


def test_a_moment_is_relative_with_the_absolute_beside_it():
    assert ages.ago(iso(minutes=-5), NOW) == "5 min ago"
    assert ages.ago(iso(seconds=-2), NOW) == "just now"
    assert re.match(r"2026-03-01 \d\d:00 \S+", ages.absolute(iso()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verified": {"at": iso(hours=-2), "outcome": "ok", "reason": ""}}, "● verified 2 h ago"),
        ({}, "○ not verified"),
        ({"verified": {"at": iso(hours=-2), "outcome": "unverifiable", "reason": "r"}}, "○ not verifiable"),
        ({"verified": {"at": iso(hours=-2), "outcome": "refused", "reason": "r"}}, "▲ refused 2 h ago"),
        ({"verified": {"at": iso(hours=-2), "outcome": "unreachable", "reason": "r"}}, "▲ no answer 2 h ago"),
        ({"expires_at": iso(days=3)}, "▲ expires in 3 d"),
        ({"expires_at": iso(days=-3)}, "▲ expired 3 d ago"),
        ({"status": "paused"}, "○ paused"),
        ({"status": "incomplete"}, "▲ incomplete"),
        (
            {"expires_at": iso(days=3), "verified": {"at": iso(hours=-2), "outcome": "refused", "reason": ""}},
            "▲ refused 2 h ago",
        ),
    ],
)
def test_health_is_one_answer_in_words_with_a_glyph(changes, words):
    assert health(view(**changes), NOW)[1].words == words


def test_the_worst_comes_first():
    ranks = [
        health(view(**changes), NOW)[0]
        for changes in (
            {"expires_at": iso(days=-3)},
            {"verified": {"at": iso(), "outcome": "refused", "reason": ""}},
            {"expires_at": iso(days=3)},
            {"verified": {"at": iso(), "outcome": "unreachable", "reason": ""}},
            {},
            {"verified": {"at": iso(), "outcome": "ok", "reason": ""}},
        )
    ]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_expiry_has_a_bar_of_what_is_left():
    assert expiry(view(expires_at=iso(days=10)), NOW).words == "expires in 10 d ▓▓▓░░░"
    assert expiry(view(), NOW).words == "—"


def overview(count, kinds=1):
    groups = [
        {
            "kind": f"k{k}",
            "title": f"Kind {k}",
            "credentials": [view(name=f"k{k}-n{i:03}") for i in range(count // kinds)],
        }
        for k in range(kinds)
    ]
    return {
        "environment": "draft",
        "store": "s",
        "keys_in": "a key file",
        "total": count,
        "expiring": 1,
        "groups": groups,
    }


def test_the_overview_groups_by_kind_with_counts():
    text = tables.page_text(views.overview(overview(4, 2), "%cred"))

    assert "credmagic   draft · keys in: a key file · 4 credentials · 1 expires soon" in text
    assert "Kind 0 · 2" in text
    assert "k1-n001" in text
    assert text.splitlines()[-2].startswith("%cred new · ")


def test_no_line_ends_in_blanks_and_none_is_cut_in_a_pipe(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    data = overview(2)
    data["groups"][0]["credentials"][0]["name"] = "n" * 128
    tables.print_page(views.overview(data, "credmagic"))
    out = capsys.readouterr().out

    assert "n" * 128 in out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert "\x1b" not in out
    assert not set(out) & set("┏━┃│─╭")


def test_a_terminal_has_its_width_respected():
    text = tables.page_text(views.listing({"credentials": [view(name="n" * 60)], "next": None}, "credmagic"), width=50)

    assert max(map(len, text.splitlines())) <= 50
    assert text.replace("\n", "").replace(" ", "").count("n" * 10) >= 1


def test_columns_leave_a_narrow_terminal_before_a_name_is_broken():
    name = "databricks_service_principal_account"
    one = {"kind": name, "title": "Databricks", "aliases": ["databricks_sp"], "verifiable": True, "env": ["A_VARIABLE"]}

    wide, narrow = (tables.page_text(views.kinds({"kinds": [one]}, "credmagic"), width) for width in (120, 60))

    assert "A_VARIABLE" in wide
    assert "A_VARIABLE" not in narrow
    assert name in narrow
    assert "yes" in narrow


@pytest.mark.parametrize(("kept", "said"), [(3, "3 of 3"), (5, "3 of 5"), (2, "3 (2 kept)")])
def test_a_version_is_never_of_fewer_than_there_were(kept, said):
    """Renewed tokens take each other's place, so numbers grow and what is kept does not."""
    one = view(title="OAuth login", owner="me", secrets=[], tags=[], version=3, versions=kept, uses=0)

    assert dict(views.shown(one, "%cred").facts)["version"] == said
