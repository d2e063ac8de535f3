"""Clocks differ by up to five minutes: no token is used longer than it lives, and none is fetched for every use."""

import base64
import json
from datetime import UTC, datetime

import pytest

from credmagic.errors import StoreUnusable, TokenRefused
from credmagic.tokens.base import Asking
from credmagic.tokens.cache import TokenCache
from credmagic.tokens.oauth import read_token
from credmagic.values import SecretStr, Token

NOW = 1_800_000_000.0
ONE = b"1" * 16


def jwt(**claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{part}.c2ln"


def end(**claims):
    """Seconds from now until a token with these claims ends for us."""
    found = Asking(clock=lambda: NOW).end_of(jwt(**claims))
    return found and found.timestamp() - NOW


@pytest.mark.parametrize("ahead", [0, 1, 60, 300])
def test_a_provider_whose_clock_is_ahead_lends_no_longer_life(ahead):
    assert end(iat=NOW + ahead, exp=NOW + ahead + 600) == 600


@pytest.mark.parametrize("behind", [0, 1, 60, 300])
def test_a_provider_whose_clock_is_behind_costs_no_more_than_the_difference(behind):
    assert end(iat=NOW - behind, exp=NOW - behind + 600) == 600 - behind


@pytest.mark.parametrize("life", [30, 60, 299])
def test_a_young_token_that_seems_dead_lives_as_long_as_it_says(life):
    assert end(iat=NOW - 300, exp=NOW - 300 + life) == life


def test_a_token_that_has_long_ended_is_dead():
    assert end(iat=NOW - 4000, exp=NOW - 400) == -400


@pytest.mark.parametrize("claims", [{}, {"iat": True}, {"iat": "soon"}, {"iat": NOW + 700}, {"iat": -1e300}])
def test_a_token_that_does_not_say_since_when_ends_when_it_says(claims):
    assert end(exp=NOW + 600, **claims) == 600


def test_what_is_no_jwt_says_no_end():
    assert Asking().end_of("opaque") is None


def test_the_answer_of_a_token_endpoint_is_read_so():
    token = read_token(Asking(clock=lambda: NOW), {"access_token": jwt(iat=NOW + 300, exp=NOW + 900)})
    assert token.expires_at == datetime.fromtimestamp(NOW + 600, UTC)


class World:
    """A cache with clocks that tests move, and a provider that counts."""

    def __init__(self, ends):
        self.passed, self.asked, self.ends, self.error = 0.0, 0, ends, None
        self.cache = TokenCache(lambda: NOW + self.passed, lambda: self.passed, lambda: 0.0)

    def fetch(self):
        self.asked += 1
        if self.error:
            raise self.error
        ends = datetime.fromtimestamp(NOW + self.passed + self.ends, UTC)
        return Token(SecretStr(f"token-{self.asked}"), ends)

    def get(self):
        return self.cache.get(ONE, 1, self.fetch).value


def test_a_token_that_seems_dead_is_not_fetched_for_every_use():
    world = World(ends=-120)
    assert [world.get() for _ in range(50)] == ["token-1"] * 50
    world.passed += 1
    assert world.get() == "token-2"


def test_a_token_that_is_still_good_bridges_a_store_that_is_busy():
    world = World(ends=3600)
    world.get()
    world.passed, world.error = 3000.0, StoreUnusable("busy", code="store_busy")
    assert world.get() == "token-1"
    world.passed = 3560.0
    with pytest.raises(StoreUnusable):
        world.get()


def test_a_refusal_is_told_although_the_token_is_still_good():
    """Somebody took the login away: that is for the person to know now, not in ten minutes."""
    world = World(ends=3600)
    world.get()
    world.passed, world.error = 3000.0, TokenRefused("over", details={"error": "invalid_grant"})
    with pytest.raises(TokenRefused):
        world.get()
