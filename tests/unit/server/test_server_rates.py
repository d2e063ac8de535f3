"""So many requests a minute, each caller for itself."""

import pytest

from credmagic.errors import RateLimited
from credmagic.server.answers import error_answer
from credmagic.server.rates import Allowance, Patience


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_the_limit_holds_for_a_minute_and_for_one_caller(monkeypatch):
    monkeypatch.delenv("CREDMAGIC_RATES", raising=False)
    clock = Clock()
    allowance = Allowance(3, clock)
    for _ in range(3):
        allowance.count("k1")
    clock.now += 20

    with pytest.raises(RateLimited) as error:
        allowance.count("k1")
    allowance.count("k2")
    clock.now += 40
    allowance.count("k1")

    assert error.value.details == {"retry_after": 40}


def test_the_answer_says_when_to_come_back():
    status, body, headers = error_answer(RateLimited("slow", details={"retry_after": 7}))

    assert (status, body["code"], headers) == (429, "rate_limited", {"Retry-After": "7"})


def test_a_load_test_switches_limits_off(monkeypatch):
    monkeypatch.setenv("CREDMAGIC_RATES", "off")
    allowance = Allowance(1)

    for _ in range(5):
        allowance.count("k1")


def test_refusals_wait_longer_each_time_and_for_one_caller(monkeypatch):
    monkeypatch.delenv("CREDMAGIC_RATES", raising=False)
    clock = Clock()
    patience = Patience(2, clock)

    waits = [patience.wait("a") for _ in range(9)]

    assert waits == [0, 0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert patience.wait("b") == 0
    clock.now += 60
    assert patience.wait("a") == 0


def test_a_load_test_switches_waits_off(monkeypatch):
    monkeypatch.setenv("CREDMAGIC_RATES", "off")

    assert Patience(0).wait("a") == 0
