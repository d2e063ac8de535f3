"""When does a `Credential` ask for another token? By how much time is left, and by the clock that moved more."""

from datetime import UTC, datetime, timedelta

import pytest

from credmagic.client import credential
from credmagic.client.credential import Credential
from credmagic.errors import TokenRefused, Unreachable


class Clock:
    """What `credential` knows of time; tests move it."""

    def __init__(self):
        self.wall, self.ticks = 1_800_000_000.0, 500.0

    def time(self):
        """Seconds since 1970."""
        return self.wall

    def monotonic(self):
        """Seconds since some moment."""
        return self.ticks

    def pass_(self, seconds):
        """Both go on."""
        self.wall += seconds
        self.ticks += seconds


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(credential, "time", made)
    return made


@pytest.fixture
def vault(clock):
    """Gives out tokens with `life` seconds, or fails with `failure`."""

    class Vault:
        life, asked, failure = 3600.0, 0, None

        def credential(self, reference=None):
            """What `use` returns."""
            if self.failure:
                raise self.failure
            self.asked += 1
            ends = (datetime.fromtimestamp(clock.wall, UTC) + timedelta(seconds=self.life)).isoformat()
            resolved = {
                "id": "1", "name": "crm", "kind": "oauth", "kind_version": 1, "version": 1, "environment": "",
                "fields": {"token": f"token-{self.asked}"}, "secret": ["token"], "token": "token", "expires_at": ends,
                "environ": {}, "files": {}, "aliases": {},
            }  # fmt: skip
            return Credential.from_resolved(resolved, again=self.credential)

    return Vault()


def test_a_token_is_renewed_a_minute_before_its_end(vault, clock):
    cred = vault.credential()
    clock.pass_(3539)
    assert cred.token == "token-1"
    clock.pass_(2)
    assert cred.token == "token-2"


def test_a_token_that_came_with_little_time_is_used_for_half_of_it(vault, clock):
    vault.life = 20
    cred = vault.credential()
    clock.pass_(9)
    assert cred.token == "token-1"
    clock.pass_(2)
    assert cred.token == "token-2"
    assert vault.asked == 2


def test_a_clock_that_was_set_back_does_not_make_a_token_young(vault, clock):
    cred = vault.credential()
    clock.pass_(3600)
    clock.wall -= 86_400
    assert cred.token == "token-2"


def test_a_machine_that_slept_asks_for_another_one(vault, clock):
    """Asleep, some clocks stand still."""
    cred = vault.credential()
    clock.wall += 7200
    assert cred.token == "token-2"


def test_a_vault_that_is_away_for_a_moment_is_no_error(vault, clock):
    cred = vault.credential()
    vault.failure = Unreachable("away")
    clock.pass_(3590)
    assert cred.token == "token-1"


def test_a_token_that_has_ended_is_never_given_out(vault, clock):
    cred = vault.credential()
    vault.failure = Unreachable("away")
    clock.pass_(3601)
    with pytest.raises(Unreachable):
        cred.token


def test_a_refusal_is_said_at_once(vault, clock):
    cred = vault.credential()
    vault.failure = TokenRefused("no")
    clock.pass_(3590)
    with pytest.raises(TokenRefused):
        cred.token


def test_a_field_is_what_it_was(vault, clock):
    """Reading a field asks nobody, whatever the time."""
    cred = vault.credential()
    clock.pass_(7200)
    assert cred["token"] == "token-1"
    assert dict(cred) == {"token": "token-1"}
    assert vault.asked == 1


def test_keeping_fresh_says_whether_there_is_another_token(vault, clock):
    cred = vault.credential()
    assert cred.keep_fresh() is False
    clock.pass_(3590)
    assert cred.keep_fresh() is True
