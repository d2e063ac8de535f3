"""Under which origin does whoever asks know this server?

Behind a proxy that is another one than the server sees. `X-Forwarded-Proto` and `X-Forwarded-Host` tell it, but anybody
can send them: they count only where Jupyter itself believes such headers (`ServerApp.trust_xheaders`). Of several
entries the last one counts, which the proxy next to us has written.
"""

from __future__ import annotations

import re

from tornado.httputil import HTTPServerRequest

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")


def public_origin(request: HTTPServerRequest, *, trust_xheaders: bool) -> str:
    """`scheme://host[:port]` as the client wrote it (Tornado has read the scheme already, under the same condition)."""
    host = request.headers.get("X-Forwarded-Host", "").rpartition(",")[2].strip() if trust_xheaders else ""
    return f"{request.protocol}://{host if _HOST.match(host) else request.host}"
