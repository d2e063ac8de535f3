"""Has nobody signed in yet for a credential that is of no use before? Told from what may be listed of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from credmagic.errors import InvalidCredential, NotFound
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.registry import find_kind
from credmagic.plugins import BrokenPlugin


def has_sign_in(kind: str) -> bool:
    """Whether people may sign in for credentials of that kind; False for one that is not installed."""
    try:
        return find_kind(kind).sign_in is not CredentialKind.sign_in
    except (NotFound, BrokenPlugin):
        return False


def awaits_sign_in(kind: str, version: int, public: Mapping[str, Any], secrets: Collection[str]) -> bool:
    """Whether somebody must sign in: `public` says where, and none of the `secrets` came from there.

    `public` are the public fields as `version` of the kind stored them, `secrets` the names of the secret fields that
    are set. False for what only a lender or a connection completes: its own fields do not say where.
    """
    try:
        cls = find_kind(kind)
        if cls.sign_in is CredentialKind.sign_in:
            return False
        # A rule between fields may ask for a secret that is set: any text stands in for it, only the places count.
        plain = {spec.name for spec in cls.specs() if spec.secret and spec.type == "str"}
        request = cls.parse_stored(version, public, dict.fromkeys(plain & set(secrets), "set")).sign_in()
    except (NotFound, BrokenPlugin, InvalidCredential):
        return False
    return request is not None and not set(request.keeps.values()) & set(secrets)
