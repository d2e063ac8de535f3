"""Which authorization server do tests sign in at? The npm package `oidc-provider`, run for real on loopback.

    with OidcProvider() as provider:
        client = provider.clients["notebook"]          # client_id, client_secret, redirect_uris
        address = provider.sign_in(authorization_url)  # walks its pages; the redirect with the code
        provider.accepts(access_token)

PKCE (S256) is required; refresh tokens rotate, and one that is used twice takes the whole login away, unless it comes
back within `leeway` seconds. Clients: `notebook` (code, refresh, device, client credentials; a secret), `public`
(code, refresh, device; no secret), `machine` (client credentials with the scope `read`; the secret in the body).
Needs node, and the package's directory in `CREDMAGIC_TEST_OIDC_PROVIDER`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx2

from credmagic.testing.fixtures import require
from credmagic.testing.jupyter import free_port

_PATHS = ("/callback", "/credmagic/api/oauth/callback", "/user/jo/credmagic/api/oauth/callback")
CALLBACKS = [f"http://{host}{path}" for host in ("127.0.0.1", "localhost") for path in _PATHS]
"""Registered as loopback redirects: these paths at any port (RFC 8252)."""
_SCRIPT = Path(__file__).with_name("oidc_provider.js")
_GRANTS = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "client_credentials"]


def _clients(redirects: list[str]) -> dict[str, dict[str, Any]]:
    native = {"application_type": "native", "redirect_uris": [*CALLBACKS, *redirects], "response_types": ["code"]}
    machine = {"redirect_uris": [], "response_types": [], "grant_types": ["client_credentials"], "scope": "read"}
    return {
        "notebook": {**native, "client_secret": _secret(), "grant_types": _GRANTS},
        "public": {**native, "token_endpoint_auth_method": "none", "grant_types": _GRANTS[:3]},
        "machine": {**machine, "client_secret": _secret(), "token_endpoint_auth_method": "client_secret_post"},
    }


def _secret() -> str:
    return f"Kanari-client-{secrets.token_urlsafe(24)}"


class OidcProvider:
    """The server; a context manager. `clients` maps an id to what was registered (RFC 7591 names)."""

    def __init__(self, *redirect_uris: str) -> None:
        self.package = os.environ.get("CREDMAGIC_TEST_OIDC_PROVIDER", "")
        require("oidc-provider (CREDMAGIC_TEST_OIDC_PROVIDER, node)", self.package and shutil.which("node"))
        self.port = free_port()
        self.clients = _clients(list(redirect_uris))
        for client_id, client in self.clients.items():
            client["client_id"] = client_id
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["node", str(_SCRIPT), self.package],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"port": self.port, "clients": list(self.clients.values())}))
        self._process.stdin.close()
        if self._process.stdout.readline().strip() != "listening":
            self._end()
            raise RuntimeError("oidc-provider did not start; does `node` run, and is it version 8?")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    # ── addresses ────────────────────────────────────────────────────────────────────────────────────────
    @property
    def url(self) -> str:
        """The issuer."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def authorization_url(self) -> str:
        """Where people sign in."""
        return f"{self.url}/auth"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.url}/token"

    @property
    def device_authorization_url(self) -> str:
        """Where a device asks for a code."""
        return f"{self.url}/device/auth"

    @property
    def userinfo_url(self) -> str:
        """A resource that takes the access tokens of people (scope `openid`)."""
        return f"{self.url}/me"

    # ── arranging and looking ────────────────────────────────────────────────────────────────────────────
    def set(self, **settings: float) -> None:
        """`life` of access tokens given out from now on, `leeway` for used refresh tokens (seconds); `away` 0 or 1."""
        httpx2.post(f"{self.url}/-/settings", json=settings, trust_env=False).raise_for_status()

    def asked(self, path: str = "/token") -> int:
        """How many requests came to that path."""
        return int(httpx2.get(f"{self.url}/-/asked", trust_env=False).json().get(path, 0))

    def accepts(self, token: str) -> bool:
        """Whether the token, access or refresh, is good now, as this server sees it."""
        client = self.clients["notebook"]
        answer = httpx2.post(
            f"{self.url}/token/introspection",
            data={"token": str.__str__(token)}, auth=("notebook", client["client_secret"]), trust_env=False,
        )  # fmt: skip
        return bool(answer.json()["active"])

    def refreshes(self, refresh_token: str) -> str:
        """Send a refresh token of the client `notebook`, as a thief would: the error code, or "" for success."""
        form = {"grant_type": "refresh_token", "refresh_token": str.__str__(refresh_token)}
        auth = ("notebook", self.clients["notebook"]["client_secret"])
        return str(httpx2.post(self.token_url, data=form, auth=auth, trust_env=False).json().get("error", ""))

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────
    def sign_in(self, address: str, user: str = "ada", *, deny: bool = False) -> str:
        """Do what a person does from `address` on: sign in and consent, or give up with `deny`.

        Returns the address the provider sends the browser to in the end, or its last page's own for a device.
        """
        with httpx2.Client(trust_env=False, follow_redirects=False, timeout=20) as browser:
            answer = browser.get(address)
            for _ in range(20):
                here = str(answer.request.url)
                if answer.is_redirect:
                    target = urljoin(here, answer.headers["Location"])
                    if urlsplit(target).netloc != urlsplit(self.url).netloc:
                        return target
                    answer = browser.get(target)
                    continue
                page = _Page.of(answer.text)
                if page.action is None or "user_code" in page.empty:  # a device's pages end with the first one again
                    return here
                if deny and "/interaction/" in here:
                    answer = browser.get(f"{here}/abort")
                    continue
                answer = browser.post(urljoin(here, page.action), data=page.filled(user, deny))
        raise AssertionError("the provider's pages did not come to an end")

    def wait_for_second(self) -> None:
        """Until the provider's clock shows another second: its times are whole seconds."""
        time.sleep(1.05 - time.time() % 1)


class _Page(HTMLParser):
    """The first form of a page: where it goes, what is in it, what is left to fill in."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.empty: set[str] = set()

    @classmethod
    def of(cls, text: str) -> Self:
        """The page of that HTML."""
        page = cls()
        page.feed(text)
        return page

    def filled(self, user: str, deny: bool) -> dict[str, str]:
        """What is sent when `user` fills it in and goes on, or gives up."""
        typed = {"login": user, "password": "any"} if "login" in self.empty else {}
        return self.fields | typed | ({"abort": "yes"} if deny and "confirm" in self.fields else {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = found.get("action") or ""
        name = found.get("name")
        if tag != "input" or not name or self.action is None:
            return
        if found.get("type") == "hidden":
            self.fields[name] = found.get("value") or ""
        else:
            self.empty.add(name)
