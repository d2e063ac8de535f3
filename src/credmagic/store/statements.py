"""What is said to a table again and again, and in which words?

Compiled once per database from the Core tables, then straight to the driver: building and executing them through
SQLAlchemy each time would cost more than the statements do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select, tuple_
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import SQLAlchemyError

from credmagic.store.rows import Row, columns
from credmagic.store.tables import INTEGER, TABLES

NO_LIMIT = 2**62


class Page(NamedTuple):
    """The shape of a `find`: what its text depends on, without the values.

    `tests` pairs a column with how it is tested: "is" (a value), "null" or "in" (a list).
    """

    row_type: type[Row]
    tests: tuple[tuple[str, str], ...] = ()
    order: tuple[str, ...] = ()
    after: bool = False
    descending: bool = False


class Statements:
    """SQL text with named parameters: a column's name, or `where_` and the name for the primary key."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._texts: dict[tuple[str, type[Row]], str] = {}
        self._pages: dict[Page, str] = {}
        self.errors: tuple[type[Exception], ...] = (dialect.loaded_dbapi.Error, SQLAlchemyError)

    def text(self, verb: str, row_type: type[Row]) -> str:
        """The text of `verb` (get, insert, update, delete, last) for that table."""
        known = self._texts.get((verb, row_type))
        if known is None:
            written = [name for name in columns(row_type) if verb == "insert" or name not in row_type.key]
            known = str(_VERBS[verb](row_type).compile(dialect=self._dialect, column_keys=written))
            self._texts[verb, row_type] = known
        return known

    def page(self, shape: Page) -> str:
        """The text that finds the rows of a page; its parameters are named as in `query`. No "in" tests."""
        known = self._pages.get(shape)
        if known is None:
            known = self._pages[shape] = str(query(shape).compile(dialect=self._dialect))
        return known


def query(shape: Page) -> Select[Any]:
    """The rows of a page. Parameters: `where_COLUMN`, `after_COLUMN`, `page_limit`, `page_offset`."""
    table = TABLES[shape.row_type]
    found = select(table)
    for name, how in shape.tests:
        column = table.c[name]
        if how == "null":
            found = found.where(column.is_(None))
        elif how == "in":
            found = found.where(column.in_(bindparam(f"where_{name}", expanding=True)))
        else:
            found = found.where(column == bindparam(f"where_{name}"))
    keys = [table.c[name] for name in shape.order]
    if shape.after:
        edge = tuple_(*keys)
        here = tuple_(*(bindparam(f"after_{key.name}", type_=key.type) for key in keys))
        found = found.where(edge < here if shape.descending else edge > here)
    found = found.order_by(*(key.desc() if shape.descending else key.asc() for key in keys))
    return found.limit(bindparam("page_limit", type_=INTEGER)).offset(bindparam("page_offset", type_=INTEGER))


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
