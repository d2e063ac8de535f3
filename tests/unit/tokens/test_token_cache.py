"""One token, asked for once, renewed in time: with a clock that tests move."""

import threading
import time
from datetime import UTC, datetime

import pytest

from credmagic.errors import TokenRefused, Unreachable
from credmagic.tokens.cache import TokenCache
from credmagic.values import SecretStr, Token

ONE = b"1" * 16


class Clock:
    """A wall clock and a monotonic one."""

    def __init__(self):
        self.wall, self.ticks = 1_000_000.0, 50.0

    def pass_(self, seconds):
        self.wall += seconds
        self.ticks += seconds


class Provider:
    """Gives out numbered tokens, or raises what it is told to."""

    def __init__(self, clock, life=3600.0):
        self.clock, self.life, self.asked, self.error = clock, life, 0, None

    def __call__(self):
        self.asked += 1
        time.sleep(0.005)  # long enough for others to come
        if self.error is not None:
            raise self.error
        ends = None if self.life is None else datetime.fromtimestamp(self.clock.wall + self.life, UTC)
        return Token(SecretStr(f"token-{self.asked}"), ends)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cache(clock):
    return TokenCache(lambda: clock.wall, lambda: clock.ticks, lambda: 0.0)


@pytest.mark.parametrize(("life", "renewed_after"), [(3600, 2880), (200, 140), (100, 80), (10, 8)])
def test_it_is_renewed_at_four_fifths_and_a_minute_before_its_end(cache, clock, life, renewed_after):
    """A life too short for a minute's margin is renewed at four fifths."""
    provider = Provider(clock, life)
    assert cache.get(ONE, 1, provider) == cache.get(ONE, 1, provider)
    clock.pass_(renewed_after - 0.5)
    cache.get(ONE, 1, provider)
    assert provider.asked == 1
    clock.pass_(1)
    assert cache.get(ONE, 1, provider).value == "token-2"


def test_chance_makes_it_earlier_never_later(clock):
    for chance in (0.0, 0.5, 1.0):
        cache, provider = (
            TokenCache(lambda: clock.wall, lambda: clock.ticks, lambda chance=chance: chance),
            Provider(clock),
        )
        cache.get(ONE, 1, provider)
        clock.pass_(3600 * (0.8 - 0.1 * chance) + 1)
        assert cache.get(ONE, 1, provider).value == "token-2"


def test_a_token_without_an_end_lives_until_it_is_dropped(cache, clock):
    provider = Provider(clock, life=None)
    cache.get(ONE, 1, provider)
    clock.pass_(10**9)
    assert cache.get(ONE, 1, provider).value == "token-1"
    cache.drop(ONE)
    assert cache.get(ONE, 1, provider).value == "token-2"


def test_a_clock_that_is_set_back_does_not_lengthen_a_life(cache, clock):
    provider = Provider(clock)
    cache.get(ONE, 1, provider)
    clock.wall -= 10_000
    clock.ticks += 3000
    assert cache.get(ONE, 1, provider).value == "token-2"


def test_a_clock_that_slept_does_not_lengthen_it_either(cache, clock):
    """Suspend: the monotonic clock of Linux stands still, the wall clock does not."""
    provider = Provider(clock)
    cache.get(ONE, 1, provider)
    clock.wall += 8 * 3600
    assert cache.get(ONE, 1, provider).value == "token-2"


def test_another_version_has_a_token_of_its_own(cache, clock):
    provider = Provider(clock)
    assert cache.get(ONE, 1, provider).value != cache.get(ONE, 2, provider).value
    assert cache.get(ONE, 1, provider).value == "token-1"


def test_a_refusal_is_repeated_without_asking_and_for_longer_each_time(cache, clock):
    provider = Provider(clock)
    provider.error = TokenRefused("no", details={"error": "invalid_client"})
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        asked = provider.asked
        for _ in range(3):
            with pytest.raises(TokenRefused) as caught:
                cache.get(ONE, 1, provider)
        assert caught.value.details == {"error": "invalid_client"}
        assert provider.asked == asked + 1
        clock.pass_(pause + 0.01)
    provider.error = None
    assert cache.get(ONE, 1, provider).value


def test_new_values_are_tried_at_once_after_a_refusal(cache, clock):
    provider = Provider(clock)
    provider.error = TokenRefused("no")
    with pytest.raises(TokenRefused):
        cache.get(ONE, 1, provider)
    provider.error = None
    assert cache.get(ONE, 2, provider).value


def test_a_token_that_is_still_good_bridges_a_provider_that_is_away(cache, clock):
    provider = Provider(clock)
    cache.get(ONE, 1, provider)
    clock.pass_(3000)
    provider.error = Unreachable("away")
    assert cache.get(ONE, 1, provider).value == "token-1"
    assert cache.get(ONE, 1, provider).value == "token-1"
    assert provider.asked == 2  # and it is left in peace
    clock.pass_(560)
    with pytest.raises(Unreachable):
        cache.get(ONE, 1, provider)


def at_once(number, work):
    """`work()` in that many threads that start together."""
    gate, results = threading.Barrier(number), []

    def run():
        gate.wait()
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_fifty_threads_ask_once(cache, clock):
    provider = Provider(clock)
    assert {token.value for token in at_once(50, lambda: cache.get(ONE, 1, provider))} == {"token-1"}
    clock.pass_(3600)
    assert {token.value for token in at_once(50, lambda: cache.get(ONE, 1, provider))} == {"token-2"}
    assert provider.asked == 2


def test_fifty_threads_are_refused_once(cache, clock):
    provider = Provider(clock)
    provider.error = TokenRefused("no")
    results = at_once(50, lambda: cache.get(ONE, 1, provider))
    assert all(isinstance(result, TokenRefused) for result in results)
    assert provider.asked == 1


def test_who_comes_while_another_renews_goes_on_with_what_is_still_good(cache, clock):
    provider = Provider(clock)
    cache.get(ONE, 1, provider)
    clock.pass_(3000)
    entered, go_on = threading.Event(), threading.Event()

    def slow():
        entered.set()
        go_on.wait(10)
        return provider()

    renewing = threading.Thread(target=lambda: cache.get(ONE, 1, slow))
    renewing.start()
    entered.wait(10)
    assert cache.get(ONE, 1, provider).value == "token-1"
    go_on.set()
    renewing.join(10)
    assert cache.get(ONE, 1, provider).value == "token-2"


def test_credentials_do_not_wait_for_each_other(cache, clock):
    provider, entered, go_on = Provider(clock), threading.Event(), threading.Event()

    def hanging():
        entered.set()
        go_on.wait(10)
        return provider()

    waiting = threading.Thread(target=lambda: cache.get(ONE, 1, hanging))
    waiting.start()
    entered.wait(10)
    assert cache.get(b"2" * 16, 1, provider).value == "token-1"
    go_on.set()
    waiting.join(10)


def test_what_is_fetched_while_it_is_dropped_is_not_kept(cache, clock):
    provider = Provider(clock)

    def rotated_meanwhile():
        cache.drop(ONE)
        return provider()

    cache.get(ONE, 1, rotated_meanwhile)
    assert cache.get(ONE, 1, provider).value == "token-2"


def test_what_is_held_is_known_to_those_who_look_for_it(cache, clock):
    """The save guard asks: a token may stand in an output that is saved."""
    provider = Provider(clock)
    before = cache.fetched
    cache.get(ONE, 1, provider)
    assert cache.issued() == [(ONE, "token-1")]
    assert cache.fetched == before + 1
    cache.drop(ONE)
    assert cache.issued() == []
