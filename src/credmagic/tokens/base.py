"""How do long-lived secrets become a short-lived token? Who asks, how long may it take, what may be said of a refusal?

A kind names its exchange (entry-point group `credmagic.exchanges`) and says by `token_request()` what to ask for (data
classes of `kinds.exchange`); the exchange asks. Of a refusal only the provider's error code is told, if it is a code at
all and holds none of the credential's own secrets: never the body, never a value.
"""

from __future__ import annotations

import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol, TypeVar, cast

from credmagic.errors import CredmagicError, NotFound, TokenRefused, Unreachable
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.jwt import jwt_claims, jwt_expiry
from credmagic.plugins import Registry
from credmagic.values import Token

TIMEOUT = 10.0
"""Seconds until a provider that does not answer counts as unreachable."""

SKEW = 300.0
"""Seconds by which the clocks of this machine and of a provider may differ."""

WORDS = {
    "plain_http": "its address is plain http, which would send the secret readable",
    "redirect": "the address answers with a redirect, which is not followed",
    "not_json": "the address does not answer as a token service; is it right?",
    "no_token": "the answer holds no token",
    "answer_too_large": "the answer is too large",
    "bad_key": "the private key cannot be read or does not fit: wrong passphrase, or another algorithm",
    "bad_algorithm": "tokens are not signed with that algorithm",
    "bad_header": "a custom header is one that HTTP cannot carry or that is not a credential's to set",
    "no_identity": "there are no AWS keys, neither stored nor on this machine",
    "no_subject": "nobody has signed in at the identity provider",
    "no_exchange": "nothing that is installed here can fetch its tokens",
    "wrong_state": "what came back does not belong to the login that began here",
    "no_answer_code": "what came back holds no code",
    "other_issuer": "another service answered than the one that was asked",
    "bad_id_token": "the ID token that came along is not for this login",
    "access_denied": "the sign-in was given up or not allowed",
    "expired_token": "nobody signed in in time",
    "no_refresh_token": "nothing came with which it could be renewed; is the scope for that asked for?",
    "changed_meanwhile": "the credential was changed meanwhile",
    "not_told": "the answer repeats what was sent, so it is not shown",
}
"""Our own codes in words; what is not here is the provider's."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}\Z")
_CLUE, _PART = 6, 4
"""A code is not told that holds a word of a secret with `_CLUE` characters, or `_PART` of which are part of one."""

R = TypeVar("R")


class _Asks(Protocol):
    def token_request(self) -> Any: ...


class Asking:
    """Who asks a token service: by which clock, and for how long."""

    def __init__(self, clock: Callable[[], float] = time.time, timeout: float = TIMEOUT) -> None:
        self.clock = clock
        self.timeout = timeout

    def moment(self, seconds: float | None) -> datetime | None:
        """The moment `seconds` from now (UTC); None for None or a moment no calendar has."""
        if seconds is None:
            return None
        try:
            return datetime.fromtimestamp(self.clock() + seconds, UTC)
        except (ValueError, OverflowError, OSError):
            return None

    def end_of(self, token: str) -> datetime | None:
        """When a JWT that has just been given out ends, by this clock; None for one that does not say.

        The issuer's clock may be `SKEW` off. Behind ours it makes a token seem to live longer than it does; ahead of
        ours it makes a young one seem dead. What both agree on is how long it lives.
        """
        ends = jwt_expiry(token)
        since = (jwt_claims(token) or {}).get("iat")
        if ends is None or isinstance(since, bool) or not isinstance(since, (int, float)):
            return ends
        now, ends_at = self.clock(), ends.timestamp()
        life = ends_at - since
        dead_already = ends_at <= now < ends_at + SKEW
        return self.moment(life) if life > 0 and (dead_already or ends_at > now + life) else ends


class Exchange(Asking, ABC):
    """One way of getting a token. A subclass is named by an entry point and made without arguments."""

    name: ClassVar[str]
    keeps: ClassVar[tuple[str, ...]] = ()
    """Names in `Token.extra` that take the place of the stored fields of the same name, e.g. a renewed refresh token.

    What is replaced so may have been good for one use only: an older version is never sent.
    """

    @abstractmethod
    def fetch(self, credential: CredentialKind) -> Token:
        """Ask for a token.

        Raises `TokenRefused` (`details["error"]` is the provider's code), `Unreachable` (no answer within `timeout`),
        `InvalidCredential` (the values do not suffice) or `MissingPackage`.
        """

    def request(self, credential: CredentialKind, kind_of_request: type[R]) -> R:
        """What the kind wants to ask, which must be of the class this exchange knows."""
        asked = cast(_Asks, credential).token_request()
        if not isinstance(asked, kind_of_request):
            raise TypeError(f"{type(credential).__name__}.token_request() is no {kind_of_request.__name__}")
        return asked


exchanges: Registry[type[Exchange]] = Registry("credmagic.exchanges")


def exchange_of(credential: CredentialKind) -> type[Exchange]:
    """How `credential` becomes a token. Raises `TokenRefused` (`no_exchange`) where its exchange is not installed."""
    try:
        return exchanges.get(credential.exchange or "")
    except NotFound:
        pass
    raise refused("no_exchange")


def fetch(exchange: Exchange, credential: CredentialKind) -> Token:
    """The exchange's token, or its error after its `timeout` at the latest, even if a library hangs.

    Raises as `Exchange.fetch`; what is raised quotes neither the provider nor the credential.
    """
    return within(lambda: exchange.fetch(credential), exchange.timeout, credential.secrets().values())


def within(ask: Callable[[], R], timeout: float, secrets: Iterable[Any]) -> R:
    """What `ask` answers within `timeout` seconds; of its errors only what holds none of `secrets` is told.

    Raises `TokenRefused`, `Unreachable` and what else of `CredmagicError` it raises.
    """
    answers: list[R | _Failed] = []

    def run() -> None:
        try:
            answers.append(ask())
        except CredmagicError as error:
            answers.append(_Failed(error))
        except BaseException:  # a library's own error may quote what it was given
            answers.append(_Failed(refused("exchange_failed")))

    worker = threading.Thread(target=run, name="credmagic-exchange", daemon=True)
    worker.start()
    worker.join(timeout)
    answer = answers[0] if answers else _Failed(no_answer(timeout))
    if not isinstance(answer, _Failed):
        return answer
    if isinstance(answer.error, TokenRefused):
        details = answer.error.details
        raise refused(tellable(str(details.get("error", "")), secrets), str(details.get("step", "")))
    raise answer.error.with_traceback(None)


@dataclass(frozen=True)
class _Failed:
    error: CredmagicError


def refused(code: str, step: str = "") -> TokenRefused:
    """The error for a token that was not given; `code` is the provider's, or ours where it gave none.

    `step` says which of several requests was refused.
    """
    return TokenRefused(
        f"no token was given: {words(code)}",
        next_step="Verify it: %cred verify NAME",
        details={"error": code, **({"step": step} if step else {})},
    )


def words(code: str, who: str = "the service") -> str:
    """What a code, which `who` sent, means to a person."""
    return WORDS.get(code, f"{who} said {code}")


def no_answer(seconds: float) -> Unreachable:
    """The error for a provider that keeps silent."""
    return Unreachable(
        f"the token service did not answer within {seconds:.3g} s",
        code="timeout",
        next_step="Check its address, VPN and firewall, and try again.",
    )


def unreachable(why: str) -> Unreachable:
    """The error for a provider that cannot be reached; `why` is in our words."""
    return Unreachable(
        f"the token service cannot be reached: {why}",
        next_step="Check its address, VPN and firewall, and try again.",
    )


def code_of(value: object, otherwise: str) -> str:
    """`value` if it looks like an error code, else ours: a provider may put anything there."""
    return value if isinstance(value, str) and _CODE.match(value) else otherwise


def tellable(code: str, secrets: Iterable[Any]) -> str:
    """The code, unless a hostile provider has put a piece of what it was sent into it."""
    shown = code.casefold()
    for secret in secrets:
        text = str(secret).casefold()
        words = [text, *re.findall(r"[\w.:-]+", text)]
        if any(len(word) >= _CLUE and word in shown for word in words) or (len(shown) >= _PART and shown in text):
            return "not_told"
    return code_of(code, "no_code")
