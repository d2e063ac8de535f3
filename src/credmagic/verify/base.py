"""Does a credential work? Who asks, how long may it take, and what may be said about the answer?

A kind names its probe (entry-point group `credmagic.probes`); a probe asks the service. Only the service's own no, or
no answer in time, is a failure; a kind that cannot be asked is *unverifiable*, which is no failure. What is said is a
class of answer in our words: never the service's text, never a value.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from credmagic.errors import CredmagicError, Unreachable
from credmagic.kinds.adapters import MissingPackage
from credmagic.kinds.base import CredentialKind
from credmagic.plugins import Registry
from credmagic.verify.fetching import used_up_by_asking

TIMEOUT = 10.0
"""Seconds until a service that does not answer counts as unreachable."""

Outcome = Literal["ok", "unverifiable"]


@dataclass(frozen=True)
class Result:
    """What came out; `reason` is one line for people. A refusal is no result: it is raised."""

    outcome: Outcome
    reason: str
    took_ms: int = 0
    renewed: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Fields whose stored values were used up by asking, with what took their place."""


class Probe(ABC):
    """One way of asking a service. A subclass is named by an entry point and made without arguments."""

    @abstractmethod
    def check(self, credential: CredentialKind, *, timeout: float) -> Result:
        """Ask, within `timeout` seconds.

        Raises `VerificationFailed` (the service said no), `Unreachable` (no answer) or `MissingPackage` (the driver is
        not installed here).
        """


probes: Registry[type[Probe]] = Registry("credmagic.probes")


def verify(credential: CredentialKind, *, timeout: float = TIMEOUT, keeps_renewed: bool = False) -> Result:
    """Whether `credential` works, known after `timeout` seconds at the latest, even if a driver hangs.

    A caller that stores `Result.renewed` says so with `keeps_renewed`; for others, what asking would use up is not
    tried. Raises `VerificationFailed` or `Unreachable`.
    """
    if type(credential).probe is None:
        return Result("unverifiable", "this kind cannot be verified")
    if getattr(credential, "config_id", None):
        return Result("unverifiable", "not tried: its secrets are lent; verify the credential that lends them")
    if not keeps_renewed and used_up_by_asking(credential):
        return Result("unverifiable", "not tried: asking would use up its refresh token; using it tells")
    started = time.perf_counter()
    result = _run(probes.get(type(credential).probe or "")(), credential, timeout)
    return replace(result, took_ms=round((time.perf_counter() - started) * 1000))


def _run(probe: Probe, credential: CredentialKind, timeout: float) -> Result:
    """The probe's answer, from a thread that is left behind when a driver does not keep its own time limit."""
    answers: list[Result | CredmagicError | None] = []

    def ask() -> None:
        try:
            answers.append(probe.check(credential, timeout=timeout * 0.95))
        except CredmagicError as error:
            answers.append(error)
        except BaseException:  # a driver's own error may quote what it was given
            answers.append(None)

    worker = threading.Thread(target=ask, name="credmagic-verify", daemon=True)
    worker.start()
    worker.join(timeout)
    answer = answers[0] if answers else no_answer(timeout)
    if isinstance(answer, Unreachable) and answer.code == "timeout":
        raise no_answer(timeout)  # in the caller's seconds: the driver was given a little less
    if isinstance(answer, MissingPackage):
        return Result("unverifiable", f"not verifiable here: needs the package {answer.package}")
    if isinstance(answer, CredmagicError):
        raise answer
    if answer is None:
        return Result("unverifiable", "not verifiable here: the driver failed before it asked the service")
    return answer


def no_answer(seconds: float) -> Unreachable:
    """The error for a service that keeps silent."""
    return Unreachable(
        f"the service did not answer within {seconds:.3g} s",
        code="timeout",
        next_step="Check its address, VPN and firewall, and try again; or save unverified (--no-verify).",
    )


def unreachable(why: str) -> Unreachable:
    """The error for a service that cannot be reached; `why` is in our words."""
    return Unreachable(
        f"the service cannot be reached: {why}",
        next_step="Check its address, VPN and firewall, and try again; or save unverified (--no-verify).",
    )
