"""Where does a provider send the browser back to, when somebody has signed in there?

The one address on the Jupyter port that asks for no identity and gives nothing: `state` alone says which login an
answer belongs to (256 bits, good once, ten minutes). No cookie is read. The page is the same whatever happened and
holds nothing of the request; the notebook that began the login says what became of it. The query is taken out of the
request before anything could log it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib

from tornado.log import app_log

from credmagic.errors import CredmagicError
from credmagic.server.answers import describe_unforeseen
from credmagic.server.face import Face, Op, Route
from credmagic.server.gate import store_exists
from credmagic.server.machine import MachineHandler, anyone

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-content: center; min-height: 90vh; margin: 0 1.5rem; }
main { max-width: 26rem; text-align: center; }
h1 { font-size: 1.35rem; font-weight: 600; margin: 0 0 .5rem; }
p { margin: 0; opacity: .8; }
"""
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Back to the notebook</title>
<style>{STYLE}</style>
</head>
<body><main><h1>You can close this tab</h1><p>Your notebook shows whether you are signed in.</p></main></body>
</html>
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_LONGEST = 8192
WAIT = 2.0
"""Seconds that the page waits for the login to end; a provider that takes longer is waited for beside it."""


class CallbackHandler(MachineHandler):
    """`api/oauth/callback`: whatever comes is handed to the login it belongs to, if there is one."""

    def initialize(self) -> None:
        super().initialize()
        self._query = self.request.query[:_LONGEST]
        # Tornado and Jupyter log addresses, queries and all; a code in a log could be used by who reads it first.
        self.request.uri, self.request.query = self.request.path, ""
        self.request.arguments = self.request.query_arguments = {}

    @anyone
    async def get(self) -> None:
        if self._query and store_exists():
            await asyncio.wait({asyncio.create_task(self._handed_over())}, timeout=WAIT)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", POLICY)
        self.finish(PAGE)

    async def _handed_over(self) -> None:
        """Never raises: nothing that goes wrong changes the page."""
        try:
            await self.credmagic.gate.run(self._came_back)
        except CredmagicError:
            pass  # who began the login is told when he asks
        except Exception as error:
            app_log.error("credmagic: a login could not end: %s", describe_unforeseen(error))

    def _came_back(self) -> None:
        from credmagic.vault.logins import came_back  # cryptography: not while the server starts

        came_back(self.credmagic.gate.vault(), self._query)


FACE = Face(
    name="callback",
    title="Where people come back to after signing in",
    prefix="api/oauth/",
    identity=(),
    routes=(
        Route(
            "callback",
            CallbackHandler,
            {"get": Op("A page that says to close the tab", {200: None}, public=True, page=True)},
        ),
    ),
)
