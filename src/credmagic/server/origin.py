"""Under which origin does whoever asks know this server? And a browser that nobody asked?

Behind a proxy that is another one than the server sees. `X-Forwarded-Proto` and `X-Forwarded-Host` tell it, but anybody
can send them: they count only where Jupyter itself believes such headers (`ServerApp.trust_xheaders`). Of several
entries the last one counts, which the proxy next to us has written.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.utils import url_path_join
from tornado.httputil import HTTPServerRequest

CALLBACK = "credmagic/api/oauth/callback"
"""Below the base URL; see `faces.callback`."""

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")


def public_origin(request: HTTPServerRequest, *, trust_xheaders: bool) -> str:
    """`scheme://host[:port]` as the client wrote it (Tornado has read the scheme already, under the same condition)."""
    host = request.headers.get("X-Forwarded-Host", "").rpartition(",")[2].strip() if trust_xheaders else ""
    return f"{request.protocol}://{host if _HOST.match(host) else request.host}"


def callback_address(serverapp: Any) -> str | None:
    """Where a browser comes back to when nobody says where it knows this server; None when it cannot be told.

    What the Hub says (JupyterHub 5: `c.JupyterHub.public_url`), what Jupyter shows to people (`custom_display_url`),
    and its own address, which a browser knows only where no Hub's proxy stands before it and no socket is served.
    """
    told = [os.environ.get("JUPYTERHUB_PUBLIC_URL", ""), serverapp.custom_display_url]
    if "JUPYTERHUB_SERVICE_PREFIX" not in os.environ:
        told.append(serverapp.connection_url)
    origin = next(filter(None, map(_origin_of, told)), None)
    return origin and origin + url_path_join(serverapp.base_url, CALLBACK)


def _origin_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else None
