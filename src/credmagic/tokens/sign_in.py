"""How does a person sign in, so that the vault gets tokens and nobody else does?

A way of signing in (entry-point group `credmagic.sign_ins`) begins by saying what to show the person, and ends with a
`Token`: from what the provider sent the browser back with (`finish`), or by asking the provider whether it is done yet
(`check`). What lies between stays in the vault's memory: it proves that the answer belongs to the question.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from credmagic.kinds.exchange import SignInRequest
from credmagic.plugins import Registry
from credmagic.tokens import oauth
from credmagic.tokens.base import Asking
from credmagic.values import Token

LIFE = 600.0
"""Seconds a person has; a provider may give less."""


@dataclass(frozen=True)
class Pending:
    """A login that has begun."""

    shown: Mapping[str, str]
    """What the person needs: `authorization_url` and `redirect_uri`, or `user_code` and `verification_uri`."""
    life: float = LIFE
    """Seconds until it is over."""
    interval: float = 0.0
    """Seconds between two questions to the provider; 0 where the browser brings the answer."""
    state: str = field(default="", repr=False)
    """What the browser must bring back; empty where no browser comes back."""
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The secrets of this login."""


class SignIn(Asking, ABC):
    """One way of signing in. A subclass is named by an entry point and made without arguments."""

    name: ClassVar[str]
    comes_back: ClassVar[bool]
    """True when the provider sends the browser back to a redirect URI."""

    @staticmethod
    @abstractmethod
    def possible(request: SignInRequest) -> bool:
        """Whether the request says what this way needs."""

    @abstractmethod
    def begin(self, request: SignInRequest, redirect_uri: str) -> Pending:
        """Start. Raises `TokenRefused`, `Unreachable` where the provider is asked already."""

    @abstractmethod
    def finish(self, request: SignInRequest, pending: Pending, answer: Mapping[str, str]) -> Token | None:
        """The token; None while the person has not answered yet.

        `answer` is what the browser brought back (`code`, `state`, `error`, `iss`), empty where it brings nothing.
        Raises `TokenRefused` when nothing will come of it (but `slow_down`: ask again, less often), and `Unreachable`.
        """

    def exchanged(self, request: SignInRequest, grant_type: str, form: Mapping[str, str]) -> Token:
        """The token that the token endpoint gives for `form`."""
        asked = replace(request.token, grant_type=grant_type, form={**request.token.form, **form})
        return oauth.ask(self, asked)


sign_ins: Registry[type[SignIn]] = Registry("credmagic.sign_ins")


def secrets_of(request: SignInRequest, pending: Pending | None = None, **more: Any) -> list[str]:
    """What a provider was sent and must not be quoted repeating."""
    asked = request.token
    found = [asked.client_secret, *asked.form.values(), *asked.header.values(), *asked.query.values()]
    kept = {name: value for name, value in (pending.kept if pending else {}).items() if name != "redirect_uri"}
    found += [*kept.values(), *more.values()]
    return [str.__str__(value) for value in found if value]
