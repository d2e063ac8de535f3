"""How does somebody sign in for a credential? In a notebook by a widget, on a terminal by a link or a code.

The browser comes back to a port of this process (RFC 8252), or to the credmagic server that was asked; where neither
can be reached, its address is pasted. Nothing that comes back is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import click

from credmagic.cli import ages, options
from credmagic.cli.door import Door
from credmagic.cli.usage import UsageError, Verb
from credmagic.errors import TokenRefused, word

if TYPE_CHECKING:
    from credmagic.forms.loopback import Loopback

ASK_EVERY = 1.0
"""Seconds between two looks at how it stands; a device's provider says its own."""


@click.command("login", cls=Verb)
@options.name
@options.env
@click.option("--idp", is_flag=True, help="At the identity provider of the connection called NAME.")
@click.option("--device", is_flag=True, help="With a code on another device: for a machine without a browser.")
@click.option("--paste", is_flag=True, help="Paste the address that the browser ends at: where nothing else can work.")
@click.option("--redirect-uri", metavar="URL", help="Where the provider sends the browser back to, if not as shown.")
@options.door
def login(door: Door, /, ref: str, environment: str | None, device: bool, paste: bool, **more: Any) -> Any:
    """Sign in for a credential in a browser, or with a code; the vault keeps what comes back and renews it."""
    if device and paste:
        raise UsageError(f"{door.prog} login: a device brings nothing to paste", next_step="Leave one of them out.")
    from credmagic import forms

    how = "device" if device else "code" if paste else ""
    where = door.environment(environment)
    door.say_where()
    if not paste and not door.in_shell and forms.has_widgets():
        return forms.sign_in(door.client, ref, where, how=how, **more)
    more["idp"] = more["idp"] or None
    with _coming_back(door, paste, device, more) as loopback:
        begun = door.client.call("login_begin", ref=ref, environment=where, how=how, **more)
        try:
            ended = _pasted(door, begun) if paste else _waited(door, begun, loopback)
        except BaseException:
            door.client.call("login_cancel", login_id=begun["login_id"])
            raise
    if ended["state"] != "done":
        raise TokenRefused(ended["message"], next_step=ended["next_step"], details={"error": ended["error"]})
    return _done(door, begun["name"], ended["credential"])


@contextmanager
def _coming_back(door: Door, paste: bool, device: bool, more: dict[str, Any]) -> Iterator[Loopback | None]:
    """A port of this process, where the browser may come back to it and was not sent elsewhere."""
    from credmagic.forms.loopback import UNBOUND, Loopback  # http.server: only to sign in

    here = door.client.plane == "local" and not more["redirect_uri"] and not device
    if not here or paste:
        more["redirect_uri"] = UNBOUND if here else more["redirect_uri"]
        yield None
        return
    loopback = Loopback()
    more["redirect_uri"] = loopback.address
    try:
        yield loopback
    finally:
        loopback.close()


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────
def _pasted(door: Door, begun: dict[str, Any]) -> dict[str, Any]:
    """End it with what the person pastes, which is not shown: it holds a code."""
    _show(door, begun)
    door.note("The tab ends at an address that may show an error: copy the whole address.")
    answer = door.ask("Paste it here (nothing is shown)")
    return door.client.call("login_finish", login_id=begun["login_id"], answer=answer)


def _waited(door: Door, begun: dict[str, Any], loopback: Loopback | None) -> dict[str, Any]:
    """Until the browser is back, or the device's provider says so."""
    answers: SimpleQueue[str] = SimpleQueue()
    _show(door, begun)
    if "user_code" not in begun:
        door.note(f"The browser is on another machine? {door.prog} login {word(begun['name'])} --paste")
    if loopback is not None and "authorization_url" in begun:
        loopback.wait_for(begun["authorization_url"], answers.put, _left(begun))
    with _countdown() as show:
        while True:
            known = _once(door, begun, answers)
            if known["state"] != "waiting":
                return known
            show(f"Waiting; {ages.span(_left(begun))} left. Ctrl-C gives up.")


def _once(door: Door, begun: dict[str, Any], answers: SimpleQueue[str]) -> dict[str, Any]:
    """How it stands after the next pause, or as soon as the browser is back."""
    try:
        answer = answers.get(timeout=begun.get("interval") or ASK_EVERY)
    except Empty:
        known = door.client.call("login_check", login_id=begun["login_id"])
        begun["interval"] = known.get("interval", begun.get("interval"))
        return known
    return door.client.call("login_finish", login_id=begun["login_id"], answer=answer)


def _left(begun: dict[str, Any]) -> float:
    return max(0.0, (datetime.fromisoformat(begun["until"]) - datetime.now(UTC)).total_seconds())


@contextmanager
def _countdown() -> Iterator[Any]:
    """One line that is written over, on a terminal; once, elsewhere."""
    line = sys.stderr
    said = 0

    def show(text: str) -> None:
        nonlocal said
        if line.isatty():
            print(f"\r{text.ljust(said)}", end="", file=line, flush=True)
        elif not said:
            print(text, file=line, flush=True)
        said = max(said, len(text))

    try:
        yield show
    finally:
        if line.isatty() and said:
            print(f"\r{' ' * said}\r", end="", file=line, flush=True)


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────
def _show(door: Door, begun: dict[str, Any]) -> None:
    """What the person needs, on the screen before anything is waited for."""
    if "user_code" in begun:
        door.say(f"Open {begun['verification_uri']} on any device and enter this code:\n\n    {begun['user_code']}\n")
        if whole := begun.get("verification_uri_complete"):
            door.say(f"Or open this, with the code in it:\n\n    {whole}\n")
    else:
        door.say(f"Open this in a browser and sign in:\n\n    {begun['authorization_url']}\n")
        door.say(f"Redirect URI, to be registered at the provider: {begun['redirect_uri']}")
    sys.stdout.flush()


def _done(door: Door, name: str, view: dict[str, Any]) -> Any:
    ends = ages.left(view.get("expires_at"))
    lasts = f", good for {ages.span(ends)}" if ends else ""
    lasts = ", renews itself" if "refresh_token" in view.get("secrets", ()) else lasts
    return door.say(f"✓ signed in for {name}{lasts}. Use it: {door.prog} use {word(name)}")
