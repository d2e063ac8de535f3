"""What is said of a token that was not given: the credential, the step, the provider's code, and the one command."""

from __future__ import annotations

from credmagic.errors import CredmagicError, InvalidCredential, TokenRefused, Unreachable, word
from credmagic.kinds.registry import find_kind
from credmagic.tokens.base import words
from credmagic.tokens.token_exchange import PROVIDER, SERVICE
from credmagic.vault.lookup import not_signed_in, sign_in_first
from credmagic.vault.records import Stored

SIGN_IN = "sign-in"
"""The step in which the token of the one who asks is renewed, before it is sent anywhere."""

_FROM = {PROVIDER: " from the identity provider", SERVICE: " from the service", SIGN_IN: " for its sign-in"}
_WRONG_SECRET = frozenset({"invalid_client", "unauthorized_client", "INVALID_CREDENTIALS", "http_401", "bad_key"})
_WRONG_SUBJECT = frozenset({"invalid_grant", "invalid_token", "interaction_required", "login_required"})
_COMPLETE = frozenset({"no_subject", "no_provider"})
"""Codes of refusals that say everything themselves."""


def named(error: CredmagicError, stored: Stored, *, signs_in: bool, leans: bool) -> CredmagicError:
    """The failure with the credential's name, the step, the cause and the one command that helps.

    `signs_in`: what it is made of comes from signing in for it. `leans`: the application that asks is the team's.
    """
    code, name = str(error.details.get("error") or "no_code"), word(stored.name)
    step = str(error.details.get("step", ""))
    if isinstance(error, Unreachable):
        message = f'"{stored.name}" got no token{_at(step, stored)}: {error.message}'
        command = f"Check its address, VPN and firewall, then: %cred verify {name}"
        return Unreachable(message, code=error.code, next_step=command, details=error.details)
    if isinstance(error, InvalidCredential) and signs_in:  # what a token is made of, only a sign-in brings
        return not_signed_in(stored.name, stored.row.environment)
    if isinstance(error, InvalidCredential) and "NAME" in error.next_step:  # the kind does not know what it is called
        step = error.next_step.replace("NAME", name)
        return InvalidCredential(f'"{stored.name}": {error.message}', next_step=step, errors=error.errors)
    if not isinstance(error, TokenRefused) or code in _COMPLETE:
        return error
    if code == "earlier_version":
        return TokenRefused(
            f'an earlier version of "{stored.name}" gets no token: its secret was good for one use',
            next_step=f"Use it as it is now: %cred use {name}",
            details={"error": code},
        )
    message = f'"{stored.name}" got no token{_at(step, stored)}: {words(code, *(("it",) if step else ()))}'
    command = _at_step(code, step, stored) or _command(code, name, stored, signs_in, leans)
    return TokenRefused(message, next_step=command, details={"error": code, **({"step": step} if step else {})})


def _at(step: str, stored: Stored) -> str:
    """The step that failed: of several the one that says so, else the one way in which its kind gets tokens."""
    way = find_kind(stored.row.kind).exchange or ""
    return _FROM.get(step) or f" by {way.replace('_', ' ')}"


def _at_step(code: str, step: str, stored: Stored) -> str:
    """The one command that helps where it is about who signed in, and where; else nothing."""
    if step == SIGN_IN or (step and code in _WRONG_SUBJECT):
        return sign_in_first(stored.name, stored.row.environment).next_step
    if step == PROVIDER:
        where = f"--app-id {word(stored.name)} --env {word(stored.row.environment)}"
        return f"Correct what it is asked with: %cred connection set-identity-provider {where}"
    return ""


def _command(code: str, name: str, stored: Stored, signs_in: bool, leans: bool) -> str:
    """The one command that helps after any other refusal."""
    secrets = stored.meta.get("secrets") or ["FIELD"]
    if code in _WRONG_SECRET and leans:
        where = f"--app-id {name} --env {word(stored.row.environment)}"
        return f"Give it the right secret: %cred connection set-credentials {where} --part app --client-secret prompt"
    if code in _WRONG_SECRET:
        return f"Give it the right secret: %cred rotate {name} --secret {secrets[0]}=prompt"
    if code == "invalid_grant" and signs_in:
        return f"Sign in again: %cred login {name}"
    if code == "invalid_grant":
        kept = next((field for field in secrets if field == "refresh_token"), secrets[-1])
        return f"Sign in again, then: %cred rotate {name} --secret {kept}=prompt"
    if code == "no_exchange":
        return f"Install the package that fetches them, or take the service's address out: %cred edit {name}"
    if code == "plain_http":
        return f"Give it an https address: %cred edit {name}"
    return f"Try it out: %cred verify {name}"
