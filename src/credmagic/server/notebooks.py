"""Which notebook is a kernel running for, and what is that notebook called?

The server's own sessions know, also right after a rename; what a kernel says about itself is never asked. A
notebook is named by its absolute path where the server keeps files, so that `Untitled.ipynb` of one server
is not the `Untitled.ipynb` of another; the REST faces speak of paths below the server's root, as Jupyter
does.
"""

from __future__ import annotations

import os
from typing import Any

from tornado.web import HTTPError


class Notebooks:
    """Translates between kernels, Jupyter's paths and the names associations are kept under."""

    def __init__(self, sessions: Any, contents: Any) -> None:
        self._sessions = sessions
        self._contents = contents

    async def of_kernel(self, kernel_id: str) -> str | None:
        """The name of the notebook that runs in this kernel now; None for consoles and bare kernels."""
        try:
            session = await self._sessions.get_session(kernel_id=kernel_id, type="notebook")
        except (HTTPError, KeyError):  # no such session (any more)
            return None
        return self.name_of(session["path"])

    def name_of(self, path: str) -> str:
        """The name under which the notebook at Jupyter's `path` is known."""
        root = self.root
        return os.path.normpath(os.path.join(root, *path.split("/"))) if root and path else path

    def path_of(self, name: str) -> str:
        """Jupyter's path of the notebook known as `name`; names outside the server's root stay."""
        root = self.root
        if root and name.startswith(root + os.sep):
            return name[len(root) + 1 :].replace(os.sep, "/")
        return name

    @property
    def root(self) -> str:
        """The directory whose notebooks this server serves; "" where it keeps them elsewhere."""
        root = getattr(self._contents, "root_dir", "") or ""
        return os.path.abspath(root) if root else ""
