"""The kind `database`: everything SQLAlchemy needs to connect."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_validator

from credmagic.kinds.adapters import MissingPackage, adapter
from credmagic.kinds.base import CredentialKind, env_text
from credmagic.kinds.certificates import certificate_file
from credmagic.kinds.dialects import DIALECTS, PG_CERT, SYNONYMS, Dialect
from credmagic.kinds.fields import field, secret
from credmagic.kinds.pem import certificate_end, pem_file, pem_warnings
from credmagic.values import SecretStr

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


class Database(CredentialKind):
    """A SQL database and the login for it."""

    kind: ClassVar[str] = "database"
    title: ClassVar[str] = "Database"
    aliases: ClassVar[tuple[str, ...]] = ("db", "sql")
    probe: ClassVar[str | None] = "sql"
    help: ClassVar[str] = "Address and login of a SQL database. Verify connects and asks for a sign of life."
    variables: ClassVar[tuple[str, ...]] = tuple(
        dict.fromkeys(["DATABASE_URL", *(name for row in DIALECTS.values() for name in row.env.values()), PG_CERT])
    )

    dialect: str = field("Dialect", "The kind of database.", type="choice", choices=tuple(DIALECTS), open_choice=True)
    host: str | None = field("Host", default=None, trim=True, placeholder="db.example.org")
    port: int | None = field(
        "Port", "Empty means the usual one.", default=None, type="int", bounds=(1, 65535), placeholder="5432"
    )
    database: str | None = field(
        "Database", "Its name; for sqlite and duckdb the path of the file.", default=None, aliases=("dbname",)
    )
    user: str | None = field("User", default=None, aliases=("username",), placeholder="analyst")
    password: SecretStr | None = secret("Password", default=None)
    driver: str | None = field(
        "Driver", "SQLAlchemy's name of a driver other than the usual one.", default=None, trim=True, more=True
    )
    sslmode: str | None = field(
        "TLS mode", default=None, type="choice", choices=_MODES, open_choice=True, more=True, placeholder="verify-full"
    )
    ssl_root_cert: str | None = field(
        "TLS root certificate", "PEM of the authority that signed the server's certificate; its end is read from it.",
        default=None, type="text", more=True,
    )  # fmt: skip
    options: dict[str, Any] | None = field(
        "Options", "Further parameters of the URL, as a JSON object.", default=None, type="json", more=True,
        placeholder='{"service_name": "…"}',
    )  # fmt: skip

    @field_validator("dialect", "driver")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return SYNONYMS.get(value.casefold(), value.casefold()) if value else value

    @property
    def row(self) -> Dialect:
        """What is known about the dialect; for an unknown one that it has this driver."""
        return DIALECTS.get(self.dialect) or Dialect(f"{self.dialect}+{self.driver}", self.driver, self.driver)

    @property
    def drivername(self) -> str:
        """Dialect and driver as SQLAlchemy writes them."""
        usual = self.row.drivername
        return f"{usual.partition('+')[0]}+{self.driver}" if self.driver else usual

    def check(self) -> Mapping[str, str]:
        """What the dialect needs and what it cannot have."""
        problems = {}
        for name in ("dialect", "driver"):
            if (word := getattr(self, name)) and not _WORD.match(word):
                problems[name] = "must be one word, e.g. postgresql; the parts of a URL go into the other fields"
        if "dialect" not in problems and self.dialect not in DIALECTS and not self.driver:
            problems["driver"] = f"is required for a dialect other than {', '.join(DIALECTS)}"
        if problems:
            return problems
        needed = "database" if self.row.is_file else "host"
        if not getattr(self, needed):
            problems[needed] = f"is required for {self.dialect}"
        if self.row.is_file:
            unused = ("host", "port", "user", "password", "sslmode", "ssl_root_cert")
            text = f"is not used by {self.dialect}, which is a file"
            problems |= {name: text for name in unused if getattr(self, name)}
        elif self.dialect in DIALECTS:
            tls = {"sslmode": self.row.sslmode, "ssl_root_cert": self.row.root_cert}
            text = f"is not known to {self.dialect}; its driver's own parameters go into options"
            problems |= {name: text for name, known in tls.items() if getattr(self, name) and not known}
        if not all(isinstance(value, (str, int, float)) for value in (self.options or {}).values()):
            problems["options"] = "must hold texts, numbers, true or false only"
        return problems

    # ------------------------------------------------------------------ handing over

    @classmethod
    def runtime(cls, fields: Mapping[str, Any]) -> dict[str, str]:
        """With the URL of it all."""
        url = cls.from_flat(fields)._url().render_as_string(hide_password=False)
        return {**super().runtime(fields), "database_url": url}

    def environ(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """`DATABASE_URL`, and the variables that the database's own clients read."""
        values = {"port": self.port or self.row.port}
        found: dict[str, str] = {"DATABASE_URL": SecretStr(self._url().render_as_string(hide_password=False))}
        for fieldname, env in self.row.env.items():
            value = values.get(fieldname, getattr(self, fieldname))
            if value is not None:
                found[env] = env_text(value)
        return found

    def files(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """The root certificate, where the database's own clients look for it in a file."""
        if self.ssl_root_cert and self.row.env.get("sslmode"):
            return {PG_CERT: pem_file(self.ssl_root_cert)}
        return {}

    @adapter
    def url(self) -> URL:
        """A `sqlalchemy.URL`; `str()` of it hides the password."""
        certificate = {}
        if self.ssl_root_cert and self.row.root_cert:
            certificate = {self.row.root_cert: certificate_file(self.ssl_root_cert)}
        return self._url().update_query_dict(certificate)

    @adapter
    def engine(self, **options: Any) -> Engine:
        """`sqlalchemy.create_engine` for this database; `options` go to it.

        Raises `MissingPackage` naming the package to install when the driver is not there.
        """
        import sqlalchemy  # an adapter's library is imported when the adapter is used

        self.require_driver()
        return sqlalchemy.create_engine(self.url(), **options)

    def require_driver(self) -> None:
        """Raise `MissingPackage` unless the driver is installed."""
        usual = self.drivername == self.row.drivername
        module, package = (self.row.module, self.row.package) if usual else (self.driver, self.driver)
        if module and package and importlib.util.find_spec(module) is None:
            raise MissingPackage(package, f"a {self.dialect} database")

    def _url(self) -> URL:
        from sqlalchemy import URL

        query = {key: env_text(value) for key, value in (self.options or {}).items()}
        if self.sslmode and self.row.sslmode:
            query[self.row.sslmode] = self.sslmode
        return URL.create(
            self.drivername,
            username=self.user,
            password=None if self.password is None else str.__str__(self.password),
            host=self.host,
            port=self.port or self.row.port,
            database=self.database,
            query=query,
        )

    def expiry(self) -> datetime | None:
        """The end of the certificate."""
        return certificate_end(self.ssl_root_cert)

    def warnings(self) -> list[str]:
        """With a word on a file whose place depends on where the program runs, and on the certificate."""
        found = super().warnings()
        path = self.database or ""
        if self.row.is_file and not path.startswith(("/", ":")) and path[1:3] not in (":\\", ":/"):
            found.append("database is a relative path: which file it is depends on the directory of the program")
        if self.ssl_root_cert:
            found += pem_warnings("ssl_root_cert", self.ssl_root_cert, "CERTIFICATE")
        return found
