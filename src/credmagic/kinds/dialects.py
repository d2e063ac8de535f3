"""What is known about each SQL database: driver, port, variables, how to ask it for a sign of life?

A data table. A new dialect is a row; any other SQLAlchemy dialect works when `driver` is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dialect:
    """One row. `None` and empty mean "does not exist there"."""

    drivername: str
    """SQLAlchemy's name of the dialect and the usual driver, as at the head of its URLs."""
    module: str | None = None
    package: str | None = None
    """What to import, and what to install so that it imports."""
    port: int | None = None
    is_file: bool = False
    sslmode: str | None = None
    root_cert: str | None = None
    """Parameters of the URL for `sslmode` and the path of `ssl_root_cert`."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Field → variable that the database's own clients read."""
    sign_of_life: str = "SELECT 1"
    timeout: str | None = None
    """Connection argument for the time limit in seconds."""
    read_only: Mapping[str, str] = field(default_factory=dict)
    """Parameters of the URL that keep a file from being created or changed."""
    as_uri: bool = False
    """The file's name must be a `file:` URI for these parameters to count."""


_PG = {
    "host": "PGHOST",
    "port": "PGPORT",
    "database": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "sslmode": "PGSSLMODE",
}
_MYSQL = {"host": "MYSQL_HOST", "port": "MYSQL_TCP_PORT", "password": "MYSQL_PWD"}

PG_CERT = "PGSSLROOTCERT"

DIALECTS: Mapping[str, Dialect] = {
    "postgresql": Dialect(
        "postgresql+psycopg", "psycopg", "psycopg[binary]", 5432, sslmode="sslmode", root_cert="sslrootcert",
        env=_PG, timeout="connect_timeout",
    ),
    "redshift": Dialect(
        "redshift+redshift_connector", "sqlalchemy_redshift", "sqlalchemy-redshift", 5439, sslmode="sslmode",
        env=_PG, timeout="timeout",
    ),
    "mysql": Dialect(
        "mysql+pymysql", "pymysql", "pymysql", 3306, root_cert="ssl_ca", env=_MYSQL, timeout="connect_timeout"
    ),
    "mariadb": Dialect(
        "mariadb+pymysql", "pymysql", "pymysql", 3306, root_cert="ssl_ca", env=_MYSQL, timeout="connect_timeout"
    ),
    "mssql": Dialect("mssql+pyodbc", "pyodbc", "pyodbc", 1433, timeout="timeout"),
    "oracle": Dialect(
        "oracle+oracledb", "oracledb", "oracledb", 1521, timeout="tcp_connect_timeout",
        sign_of_life="SELECT 1 FROM dual",
    ),
    "trino": Dialect("trino", "trino", "trino[sqlalchemy]", 8080),
    "clickhouse": Dialect("clickhousedb+connect", "clickhouse_connect", "clickhouse-connect", 8123),
    "sqlite": Dialect(
        "sqlite", is_file=True, sign_of_life="SELECT count(*) FROM sqlite_master", timeout="timeout",
        read_only={"mode": "ro", "uri": "true"}, as_uri=True,
    ),
    "duckdb": Dialect(
        "duckdb", "duckdb_engine", "duckdb-engine", is_file=True, read_only={"access_mode": "read_only"}
    ),
}  # fmt: skip

SYNONYMS: Mapping[str, str] = {
    "postgres": "postgresql", "pg": "postgresql", "sqlserver": "mssql", "sqlite3": "sqlite",
}  # fmt: skip
