"""How do broken and hostile services answer? For `AuthorizationServer.faults`: each is a function that answers once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from flask import Response


def html_error(status: int = 502) -> Callable[[], Response]:
    """A proxy's error page."""
    page = "<html><body><h1>Bad gateway</h1></body></html>"
    return lambda: Response(page, status=status, content_type="text/html")


def oauth_error(code: str, description: str = "") -> Callable[[], Response]:
    """A refusal in the words of RFC 6749."""
    body = json.dumps({"error": code, "error_description": description})
    return lambda: Response(body, status=400, content_type="application/json")


def redirect_to(url: str) -> Callable[[], Response]:
    """A redirect that keeps the method and body (307)."""
    return lambda: Response("", status=307, headers={"Location": url})


def huge(size: int = 8 << 20) -> Callable[[], Response]:
    """A valid answer that is far too large."""
    return lambda: Response('{"access_token": "' + "a" * size + '"}', content_type="application/json")


def dripping(seconds: float, until: threading.Event) -> Callable[[], Response]:
    """An answer of which a byte comes now and then, each in time."""

    def drip() -> Any:
        while not until.wait(seconds):
            yield b" "

    return lambda: Response(drip(), content_type="application/json")
