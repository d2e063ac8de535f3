"""What is left of a login when the process that renews it is killed at any moment?

A real process, a real provider that gives a new refresh token each time and takes the whole login away when an old one
comes twice. Of each kill the provider says whether the refresh token in the store was sent already. If not, nothing may
be lost. If so, its successor died with the process between the answer and our commit: a provider with a leeway carries
the login on with the old one; without a leeway nothing can, and the credential must say which command helps.
"""

import os
import random
import signal
import sqlite3
import time
from collections import Counter

import pytest

from credmagic.errors import TokenRefused
from credmagic.store.rows import AuditRow
from credmagic.testing.fixtures import require
from credmagic.testing.oidc_provider import OidcProvider
from credmagic.vault import renewals
from credmagic.vault.audit import check_chain
from security.renewals import Process, act, expire, sign_in, signed_in, stored, token, vault_of_ours

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
KILLS = int(os.environ.get("CREDMAGIC_TEST_REFRESH_KILLS", "100"))
LEEWAY = 600
SIGN_IN = "Sign in again: %cred login mail"


@pytest.fixture(scope="module")
def provider():
    require("fork", hasattr(os, "fork"))
    with OidcProvider() as running:
        yield running


@pytest.fixture
def vault(home, provider):
    with vault_of_ours() as opened:
        signed_in(opened, provider, "mail")
        signed_in(opened, provider, "other")
        yield opened


def outcome(vault, provider, leeway):
    """What the next use makes of the login, and what it must."""
    provider.set(leeway=0)
    unspent = provider.accepts(stored(vault, "mail")[0])
    provider.set(leeway=leeway)
    expire(vault, "mail")
    try:
        good = provider.accepts(token(vault, "mail"))
        found = "carried on" if good else "a token that is refused"
    except TokenRefused as error:
        found = "sign in again" if (error.details["error"], error.next_step) == ("invalid_grant", SIGN_IN) else error
    expected = "carried on" if unspent or leeway else "sign in again"
    return found, expected, f"{found}{'' if unspent else ', the answer was lost'}"


def renew_until_killed(vault, say):
    say("ready")
    while True:
        expire(vault, "mail")
        token(vault, "mail")


@pytest.mark.parametrize("leeway", [0, LEEWAY])
def test_a_kill_at_any_moment_loses_no_more_than_the_stated_window(home, vault, provider, leeway, record_property):
    seed = int(os.environ.get("CREDMAGIC_TEST_SEED", "1"))
    chance, seen, start, renewed = random.Random(seed), Counter(), time.monotonic(), 0
    other = stored(vault, "other")
    for _ in range(KILLS // 2):
        version = stored(vault, "mail")[1]
        process = Process(renew_until_killed)
        assert process.heard.readline()
        time.sleep(chance.uniform(0, 0.1))
        os.kill(process.pid, signal.SIGKILL)
        assert process.ended() == -signal.SIGKILL

        renewed += stored(vault, "mail")[1] - version
        found, expected, told = outcome(vault, provider, leeway)
        seen[told] += 1
        assert found == expected
        assert stored(vault, "other") == other
        if found == "sign in again":
            sign_in(vault, provider, "mail")
            assert provider.accepts(token(vault, "mail"))

    took = f"{time.monotonic() - start:.0f} s"
    line = f"{KILLS // 2} kills in {renewed} renewals, leeway {leeway} s, seed {seed}: {dict(seen)}, {took}"
    record_property("figures", line)
    print(line)
    assert provider.accepts(token(vault, "other"))
    with vault.store.read() as reader:
        rows = reader.find(AuditRow, order=("seq",))
    assert check_chain(vault.keyset, rows)[0] == len(rows)
    with sqlite3.connect(home / "data" / "credmagic.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not list((home / "data").glob("*.lock"))


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def before_asking(vault, say):
    renewals.fetch = die
    token(vault, "mail")


def between_answer_and_commit(vault, say):
    fetch = renewals.fetch
    renewals.fetch = lambda *what: die(fetch(*what))
    token(vault, "mail")


def after_the_commit(vault, say):
    token(vault, "mail")
    die()


@pytest.mark.parametrize(
    ("moment", "leeway", "expected"),
    [
        (before_asking, 0, "carried on"),
        (between_answer_and_commit, 0, "sign in again, the answer was lost"),
        (between_answer_and_commit, LEEWAY, "carried on, the answer was lost"),
        (after_the_commit, 0, "carried on"),
    ],
)
def test_each_moment_has_its_outcome(vault, provider, moment, leeway, expected):
    before = stored(vault, "mail")[1]
    provider.set(leeway=leeway)
    assert Process(moment).ended() == -signal.SIGKILL
    assert stored(vault, "mail")[1] == before + (moment is after_the_commit)
    assert outcome(vault, provider, leeway)[2] == expected


def careless(vault, say):
    """The control: hands the token out without having stored what came with it."""
    renewals.Renewals._keep = lambda *what: None
    token(vault, "mail")
    die()


def test_the_control_that_stores_nothing_is_caught(vault, provider):
    provider.set(leeway=0)
    assert Process(careless).ended() == -signal.SIGKILL
    assert outcome(vault, provider, 0)[2] == "sign in again, the answer was lost"


def test_a_login_that_is_over_is_asked_about_once_and_told_without_secrets(vault, provider):
    provider.set(leeway=0)
    Process(between_answer_and_commit).ended()
    lost, version = stored(vault, "mail")
    before = provider.asked()
    for _ in range(5):
        with pytest.raises(TokenRefused) as refused:
            token(vault, "mail")
        assert lost not in repr(refused.value)
    assert provider.asked() == before + 1
    assert stored(vault, "mail") == (lost, version)
    assert lost not in repr(act(vault, "audit", ref="mail"))
