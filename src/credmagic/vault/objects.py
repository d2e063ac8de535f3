"""What can a credential be attached or granted to? Typed objects: notebook, kernelspec, server, data_connection…"""

from __future__ import annotations

import re
from collections.abc import Sequence

from credmagic.errors import InvalidCredential
from credmagic.vault.audit import Caller

_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_object(
    object_type: str, object_id: str | None, next_step: str = "%cred attach NAME TYPE ID"
) -> tuple[str, str]:
    """A type in snake_case and an id of 1 to 1024 characters. Raises `InvalidCredential`."""
    if not _TYPE.match(object_type):
        raise InvalidCredential(
            "not a type of object",
            errors={"object_type": "small letters and _, e.g. notebook, kernelspec"},
            next_step=next_step,
        )
    if not object_id or len(object_id) > 1024 or _CONTROL.search(object_id):
        raise InvalidCredential(
            "the object needs an id",
            errors={"object_id": "1 to 1024 characters without control characters"},
            next_step=next_step,
        )
    return object_type, object_id


def named_object(caller: Caller, object_type: str, object_id: str | None) -> tuple[str, str]:
    """The object meant; a notebook, kernelspec or server without an id is the caller's own, as its server knows it."""
    own = dict(caller.objects())
    if object_id is None and object_type in _EXAMPLE:
        object_id = own.get(object_type)
        if object_id is None:
            raise InvalidCredential(
                f"this session belongs to no {object_type} that a server knows",
                next_step=f"Name the object: %cred attach NAME {object_type} {_EXAMPLE[object_type]}",
                errors={"object_id": "missing"},
            )
    return check_object(object_type, object_id)


_EXAMPLE = {"notebook": "PATH", "kernelspec": "python3", "server": "DIRECTORY"}


def check_page(limit: int, offset: int, order: str, orders: Sequence[str]) -> None:
    """Raises `InvalidCredential` for a page that cannot be."""
    errors = {"limit": "1 or more"} if limit < 1 else {}
    errors |= {"offset": "0 or more"} if offset < 0 else {}
    errors |= {"order": f"one of {', '.join(orders)}"} if order and order not in orders else {}
    if errors:
        raise InvalidCredential("there is no such page", errors=errors)
