"""Signing in with a code on another device (RFC 8628): for machines without a browser of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from credmagic.errors import TokenRefused
from credmagic.kinds.exchange import SignInRequest
from credmagic.tokens.base import refused
from credmagic.tokens.oauth import post
from credmagic.tokens.sign_in import LIFE, Pending, SignIn
from credmagic.values import Token

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
INTERVAL = 5.0
"""Seconds between two questions when the provider does not say; `slow_down` adds as many."""
OFTENEST = 1.0
"""Seconds; a provider that wants more questions gets one at a time all the same."""
SLOWEST = 60.0
"""Seconds; a provider that does not answer is asked half as often each time, down to this."""
LONGEST_LIFE = 1800.0
_LONGEST_CODE = 64


class DeviceCode(SignIn):
    """The person types a short code at the provider's page; meanwhile the provider is asked now and then."""

    name: ClassVar[str] = "device"
    comes_back: ClassVar[bool] = False

    @staticmethod
    def possible(request: SignInRequest) -> bool:
        """With a device authorization URL."""
        return bool(request.device_authorization_url)

    def begin(self, request: SignInRequest, redirect_uri: str) -> Pending:
        """Ask for a code. Raises `TokenRefused`, `Unreachable`."""
        assert request.device_authorization_url is not None
        form = {"scope": " ".join(request.scope)} if request.scope else {}
        answer = post(self, request.token, request.device_authorization_url, {**request.query, **form})
        device_code, shown = answer.get("device_code"), _shown(answer)
        if not isinstance(device_code, str) or not device_code or not {"user_code", "verification_uri"} <= set(shown):
            raise refused("not_json")
        life = min(_seconds(answer.get("expires_in"), LIFE), LONGEST_LIFE)
        interval = min(max(_seconds(answer.get("interval"), INTERVAL), OFTENEST), SLOWEST)  # JSON here knows Infinity
        return Pending(shown, life, interval, kept={"device_code": device_code})

    def finish(self, request: SignInRequest, pending: Pending, answer: Mapping[str, str]) -> Token | None:
        """The token, once the person has agreed. On the error `slow_down`, ask `INTERVAL` seconds less often."""
        try:
            return self.exchanged(request, GRANT, {"device_code": pending.kept["device_code"]})
        except TokenRefused as error:
            if error.details.get("error") != "authorization_pending":
                raise
        return None


def _shown(answer: Mapping[str, Any]) -> dict[str, str]:
    """What the person is shown. `verification_url` is what some providers call it."""
    named = {"verification_uri": answer.get("verification_url"), **answer}
    fitting = {"user_code": _is_short, "verification_uri": _is_page, "verification_uri_complete": _is_page}
    return {name: named[name] for name, fits in fitting.items() if fits(named.get(name))}


def _is_short(value: object) -> bool:
    """Whether it can be read and typed, and moves no terminal's cursor."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_CODE and value.isprintable()


def _is_page(value: object) -> bool:
    """Whether a link may lead there: a provider could name a script."""
    if not isinstance(value, str) or not value.isprintable():
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _seconds(value: object, otherwise: float) -> float:
    """Seconds, which some providers send as text."""
    whole = int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value
    return float(whole) if isinstance(whole, (int, float)) and not isinstance(whole, bool) and whole > 0 else otherwise
