"""What can be asked of one snapshot, and what can be changed in one transaction?

`Reader` and `Transaction` speak rows in and rows out over a SQLAlchemy connection; opening, committing and
the translation of driver errors are `sql.SqlStore`'s business.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Select, bindparam, func, select

from credmagic.errors import ChangedMeanwhile, CredmagicError, NotFound
from credmagic.store import refusals
from credmagic.store.rows import AuditRow, CredentialRow, Row, columns
from credmagic.store.statements import NO_LIMIT, Page, Statements, query
from credmagic.store.tables import TABLES

R = TypeVar("R", bound=Row)
Where = Mapping[str, Any]
Refuse = Callable[[BaseException], CredmagicError]
"""Makes our error of the driver's."""


class Change(NamedTuple):
    """One write, as reported to whoever keeps the integrity of the set: `old` is None for an insert, `new`
    for a delete.
    """

    table: str
    pk: tuple[Any, ...]
    old: Row | None
    new: Row | None


class Reader:
    """One consistent snapshot. Valid inside the `with` that gave it, in the process that opened it."""

    def __init__(self, connection: Connection, statements: Statements, refuse: Refuse) -> None:
        self._connection = connection
        self._driver: Any = connection.connection.dbapi_connection
        self._statements = statements
        self._refuse = refuse
        self._pid = os.getpid()

    def get(self, row_type: type[R], **pk: Any) -> R | None:
        """The row with that primary key (`get(CredentialRow, id=…)`), or None."""
        return self._one(row_type, {f"where_{name}": value for name, value in pk.items()})

    def find(
        self,
        row_type: type[R],
        where: Where | None = None,
        *,
        order: Sequence[str] = (),
        after: Sequence[Any] | None = None,
        limit: int | None = None,
        offset: int = 0,
        descending: bool = False,
    ) -> list[R]:
        """The rows that match, as a list.

        `where` maps a column to a value or to a list of values. `order` names the columns to sort by (all
        upwards, or all downwards with `descending`); `after` holds the values of these columns in the last
        row of the page before, so that a page costs the same wherever it is.
        """
        shape = Page(row_type, _tests(where), tuple(order), after is not None, descending)
        values = {f"where_{name}": value for name, value in (where or {}).items()}
        if after is not None:
            values |= {f"after_{name}": value for name, value in zip(order, after, strict=True)}
        values |= {"page_limit": NO_LIMIT if limit is None else limit, "page_offset": offset}
        if any(how == "in" for _, how in shape.tests):
            rows = self._execute(query(shape), values)
        else:
            rows = self._ask(self._statements.page(shape), values)
        return [row_type(*row) for row in rows]

    def count(self, row_type: type[Row], where: Where | None = None, by: str | None = None) -> Any:
        """How many rows match: an int, or with `by` a dict from that column's values to their counts."""
        table = TABLES[row_type]
        if by is None:
            return self._execute(_filtered(select(func.count()).select_from(table), row_type, where))[0][0]
        grouped = select(table.c[by], func.count()).group_by(table.c[by])
        return dict(self._execute(_filtered(grouped, row_type, where)))

    def last_used(self, credential_ids: Sequence[bytes]) -> dict[bytes, int]:
        """When each credential was last handed out (microseconds); those never used are absent."""
        found = self._execute(_LAST_USED, {"ids": list(credential_ids)})
        return {key: at for key, at in found if at is not None}

    def last_audit(self) -> tuple[int, bytes]:
        """(seq, mac) of the newest audit row; `(0, b"")` when there is none."""
        found = self._ask(self._statements.text("last", AuditRow), {})
        return (found[0][0], found[0][1]) if found else (0, b"")

    # What a driver raises becomes ours right at the call, not where the transaction ends: there the driver's
    # error, which may quote values, would stay in `__context__`.

    def _execute(self, query: Any, values: Mapping[str, Any] | None = None) -> list[Any]:
        self._same_process()
        try:
            return list(self._connection.execute(query, values))
        except self._statements.errors as error:
            failure = error
        raise self._refuse(failure)

    def _ask(self, said: str, values: Mapping[str, Any]) -> list[Any]:
        self._same_process()
        try:
            rows: list[Any] = self._driver.execute(said, values).fetchall()
            return rows
        except self._statements.errors as error:
            failure = error
        raise self._refuse(failure)

    def _one(self, row_type: type[R], values: Mapping[str, Any]) -> R | None:
        found = self._ask(self._statements.text("get", row_type), values)
        return row_type(*found[0]) if found else None

    def _same_process(self) -> None:
        if self._pid != os.getpid():
            raise refusals.forked()


class Transaction(Reader):
    """All writes go through here: what is written inside one `with` is kept as a whole or not at all.

    `changes` lists every write so far (SECURITY §3). A refused write ends the transaction: `failed` is then
    set and nothing of it will be kept, even if the caller carries on.
    """

    def __init__(self, connection: Connection, statements: Statements, refuse: Refuse) -> None:
        super().__init__(connection, statements, refuse)
        self.changes: list[Change] = []
        self.failed = False

    def insert(self, row: Row) -> None:
        """Add a row. Raises `NameTaken` for a credential's name, `Conflict` for any other double."""
        self._write("insert", row, {name: getattr(row, name) for name in columns(type(row))})
        self.changes.append(Change(row.table, row.pk, None, row))

    def update(self, row: Row, expected_revision: int | None = None) -> None:
        """Put `row` in the place of the row with its primary key.

        With `expected_revision` only if that is still the stored one, else `ChangedMeanwhile` (also when the
        row is gone). Raises `NotFound` when there is no such row, `NameTaken` and `Conflict` as `insert`.
        """
        old = self._stored(row)
        if expected_revision is not None and getattr(old, "revision", None) != expected_revision:
            raise ChangedMeanwhile(
                "somebody else changed it meanwhile; nothing was written",
                next_step="Look at it again (credmagic show NAME), then repeat the change.",
            )
        if old is None:
            raise _gone(row)
        values = {name: getattr(row, name) for name in columns(type(row)) if name not in row.key}
        self._write("update", row, values | _place(row))
        self.changes.append(Change(row.table, row.pk, old, row))

    def delete(self, row: Row) -> None:
        """Remove the row with `row`'s primary key. Raises `NotFound` when there is none."""
        old = self._stored(row)
        if old is None:
            raise _gone(row)
        self._write("delete", row, _place(row))
        self.changes.append(Change(row.table, row.pk, old, None))

    def _stored(self, row: Row) -> Row | None:
        return self._one(type(row), _place(row))

    def _write(self, verb: str, row: Row, values: Mapping[str, Any]) -> None:
        self._same_process()
        try:
            self._driver.execute(self._statements.text(verb, type(row)), values)
            return
        except self._statements.errors as error:
            failure = error
        self.failed = True
        raise refusals.name_taken() if refusals.is_name_taken(failure) else self._refuse(failure)


def _tests(where: Where | None) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, "in" if isinstance(value, list | tuple | set) else "null" if value is None else "is")
        for name, value in (where or {}).items()
    )


_AUDIT, _CREDENTIALS = TABLES[AuditRow].c, TABLES[CredentialRow].c
# One step down an index for each, however often it was used: `max(ts)` would read all its uses.
_LAST_USE = (
    select(_AUDIT.ts)
    .where(_AUDIT.object_id == _CREDENTIALS.id, _AUDIT.action == "use", _AUDIT.outcome == "ok")
    .order_by(_AUDIT.seq.desc())
    .limit(1)
    .scalar_subquery()
)
_LAST_USED = select(_CREDENTIALS.id, _LAST_USE).where(_CREDENTIALS.id.in_(bindparam("ids", expanding=True)))


def _filtered(query: Select[Any], row_type: type[Row], where: Where | None) -> Select[Any]:
    table = TABLES[row_type]
    for name, value in (where or {}).items():
        column = table.c[name]
        query = query.where(column.in_(value) if isinstance(value, list | tuple | set) else column == value)
    return query


def _place(row: Row) -> dict[str, Any]:
    return {f"where_{name}": getattr(row, name) for name in row.key}


def _gone(row: Row) -> NotFound:
    return NotFound(f"that row of {row.table} is not there any more", next_step="See what is: credmagic list")
