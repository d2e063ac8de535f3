"""Does a database accept the login, and does it answer?

Connects with the kind's own URL and asks for a sign of life. A database that is a file is opened read-only: verifying
must never create one. What a driver says may quote the login, so it is only classified, never repeated.
"""

from __future__ import annotations

import contextlib
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from credmagic.errors import CredmagicError, Unreachable, VerificationFailed
from credmagic.kinds.adapters import MissingPackage
from credmagic.kinds.base import CredentialKind
from credmagic.verify.base import Probe, Result, no_answer, unreachable

if TYPE_CHECKING:
    from sqlalchemy import URL

    from credmagic.kinds.database import Database

_CLASSES = tuple(
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        (r"password authentication failed|access denied|no password supplied|login failed|28P01|ORA-01017|1045",
         "user or password"),
        (r"database .*does not exist|unknown database|3D000|1049|ORA-12514", "there is no database of that name"),
        (r"role .*does not exist|28000", "there is no such user, or it may not log in"),
        (r"no pg_hba\.conf entry|is not allowed to connect|1130", "it does not let this machine or user in"),
        (r"too many (clients|connections)|53300|1040", "it has no connection free"),
        (r"not a database|file is encrypted", "the file is not a database"),
        (r"unable to open database", "the file cannot be opened"),
        (r"certificate|ssl|tls", "TLS: certificate or mode do not fit"),
    )
)  # fmt: skip
_SILENT = re.compile(r"timeout expired|timed out|time out|timeout", re.IGNORECASE)


class SqlProbe(Probe):
    """Connect, ask for a sign of life, close."""

    def check(self, credential: CredentialKind, *, timeout: float) -> Result:
        """One connection without a pool. Raises as `Probe.check`."""
        database = cast("Database", credential)
        database.require_driver()
        url = database.url()
        if database.row.is_file:
            url = _read_only(database, url)
        elif database.host and not database.host.startswith("/"):
            _knock(database.host, database.port or database.row.port, timeout)
        failure = _connect(url, database, timeout)
        if failure is not None:
            raise failure
        return Result("ok", "connected, and it answered")


def _connect(url: URL, database: Database, timeout: float) -> CredmagicError | None:
    """None if it answered, else the error to raise (outside the except blocks: drivers quote the login)."""
    import sqlalchemy  # only when a database is verified
    from sqlalchemy.pool import NullPool

    row = database.row
    arguments: dict[str, Any] = {row.timeout: max(2, int(timeout))} if row.timeout else {}
    try:
        engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=arguments)
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(row.sign_of_life)).scalar()
    except (sqlalchemy.exc.NoSuchModuleError, ImportError):
        return MissingPackage(row.package or database.driver or database.dialect, f"a {database.dialect} database")
    except Exception as error:
        return _classified(error, timeout)
    return None


def _classified(error: Exception, timeout: float) -> CredmagicError:
    original = getattr(error, "orig", None) or error
    text = f"{getattr(original, 'sqlstate', '') or ''} {original}"
    if _SILENT.search(text) or isinstance(original, TimeoutError):
        return no_answer(timeout)
    for pattern, reason in _CLASSES:
        if pattern.search(text):
            return _refused(reason)
    return _refused(f"its driver reports {type(original).__name__}")


def _refused(reason: str) -> VerificationFailed:
    return VerificationFailed(
        f"the database did not accept it: {reason}",
        next_step="Correct it and verify again; or save unverified (--no-verify).",
    )


def _knock(host: str, port: int | None, timeout: float) -> None:
    """Raise `Unreachable` unless something listens: drivers mix this up with a refused login."""
    if port is None:
        return
    failure: Unreachable | None = None
    try:
        with contextlib.closing(socket.create_connection((host, port), timeout)):
            pass
    except TimeoutError:
        failure = no_answer(timeout)
    except socket.gaierror:
        failure = unreachable("no such host")
    except ConnectionRefusedError:
        failure = unreachable("nothing listens at that host and port")
    except (OSError, UnicodeError):
        failure = unreachable("no connection to that host and port")
    if failure is not None:
        raise failure


def _read_only(database: Database, url: URL) -> URL:
    """The URL that opens an existing file without changing it. Raises `VerificationFailed` if there is none."""
    name = database.database or ""
    if name == ":memory:":
        return url
    path = Path(name).expanduser().absolute()
    if not path.is_file():
        raise _refused("there is no file at that path")
    url = url.set(database=path.as_uri() if database.row.as_uri else str(path))
    return url.update_query_dict(database.row.read_only)
