"""Which other credmagic servers are known here by a nickname, and how is one asked?

A remote is a credential like any other: an access key of the other server, tagged `credmagic-remote`. Its key never
leaves the vault that keeps it; what comes out is a token of that server, renewed before it ends. `connect` gives the
client that sends it along; what it raises says which server refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from credmagic.errors import CredentialNotFound, CredmagicError, word

if TYPE_CHECKING:
    from credmagic.client.base import Client
    from credmagic.client.credential import Credential

TAG = "credmagic-remote"
"""What marks an access key as a remote."""
KEYS = "access_key"
"""What the kind of a remote is also called: a key id and a secret, for which `POST …/token` gives out tokens."""

HandOver = Callable[[Mapping[str, Any]], "Credential"]

_PAGE = 500
_connected: dict[str, tuple[Client, Elsewhere]] = {}
"""By nickname: through whose vault, and the client."""


class _Token:
    """The other server's tokens: the vault here fetches them, the first time, near their end, and after a refusal."""

    def __init__(self, here: Client, key: Credential) -> None:
        self._here = here
        self._key = key

    def __call__(self) -> str:
        return str.__str__(self._key.token)

    def forget(self, token: str) -> None:
        """That server refuses `token`. Raises `VerificationFailed` when it refuses the key too."""
        self._here.call("verify", ref=self._key.id)
        self._key.refresh()


class Elsewhere:
    """The vault of another server (`client.base.Client`); its refusals name it, and their commands lead there."""

    plane = "machine"

    def __init__(self, nick: str, url: str, client: Client) -> None:
        self.nick = nick
        self.url = url
        self._client = client

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Run one action there."""
        return self._told(lambda: self._client.call(action, **params))

    def resolve(
        self,
        ref: str | None,
        *,
        environment: str | None = None,
        version: int | None = None,
        kind: str | None = None,
        scope: str | None = None,
    ) -> dict[str, Any]:
        """The values of one credential there."""
        return self._told(
            lambda: self._client.resolve(ref, environment=environment, version=version, kind=kind, scope=scope),
        )

    def begin_entry(self, kind: str, ref: str | None = None, environment: str | None = None) -> dict[str, Any]:
        """A single-use key of that server, to which a form may seal its fields."""
        return self._told(lambda: self._client.begin_entry(kind, ref, environment))

    def submit_entry(self, entry_id: str, purpose: str, sealed: str) -> dict[str, Any]:
        """Hand over what the browser sealed."""
        return self._told(lambda: self._client.submit_entry(entry_id, purpose, sealed))

    def close(self) -> None:
        """Drop its connections."""
        self._client.close()

    def _told(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return ask()
        except CredmagicError as error:
            error.message = f"{error.message} (on {self.nick})"
            error.next_step = error.next_step.replace("%cred ", f"%cred --remote {word(self.nick)} ")
            raise


def known(here: Client) -> list[dict[str, Any]]:
    """Views of every remote, by name; two of one name are kept apart by their owner, mine first."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = here.call("list", kind=KEYS, limit=_PAGE, after=after)
        found += [view for view in page["credentials"] if TAG in (view.get("tags") or ())]
        after = page["next"]
        if after is None:
            return sorted(found, key=lambda view: (view["name"], view["owner"] != "me"))


def find(here: Client, nick: str) -> dict[str, Any]:
    """The view of one remote. Raises `CredentialNotFound` with the closest nicknames."""
    remotes = known(here)
    for view in remotes:
        if view["name"].casefold() == nick.casefold():
            return view
    names = [view["name"] for view in remotes]
    close = get_close_matches(nick, names, n=3, cutoff=0.5) or names[:3]
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    raise CredentialNotFound(
        f'no remote "{nick}" is known here',
        next_step=f"{hint}Add it: %cred remote add {word(nick)} --url URL --key KEY_ID --secret prompt",
        details={"closest": close},
    )


def connect(here: Client, nick: str, hand_over: HandOver) -> Elsewhere:
    """The way to the server called `nick`, whose key `here` keeps; made once and kept. Raises `CredentialNotFound`."""
    kept = _connected.get(nick)
    if kept is not None and kept[0] is here:
        return kept[1]
    from credmagic.client.remote import RemoteClient  # ssl: only for who asks another server

    view = find(here, nick)
    key = hand_over(here.resolve(view["id"], environment=view["environment"]))
    url = str(key["server_url"])
    made = Elsewhere(view["name"], url, RemoteClient(url, _Token(here, key)))
    _connected[nick] = (here, made)
    return made


def forget() -> None:
    """Drop every connection: a remote was added, changed or removed."""
    while _connected:
        _connected.popitem()[1][1].close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_connected.clear)
