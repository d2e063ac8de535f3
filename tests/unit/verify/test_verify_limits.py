"""What verifying promises whatever a probe does: a time limit, our words, no driver's text."""

import time
from typing import ClassVar

import pytest

from credmagic.errors import Unreachable, VerificationFailed
from credmagic.kinds.adapters import MissingPackage
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.fields import secret
from credmagic.kinds.registry import all_kinds, find_kind
from credmagic.values import SecretStr
from credmagic.verify.base import Probe, Result, probes, verify


class Probed(CredentialKind):
    """Its probe is whatever a test registers."""

    kind: ClassVar[str] = "probed"
    title: ClassVar[str] = "Probed"
    probe: ClassVar[str | None] = "trial"

    token: SecretStr = secret("Token")


@pytest.fixture
def probe(monkeypatch):
    """Make a function the probe of `Probed`."""

    def register(check):
        class Trial(Probe):
            def check(self, credential, *, timeout):
                return check(credential, timeout)

        monkeypatch.setitem(probes._loaded, "trial", Trial)

    return register


def test_the_answer_says_how_long_it_took(probe):
    probe(lambda credential, timeout: time.sleep(0.02) or Result("ok", "fine"))

    result = verify(Probed(token="x"))

    assert (result.outcome, result.reason) == ("ok", "fine")
    assert 20 <= result.took_ms < 5000


def test_a_driver_that_hangs_is_left_behind_in_time(probe):
    probe(lambda credential, timeout: time.sleep(3))
    started = time.perf_counter()

    with pytest.raises(Unreachable, match=r"within 0\.2 s") as caught:
        verify(Probed(token="x"), timeout=0.2)

    assert caught.value.code == "timeout"
    assert time.perf_counter() - started < 1


def test_the_probe_is_given_less_time_than_the_caller_waits(probe):
    probe(lambda credential, timeout: Result("ok", f"{timeout}"))

    assert float(verify(Probed(token="x"), timeout=2).reason) < 2


def test_what_a_driver_says_by_accident_goes_nowhere(probe, canary):
    def explode(credential, timeout):
        raise RuntimeError(f"cannot use {credential.token}")

    probe(explode)

    result = verify(Probed(token=canary))

    assert result.outcome == "unverifiable"
    assert canary[:24] not in repr(result)


def test_a_refusal_is_raised_as_it_is(probe):
    def refuse(credential, timeout):
        raise VerificationFailed("no")

    probe(refuse)

    with pytest.raises(VerificationFailed, match="no"):
        verify(Probed(token="x"))


def test_a_missing_driver_is_no_failure_and_names_the_package(probe):
    def missing(credential, timeout):
        raise MissingPackage("some-driver", "it")

    probe(missing)

    result = verify(Probed(token="x"))

    assert result.outcome == "unverifiable"
    assert result.reason == "not verifiable here: needs the package some-driver"


def test_a_kind_without_a_probe_says_so():
    result = verify(find_kind("key_value").parse({"entries": {"a": "b"}}))

    assert result == Result("unverifiable", "this kind cannot be verified", 0)


def test_only_pairs_of_keys_and_values_cannot_be_verified():
    assert [cls.kind for cls in all_kinds() if cls.probe is None] == ["key_value"]


@pytest.mark.parametrize("kind", [cls for cls in all_kinds() if cls.probe], ids=lambda cls: cls.kind)
def test_every_probe_a_kind_names_is_installed(kind):
    assert issubclass(probes.get(kind.probe), Probe)
