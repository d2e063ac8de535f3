"""Wrong sign-ins: who has to wait, how long, and who does not?"""

from __future__ import annotations

from typing import Any

import pytest

from credmagic.errors import NotSignedIn, RateLimited
from credmagic.store.rows import ThrottleRow
from credmagic.vault import throttle
from credmagic.vault.audit import Caller
from credmagic.vault.rates import Limits, Rates
from credmagic.vault.sign_in import sign_in
from credmagic.vault.vault import Vault
from credmagic.wiring import open_vault

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"


class Clock:
    """Time that passes when it is told to (microseconds)."""

    def __init__(self) -> None:
        self.now = 1_900_000_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(throttle, "now", made)
    return made


@pytest.fixture
def key(act) -> dict[str, Any]:
    """A key of the application `etl`."""
    act("app_add", name="etl")
    made: dict[str, Any] = act("key_create", ref="etl")
    return made


def tried(vault: Vault, ident: str, secret: str = "cms_wrong", peer: str = HOME) -> int:
    """Seconds to wait; 0 when the try was let through, whether or not it was right."""
    try:
        sign_in(vault, Caller("machine", peer=peer), ident, secret)
    except NotSignedIn:
        return 0
    except RateLimited as error:
        return int(error.details["retry_after"])
    return 0


def fails(vault: Vault, clock: Clock, ident: str, times: int, peer: str = HOME) -> None:
    """That many failures, waiting where one must."""
    for _ in range(times):
        while wait := tried(vault, ident, peer=peer):
            clock.pass_by(wait)


def test_five_are_free_and_then_the_wait_doubles(vault: Vault, key, clock: Clock) -> None:
    assert [tried(vault, key["id"]) for _ in range(5)] == [0] * 5
    waits = []
    for _ in range(4):
        waits.append(tried(vault, key["id"]))
        clock.pass_by(waits[-1])
        assert tried(vault, key["id"]) == 0

    assert waits == [1, 2, 4, 8]


def test_the_wait_never_grows_beyond_a_quarter_of_an_hour(vault: Vault, key, clock: Clock) -> None:
    waits = []
    for _ in range(25):
        while wait := tried(vault, key["id"]):
            waits.append(wait)
            clock.pass_by(wait)

    assert max(waits) == throttle.LONGEST_WAIT
    assert throttle.wait_seconds(10**6) == throttle.LONGEST_WAIT


def test_while_one_waits_the_right_secret_does_not_help(vault: Vault, key, clock: Clock) -> None:
    fails(vault, clock, key["id"], 7)
    assert tried(vault, key["id"], key["secret"]) == 4


def test_nobody_locks_an_id_for_everybody_else(vault: Vault, key, clock: Clock) -> None:
    for number in range(100):
        tried(vault, key["id"], peer=f"203.0.113.{number}")

    got = sign_in(vault, Caller("machine", peer=ELSEWHERE), key["id"], key["secret"])
    assert got.identity.name == "etl"


def test_a_right_secret_forgives_what_was_before(vault: Vault, key, clock: Clock) -> None:
    fails(vault, clock, key["id"], 4)
    sign_in(vault, Caller("machine", peer=HOME), key["id"], key["secret"])
    assert [tried(vault, key["id"]) for _ in range(5)] == [0] * 5


def test_an_address_that_failed_is_held_to_the_limit_of_the_id(vault: Vault, key, clock: Clock) -> None:
    for number in range(10):
        assert tried(vault, key["id"], peer=f"203.0.113.{number}") == 0

    assert tried(vault, key["id"], peer="203.0.113.3") > 50
    clock.pass_by(61)
    assert tried(vault, key["id"], peer="203.0.113.3") == 0


def test_sixty_failures_of_an_address_make_it_wait_for_any_id(vault: Vault, key, clock: Clock) -> None:
    assert [tried(vault, f"cmk_{number}") for number in range(60)] == [0] * 60

    assert 50 < tried(vault, "cmk_another") <= 60
    assert tried(vault, key["id"], peer=ELSEWHERE) == 0
    clock.pass_by(61)
    assert tried(vault, "cmk_another") == 0


def test_an_id_signs_in_six_hundred_times_a_minute(vault: Vault, key, clock: Clock) -> None:
    vault.rates = Rates(Limits(sign_ins_of_an_id=3))
    assert Limits().sign_ins_of_an_id == 600

    assert [tried(vault, key["id"], key["secret"]) for _ in range(3)] == [0] * 3
    assert tried(vault, key["id"], key["secret"], ELSEWHERE) == 60
    clock.pass_by(61)
    assert tried(vault, key["id"], key["secret"]) == 0


def test_a_restart_forgives_nothing(vault: Vault, key, clock: Clock) -> None:
    fails(vault, clock, key["id"], 8)
    wait = tried(vault, key["id"])
    vault.close()
    again = open_vault(notify=lambda line: None)
    try:
        assert tried(again, key["id"]) == wait == 8
    finally:
        again.close()


def test_limits_may_be_switched_off_for_a_load_test(vault: Vault, key, clock: Clock, monkeypatch) -> None:
    monkeypatch.setenv("CREDMAGIC_RATES", "off")
    assert [tried(vault, key["id"]) for _ in range(80)] == [0] * 80


def test_a_clock_that_was_set_back_locks_nobody_out(vault: Vault, key, clock: Clock) -> None:
    fails(vault, clock, key["id"], 14)
    clock.pass_by(-86_400)
    assert tried(vault, key["id"]) == 0


def test_a_window_that_begins_in_the_future_is_a_new_one(vault: Vault, clock: Clock) -> None:
    for _ in range(2):
        assert [tried(vault, f"cmk_{number}") for number in range(60)] == [0] * 60
        assert 50 < tried(vault, "cmk_another") <= 60
        clock.pass_by(-300)


def test_a_wait_that_begins_is_in_the_audit_log_once(vault: Vault, act, key, clock: Clock) -> None:
    for _ in range(30):
        tried(vault, key["id"])

    actions = [event["action"] for event in act("audit", limit=100)["events"]]
    assert actions.count("rate_limited") == 1
    assert actions.count("token.deny") == 5


def test_counters_of_the_past_are_dropped(vault: Vault, clock: Clock) -> None:
    for number in range(40):
        tried(vault, f"cmk_{number}", peer=f"203.0.113.{number}")
    clock.pass_by(2 * 3600)
    for number in range(30):
        tried(vault, "cmk_new", peer=f"198.51.100.{number}")

    with vault.store.read() as reader:
        assert reader.count(ThrottleRow) < 3 * 30 + 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
        ("no address", "no address", True),
    ],
)
def test_of_ipv6_a_whole_network_counts_as_one(one: str, other: str, same: bool) -> None:
    assert (throttle.network(one) == throttle.network(other)) == same


def test_no_id_and_no_address_stands_in_the_store(vault: Vault, home) -> None:
    tried(vault, "cmk_findme", peer="203.0.113.77")
    stored = b"".join(path.read_bytes() for path in (home / "data").iterdir())
    assert b"cmk_findme" not in stored


def test_eighteen_passwords_at_once_and_no_more(vault: Vault, act, monkeypatch) -> None:
    import threading

    from credmagic.crypto import password_hash

    act("machine_add", id="bot", password="a-good-password")
    monkeypatch.setattr(password_hash, "_admitted", threading.BoundedSemaphore(1))
    with password_hash._turn(), pytest.raises(RateLimited):
        sign_in(vault, Caller("machine", peer=HOME), "bot", "a-good-password")
