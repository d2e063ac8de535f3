"""What is said to a table again and again, and in which words?

`get`, `insert`, `update`, `delete` by primary key are compiled once per database from the Core tables and then go
straight to the driver: SQLAlchemy's execution layer would cost more than the statement does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, select
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import SQLAlchemyError

from credmagic.store.rows import Row, columns
from credmagic.store.tables import TABLES


class Statements:
    """SQL text with named parameters: a column's name, or `where_` and the name for the primary key."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._texts: dict[tuple[str, type[Row]], str] = {}
        self.errors: tuple[type[Exception], ...] = (dialect.loaded_dbapi.Error, SQLAlchemyError)

    def text(self, verb: str, row_type: type[Row]) -> str:
        """The text of `verb` (get, insert, update, delete, last) for that table."""
        known = self._texts.get((verb, row_type))
        if known is None:
            written = [name for name in columns(row_type) if verb == "insert" or name not in row_type.key]
            known = str(_VERBS[verb](row_type).compile(dialect=self._dialect, column_keys=written))
            self._texts[verb, row_type] = known
        return known


def _at_key(row_type: type[Row]) -> ColumnElement[bool]:
    table = TABLES[row_type]
    return and_(*(table.c[name] == bindparam(f"where_{name}") for name in row_type.key))


def _last(row_type: type[Row]) -> Any:
    audit = TABLES[row_type].c
    return select(audit.seq, audit.mac).where(audit.seq == select(func.max(audit.seq)).scalar_subquery())


_VERBS: dict[str, Callable[[type[Row]], Any]] = {
    "get": lambda row_type: select(TABLES[row_type]).where(_at_key(row_type)),
    "insert": lambda row_type: TABLES[row_type].insert().inline(),
    "update": lambda row_type: TABLES[row_type].update().where(_at_key(row_type)),
    "delete": lambda row_type: TABLES[row_type].delete().where(_at_key(row_type)),
    "last": _last,
}
