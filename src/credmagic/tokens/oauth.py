"""What do all exchanges with an OAuth token endpoint have in common (RFC 6749)?

How the client says who it is, and how an answer becomes a `Token`.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from authlib.oauth2.auth import ClientAuth

from credmagic.kinds.exchange import OAuthRequest
from credmagic.tokens.base import Asking, refused
from credmagic.tokens.web import check_headers, post_form
from credmagic.values import SecretStr, Token

LIFE = 3600.0
"""Seconds a token is taken to live when neither the answer nor the token says."""

_TOLD = ("token_type", "scope", "refresh_token", "id_token", "issued_token_type")
"""What of an answer besides the token is kept in `Token.extra`."""


def ask(asking: Asking, request: OAuthRequest) -> Token:
    """Post the request and read the token. Raises `TokenRefused`, `Unreachable`."""
    form = {**request.form, "grant_type": request.grant_type}
    return read_token(asking, post(asking, request, request.token_url, form))


def post(asking: Asking, request: OAuthRequest, url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    """Post `form` to an endpoint at which the client proves itself as at the token endpoint.

    Raises `TokenRefused`, `Unreachable`.
    """
    check_headers(request.header)
    headers, form = _signed(request, form)
    return post_form(url, form, {**request.header, **headers}, request.query, asking.timeout).or_refuse()


def _signed(request: OAuthRequest, form: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and form with the client's id and secret where the endpoint wants them."""
    if not request.client_id:
        return {}, dict(form)
    how: Any = "none"
    if request.client_secret:
        how = "client_secret_post" if request.send_via == "body" else _basic
    client = ClientAuth(request.client_id, str(request.client_secret or ""), how)
    _, headers, body = client.prepare("POST", request.token_url, {}, "")
    return headers, {**form, **dict(parse_qsl(body or "", keep_blank_values=True))}


def _basic(client: Any, method: str, uri: str, headers: dict[str, str], body: str) -> tuple[str, dict[str, str], str]:
    """HTTP Basic as RFC 6749 §2.3.1 wants it: id and secret are encoded first, so any character may occur.

    A blank is `%20`, not `+`: those who decode forms and those who decode URLs both read it.
    """
    pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
    headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return uri, headers, body


def read_token(asking: Asking, answer: Mapping[str, Any]) -> Token:
    """The token of an answer. Raises `TokenRefused` when there is none that a header can carry."""
    value = answer.get("access_token")
    if not isinstance(value, str) or not value or not value.isprintable():
        raise refused("no_token")
    extra = {name: answer[name] for name in _TOLD if isinstance(answer.get(name), str) and answer[name]}
    seconds = _seconds(answer.get("expires_in"))
    if seconds is None and (ends := asking.end_of(value)):
        return Token(SecretStr(value), ends, extra)
    return Token(SecretStr(value), asking.moment(LIFE if seconds is None else seconds), extra)


def _seconds(value: object) -> float | None:
    """`expires_in`, which some providers send as text; None when it says nothing sensible."""
    try:
        seconds = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
    except ValueError:
        return None
    return seconds if seconds is not None and math.isfinite(seconds) and seconds >= 0 else None
