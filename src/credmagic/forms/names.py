"""What will a credential be called that is given no name?

The vault decides when it is saved; a form shows beforehand what that will be, if nobody is faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from credmagic.client.base import Client


def proposed(client: Client, kinds: Iterable[Mapping[str, Any]], environment: str) -> dict[str, str]:
    """For each kind the name it would get: `KIND-N`."""
    from credmagic.kinds.names import next_name

    known = [one for one in client.call("names")["names"] if one["environment"] == environment]
    taken = {str(one["name"]).casefold() for one in known}
    return {
        kind["kind"]: next_name(kind["kind"], sum(one["kind"] == kind["kind"] for one in known), taken.__contains__)
        for kind in kinds
    }
