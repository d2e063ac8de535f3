"""What must hold for every token exchange that asks a service, whoever wrote it?

    class TestClientCredentials(ExchangeSuite):
        exchange, path = ClientCredentials, "/oauth/token"
        def good(self, provider, secret): ...      # a credential that is accepted; `secret` is its secret
        def wrong(self, provider, secret): ...     # one that is not; `secret` is the wrong one
        wrong_code = "invalid_client"

The service is `credmagic.testing.authorization_server` (fixture `provider` of the subclass, with what it needs).
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from credmagic.errors import CredmagicError, TokenRefused, Unreachable
from credmagic.kinds.base import CredentialKind
from credmagic.testing.authorization_server import AuthorizationServer
from credmagic.testing.faults import dripping, html_error, huge, oauth_error, redirect_to
from credmagic.tokens.base import Exchange, exchanges, fetch
from credmagic.values import SecretStr, Token


class ExchangeSuite:
    """Subclass it in a test module; see the module's docstring."""

    exchange: ClassVar[type[Exchange]]
    path: ClassVar[str]
    """Where it asks, below the provider's address."""
    wrong_code: ClassVar[str]

    @pytest.fixture
    def provider(self) -> Iterator[AuthorizationServer]:
        """The service; a subclass may arrange more."""
        with AuthorizationServer() as server:
            yield server

    def good(self, provider: AuthorizationServer, secret: str) -> CredentialKind:
        """A credential the provider accepts."""
        raise AssertionError("a subclass says which credential is good")

    def wrong(self, provider: AuthorizationServer, secret: str) -> CredentialKind:
        """A credential the provider refuses."""
        raise AssertionError("a subclass says which credential is wrong")

    def _refusal(self, credential: CredentialKind, secret: str, timeout: float = 10.0) -> CredmagicError:
        with pytest.raises(CredmagicError) as caught:
            fetch(self.exchange(timeout=timeout), credential)
        told = "".join(traceback.format_exception(caught.value, chain=True)) + repr(caught.value.to_json())
        assert secret not in told
        return caught.value

    def test_it_is_found_by_its_name(self) -> None:
        assert exchanges.get(self.exchange.name) is self.exchange

    def test_a_good_credential_gets_a_fresh_token(self, provider: AuthorizationServer, canary: str) -> None:
        token = fetch(self.exchange(), self.good(provider, canary))
        assert isinstance(token, Token)
        assert isinstance(token.value, SecretStr)
        assert provider.asked[self.path] == 1
        if token.expires_at is not None:
            assert time.time() < token.expires_at.timestamp() <= time.time() + 24 * 3600

    def test_a_wrong_one_is_refused_with_the_provider_s_code_only(
        self, provider: AuthorizationServer, canary: str, caplog: Any
    ) -> None:
        caplog.set_level(logging.DEBUG)
        error = self._refusal(self.wrong(provider, canary), canary)
        assert isinstance(error, TokenRefused)
        assert error.details["error"] == self.wrong_code
        ours = [record.getMessage() for record in caplog.records if record.name.startswith(("credmagic", "httpx2"))]
        assert canary not in "".join(ours)

    def test_an_html_page_is_no_answer(self, provider: AuthorizationServer, canary: str) -> None:
        credential = self.good(provider, canary)
        provider.faults[self.path] = html_error()
        broken = self._refusal(credential, canary)
        assert isinstance(broken, Unreachable)
        assert "502" in broken.message
        provider.faults[self.path] = html_error(404)
        assert self._refusal(credential, canary).details["error"] == "http_404"
        provider.faults[self.path] = html_error(200)
        assert self._refusal(credential, canary).details["error"] == "not_json"

    def test_a_redirect_is_not_followed(self, provider: AuthorizationServer, canary: str) -> None:
        credential = self.good(provider, canary)
        provider.faults[self.path] = redirect_to(f"{provider.url}/elsewhere")
        assert self._refusal(credential, canary).details["error"] == "redirect"
        assert provider.asked["/elsewhere"] == 0

    def test_a_huge_answer_is_not_read_to_its_end(self, provider: AuthorizationServer, canary: str) -> None:
        credential = self.good(provider, canary)
        provider.faults[self.path] = huge()
        assert self._refusal(credential, canary).details["error"] == "answer_too_large"

    def test_silence_ends_in_time(self, provider: AuthorizationServer, canary: str) -> None:
        credential = self.good(provider, canary)
        provider.faults[self.path] = lambda: time.sleep(2)
        started = time.monotonic()
        error = self._refusal(credential, canary, timeout=0.4)
        assert isinstance(error, Unreachable)
        assert error.code == "timeout"
        assert time.monotonic() - started < 1.5

    def test_an_answer_that_drips_ends_in_time_too(self, provider: AuthorizationServer, canary: str) -> None:
        credential = self.good(provider, canary)
        over = threading.Event()
        provider.faults[self.path] = dripping(0.05, over)
        try:
            assert self._refusal(credential, canary, timeout=0.4).code == "timeout"
        finally:
            over.set()

    def test_a_closed_door_is_said_to_be_one(self, canary: str) -> None:
        with AuthorizationServer() as gone:
            credential = self.good(gone, canary)
        error = self._refusal(credential, canary)
        assert isinstance(error, Unreachable)
        assert "nothing listens" in error.message or "no connection" in error.message

    def test_an_answer_that_repeats_the_secret_is_not_told(self, provider: AuthorizationServer, canary: str) -> None:
        secret = "Kanari-5b1d0f7c2a"
        credential = self.good(provider, secret)
        for echo in (secret, f"bad.{secret}", secret[:9]):
            provider.faults[self.path] = oauth_error(echo, secret)
            assert self._refusal(credential, secret).details["error"] == "not_told"

    def test_no_proxy_of_the_environment_is_used(
        self, provider: AuthorizationServer, canary: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)
        assert fetch(self.exchange(), self.good(provider, canary)).value
