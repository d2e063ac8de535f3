"""How does somebody sign in for a credential, so that only the vault sees what comes back?

A login begins for one caller, lives in memory for ten minutes at most, and ends once: with what the browser brought to
the server's callback, with what a person pasted, or with the answer of a provider that was asked for a device. What
comes of it is stored before anybody is told that it is done.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from credmagic.errors import CredmagicError, InvalidCredential, TokenRefused, Unreachable, word
from credmagic.kinds.exchange import SignInRequest
from credmagic.tokens.base import within, words
from credmagic.tokens.device_code import INTERVAL, SLOWEST
from credmagic.tokens.sign_in import LIFE, Pending, SignIn, secrets_of, sign_ins
from credmagic.values import Token
from credmagic.vault.audit import Caller, Event
from credmagic.vault.login_targets import Target, target_of
from credmagic.vault.pending_logins import Login
from credmagic.vault.vault import Vault

_PASTED = 8192
"""Characters of what may be pasted."""


# ── the actions ──────────────────────────────────────────────────────────────────────────────────────────────
def begin(
    vault: Vault,
    caller: Caller,
    ref: str,
    environment: str | None = None,
    how: str = "",
    redirect_uri: str | None = None,
    idp: bool = False,
    page_address: str | None = None,
) -> dict[str, Any]:
    """Start to sign in: what to show the person. `how` is `code` or `device`; without it, what the credential offers.

    With `idp`, at the identity provider of the connection `ref`. `page_address` is the callback as the page that shows
    the login sees it, which is less than what was asked for or set (decision 0023).
    Raises `InvalidCredential` for what nobody signs in for, `TokenRefused` and `Unreachable` from a device's provider.
    """
    target = target_of(vault, caller, ref, environment, idp)
    way = _chosen(vault, target, how)
    redirect_uri = _comes_back_to(vault, target, way, redirect_uri, page_address)
    request, failure = target.request, None
    try:
        pending = within(lambda: way.begin(request, redirect_uri), way.timeout, secrets_of(request))
    except (TokenRefused, Unreachable) as error:
        failure = _told(target, error)
    if failure is not None:
        _record(vault, caller, target, "failed", failure)
        raise failure
    now, life = vault.logins.ticks(), min(pending.life, LIFE)
    login = Login(
        secrets.token_urlsafe(16), caller, target, ref, environment, way, pending, now + life, pending.interval, now
    )
    vault.logins.add(login)
    _record(vault, caller, target, "ok", None)
    until = datetime.now(UTC) + timedelta(seconds=life)
    shown = {**pending.shown, **({"interval": pending.interval} if pending.interval else {})}
    return {
        "login_id": login.id, "how": way.name, "name": target.name, **shown,
        "until": until.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }  # fmt: skip


def _comes_back_to(vault: Vault, target: Target, way: SignIn, asked: str | None, seen: str | None) -> str:
    """Where the provider sends the browser back to; "" where it does not matter. Raises `InvalidCredential`."""
    redirect_uri = asked or vault.logins.callback_url or seen or vault.logins.own_address or ""
    if way.comes_back and not _is_address(redirect_uri):
        raise InvalidCredential(
            "the provider must know where to send the browser back to",
            errors={"redirect_uri": "must be an http or https address without a fragment"},
            next_step=f"{target.command} --redirect-uri https://…/credmagic/api/oauth/callback",
        )
    return redirect_uri


def check(vault: Vault, caller: Caller, login_id: str) -> dict[str, Any]:
    """How a login stands: `state` is waiting, done or failed. A device's provider is asked when it is time to."""
    login = vault.logins.of(caller, login_id)
    if not login.way.comes_back and login.outcome is None and _is_time(vault, login):
        return _ended(vault, caller, login, {})
    return _standing(vault, caller, login)


def finish(vault: Vault, caller: Caller, login_id: str, answer: str) -> dict[str, Any]:
    """Hand over the address the browser was sent back to, or the code in it. Returns as `check`."""
    login = vault.logins.of(caller, login_id)
    if not login.way.comes_back:
        raise InvalidCredential("this login waits for nothing to be pasted", next_step="Answer on the other device.")
    return _ended(vault, caller, login, _read(answer, login.pending.state))


def cancel(vault: Vault, caller: Caller, login_id: str) -> dict[str, Any]:
    """Give a login up; what comes back later finds nothing."""
    login = vault.logins.of(caller, login_id)
    vault.logins.remove(login)
    return {"cancelled": login.target.name}


# ── how it ends ──────────────────────────────────────────────────────────────────────────────────────────────
def _ended(vault: Vault, caller: Caller, login: Login, answer: Mapping[str, str]) -> dict[str, Any]:
    """Try to end it with what came back. Only one tries at a time, and only until it has ended."""
    with login.lock:
        if login.outcome is None and vault.logins.ticks() < login.ends:
            login.outcome = _outcome(vault, caller, login, answer)
            if login.outcome is not None:
                login.pending = Pending({})  # its secrets are of no use any more
    return _standing(vault, caller, login)


def _outcome(vault: Vault, caller: Caller, login: Login, answer: Mapping[str, str]) -> dict[str, Any] | None:
    """What became of it; None while it is worth waiting on."""
    target = login.target
    failure: CredmagicError
    try:
        token = within(
            lambda: login.way.finish(target.request, login.pending, answer),
            login.way.timeout,
            secrets_of(target.request, login.pending, code=answer.get("code")),
        )
        if token is None:
            return None
        view = _kept(vault, caller, login, token)
    except Unreachable as error:
        if not login.way.comes_back:
            login.interval = min(2 * login.interval, max(login.interval, SLOWEST))  # RFC 8628 §3.5
            return None
        failure = error
    except TokenRefused as error:
        if error.details.get("error") == "slow_down":
            login.interval += INTERVAL
            return None
        failure = error
    except CredmagicError as error:
        failure = error
    else:
        _record(vault, caller, target, "ok", None, done=True)
        return {"state": "done", "message": f'signed in for "{target.name}"', "credential": view}
    failure = _told(target, failure)
    _record(vault, caller, target, "failed", failure)
    code = str(failure.details.get("error") or failure.code)
    return {"state": "failed", "error": code, "message": failure.message, "next_step": failure.next_step}


def _kept(vault: Vault, caller: Caller, login: Login, token: Token) -> dict[str, Any]:
    """Store what came. Raises `TokenRefused` when the application or the provider are others by now."""
    now = target_of(vault, caller, login.ref, login.environment, login.target.idp)
    if (now.credential_id, now.request) != (login.target.credential_id, login.target.request):
        raise TokenRefused("changed meanwhile", details={"error": "changed_meanwhile"})
    fields = _fields(login.target.request, token)
    lasting = bool(token.extra.get("refresh_token"))
    ends = token.expires_at.isoformat() if token.expires_at and not lasting else None
    return now.keep(vault, caller, fields, ends)


def _fields(request: SignInRequest, token: Token) -> dict[str, Any]:
    """The fields that are stored; what did not come is cleared, for it belonged to an earlier login."""
    parts = {"access_token": token.value, **token.extra}
    fields = {name: parts.get(part) for part, name in request.keeps.items()}
    if not any(fields.values()):
        raise TokenRefused("nothing lasting came", details={"error": "no_refresh_token"})
    return fields


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────
def _standing(vault: Vault, caller: Caller, login: Login) -> dict[str, Any]:
    if login.outcome is not None:
        return login.outcome
    left = login.ends - vault.logins.ticks()
    if left <= 0:
        failure = _told(login.target, TokenRefused("over", details={"error": "expired_token"}))
        return {"state": "failed", "error": "expired_token", "message": failure.message, "next_step": failure.next_step}
    asked = {"interval": login.interval} if login.interval else {}
    return {"state": "waiting", "message": f"waiting for a sign-in, {round(left)} s left", **asked}


def _told(target: Target, error: CredmagicError) -> CredmagicError:
    """The failure with the credential's name and the one command that helps."""
    again = f"Try again: {target.command}"
    if isinstance(error, Unreachable):
        message = f'the sign-in for "{target.name}" failed: {error.message}'
        return Unreachable(message, code=error.code, next_step=error.next_step, details=error.details)
    if isinstance(error, TokenRefused):
        code = str(error.details.get("error") or "no_code")
        step = f"Give it the right secret: %cred edit {word(target.name)}" if code == "invalid_client" else again
        message = f'the sign-in for "{target.name}" failed: {words(code)}'
        return TokenRefused(message, next_step=step, details={"error": code})
    return error


def _record(
    vault: Vault, caller: Caller, target: Target, outcome: str, failure: CredmagicError | None, *, done: bool = False
) -> None:
    action = "login.done" if done or failure else "login.begin"
    reason = str(failure.details.get("error") or failure.code) if failure else ""
    vault.record(Event(action, caller, outcome, target.credential_id, reason=reason))


# ── reading what was given ───────────────────────────────────────────────────────────────────────────────────
def _chosen(vault: Vault, target: Target, how: str) -> SignIn:
    """The way of signing in. Raises `InvalidCredential` for one the credential does not offer."""
    ways = {name: way for name, way in sign_ins.items() if way.possible(target.request)}
    if how and how not in ways:
        offers = " or ".join(ways) or "none"
        raise InvalidCredential(
            f'"{target.name}" offers no such way to sign in',
            errors={"how": f"offered: {offers}"},
            next_step=target.command,
        )
    chosen = ways[how] if how else max(ways.values(), key=lambda way: way.comes_back)  # a browser before a device
    return chosen(clock=vault.tokens.clock)


def _is_address(text: str | None) -> bool:
    try:
        parts = urlsplit(text or "")
    except ValueError:
        return False
    if not (text or "").isprintable() or " " in (text or ""):
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment


def _is_time(vault: Vault, login: Login) -> bool:
    """Whether the provider may be asked again; if so, it counts as asked."""
    with login.lock:
        now = vault.logins.ticks()
        due = now - login.asked_at >= login.interval
        login.asked_at = now if due else login.asked_at
        return due


def _read(pasted: str, state: str) -> dict[str, str]:
    """What the browser brought back: the query of a whole address, or a bare code for the login it is pasted to."""
    text = pasted.strip()[:_PASTED]
    if "=" not in text.rstrip("="):  # codes may end with it, as base64 does
        return {"code": text, "state": state}
    query = text.partition("?")[2].partition("#")[0] if "?" in text else text
    return dict(parse_qsl(query, keep_blank_values=True))


def came_back(vault: Vault, query: str) -> None:
    """The browser is at the server's callback with `query`: whoever began that login ends it.

    Says nothing: the person reads in the notebook what became of it.
    """
    from credmagic.vault.actions import dispatch  # which imports this module

    answer = dict(parse_qsl(query[:_PASTED], keep_blank_values=True))
    login = vault.logins.waiting_for(answer.get("state", ""))
    if login is not None and login.outcome is None:
        dispatch(vault, login.caller, "login_finish", {"login_id": login.id, "answer": f"?{query[:_PASTED]}"})
