"""How does a demo make room in a store that still has an earlier demo's credential?

Run as a program of its own, so that the demo itself never holds the store open. It removes `demo-api` only if
that is a demo's: the demo's user at a loopback address.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from credmagic.client.base import Client
from credmagic.demo.service import USER
from credmagic.errors import CredmagicError, NotFound
from credmagic.plugins import Registry

NAME = "demo-api"


def forget(client: Client) -> bool:
    """Delete the earlier demo's credential; False when there is none, or it is somebody's own."""
    try:
        fields = client.call("show", ref=NAME)["fields"]
    except NotFound:
        return False
    if fields.get("user") != USER or not str(fields.get("url", "")).startswith("http://127.0.0.1:"):
        return False
    client.call("delete", ref=NAME, force=True)
    return True


def main() -> int:
    """0, or 1 with the reason when the store does not open."""
    ways: Registry[Callable[[], Client]] = Registry("credmagic.clients")
    client = ways.get("local")()
    try:
        forget(client)
    except CredmagicError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return 1
    finally:
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
