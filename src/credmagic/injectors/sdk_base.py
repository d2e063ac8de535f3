"""How does one vendor's SDK ask for short-lived credentials, and how is it answered?

One subclass per vendor, found through the entry-point group `credmagic.sdks`; a kind names its own in `sdk`. It lives
as long as one hand-over and asks the vault anew at every question.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from credmagic.client.credential import Credential
from credmagic.errors import InvalidCredential, word
from credmagic.injectors.sdk_endpoint import Route
from credmagic.masking import mask
from credmagic.values import SecretStr

ASK_AGAIN = timedelta(minutes=30)
"""After which an SDK asks again where nobody knows when the keys end."""


class Sdk(ABC):
    """What one SDK is handed for one credential."""

    name: ClassVar[str]
    called: ClassVar[str]
    """Its libraries, as people call them."""
    hidden: ClassVar[tuple[str, ...]]
    """Variables that its libraries would look at first, or that would lead them to another identity."""

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self.bearer = self.random("sdk_bearer")

    def random(self, field: str) -> SecretStr:
        """256 random bits, shown as the mask of `field`."""
        return SecretStr(secrets.token_urlsafe(32), mask(self.credential.name, field))

    def random_values(self) -> dict[str, str]:
        """What the output filter has to know, by field."""
        return {"sdk_bearer": str.__str__(self.bearer)}

    def check(self, credential: Credential) -> None:
        """Raises `InvalidCredential` for one that does not end by itself."""
        if not credential.is_short_lived:
            name = word(credential.name)
            raise InvalidCredential(
                f"{credential.name} holds nothing that ends by itself, and only that is given to SDKs this way",
                next_step=f"Hand it over as it is: %cred use {name} --export",
            )

    @abstractmethod
    def routes(self, url: str) -> Sequence[Route]:
        """What is answered at `url`."""

    @abstractmethod
    def variables(self, url: str) -> dict[str, str]:
        """The variables that lead its libraries to `url`."""

    def files(self, url: str) -> dict[str, str]:
        """Variable → the content of a private file it must name."""
        return {}

    def now(self, scope: str | None = None) -> Credential:
        """The credential as it is at this moment. Raises what the vault refuses with."""
        credential = self.credential.anew(scope)
        self.check(credential)
        return credential


def token_of(credential: Credential) -> str:
    """The token itself, as plain text."""
    return str.__str__(credential.token)


def ends(credential: Credential) -> datetime:
    """When what it holds ends (UTC, whole seconds); where nobody knows, when to ask again."""
    if credential.expires_at is None:
        return (datetime.now(UTC) + ASK_AGAIN).replace(microsecond=0)
    return datetime.fromisoformat(credential.expires_at).astimezone(UTC).replace(microsecond=0)


def written(moment: datetime) -> str:
    """As all three vendors write it: `2026-01-31T12:00:00Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
