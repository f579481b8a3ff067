"""The table of values of a state store in SQL, and what is done in it.

One table of JSON texts serves every kind of value. Nothing is ever looked for by what is inside a value: an account's
records are read whole and kept in memory, and written one by one. So columns of their own would gain no query, and
cost a migration for each field that a record grows; what joins two tables elsewhere is one transaction here.
The primary key begins with the kind, so that ``items`` and ``scopes`` are both a walk along its index.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, Float, MetaData, Table, Text, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

Row = tuple[str, str, str]
"""Kind, scope and key, as :func:`ec2proxy.state.text.row` makes them."""

records = Table(
    "ec2proxy_records",
    MetaData(),
    Column("kind", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated", Float, nullable=False, comment="epoch seconds, by the clock of who wrote it"),
)

_NAMES = (records.c.kind, records.c.scope, records.c.key)


def _inserts() -> Iterator[tuple[str, Any, Any]]:
    """For each dialect, what writes a value, and what does so unless there is one."""
    for name, insert in (("sqlite", sqlite.insert(records)), ("postgresql", postgresql.insert(records))):
        new = {column: insert.excluded[column] for column in ("value", "updated")}
        yield (
            name,
            insert.on_conflict_do_update(index_elements=_NAMES, set_=new),
            # Without that, SQLAlchemy asks no driver but SQLite's how many rows an INSERT wrote.
            insert.on_conflict_do_nothing(index_elements=_NAMES).execution_options(preserve_rowcount=True),
        )


_UPSERTS = {name: upsert for name, upsert, _ in _inserts()}
_INSERTS = {name: insert for name, _, insert in _inserts()}
_delete = delete(records).where(*(column == bindparam(f"of_{column.name}") for column in _NAMES))
_replace = (
    update(records)
    .where(*(column == bindparam(f"of_{column.name}") for column in _NAMES), records.c.value == bindparam("before"))
    .values(value=bindparam("after"), updated=bindparam("now"))
)
_select = select(records.c.value).where(*(column == bindparam(f"of_{column.name}") for column in _NAMES))


def _of(row: Row) -> dict[str, object]:
    return {f"of_{column.name}": name for column, name in zip(_NAMES, row, strict=True)}


def _whole(row: Row, value: str, now: float) -> dict[str, object]:
    kind, scope, key = row
    return {"kind": kind, "scope": scope, "key": key, "value": value, "updated": now}


def apply(connection: Connection, changes: Mapping[Row, str | None], now: float) -> None:
    """Write values, and delete those that are None."""
    # Always in the same order, or two machines could wait for each other's rows.
    ordered = sorted(changes.items(), key=itemgetter(0))
    for gone, group in groupby(ordered, lambda change: change[1] is None):
        if gone:
            connection.execute(_delete, [_of(row) for row, _ in group])
        else:
            connection.execute(
                _UPSERTS[connection.dialect.name], [_whole(row, value or "", now) for row, value in group]
            )


def put_new(connection: Connection, row: Row, value: str, now: float) -> str | None:
    """Write a value unless there is one: None when it was written, else the one that is there."""
    insert = _INSERTS[connection.dialect.name]
    while True:
        if connection.execute(insert, _whole(row, value, now)).rowcount == 1:
            return None
        # Another machine can have deleted it since.
        existing = get(connection, row)
        if existing is not None:
            return existing


def replace(connection: Connection, row: Row, before: str, after: str, now: float) -> bool:
    """Write a value if another one is there; tells whether it was."""
    values = {"after": after, "before": before, "now": now}
    return connection.execute(_replace, {**_of(row), **values}).rowcount == 1


def get(connection: Connection, row: Row) -> str | None:
    """The value there is, if any."""
    return connection.execute(_select, _of(row)).scalar()


def items(connection: Connection, kind: str, scope: str) -> dict[str, str]:
    """The values of a kind in a scope, by key."""
    found = select(records.c.key, records.c.value).where(records.c.kind == kind, records.c.scope == scope)
    return dict(connection.execute(found).tuples().all())


def scopes(connection: Connection, kind: str) -> list[str]:
    """The scopes that have values of a kind."""
    return list(connection.execute(select(records.c.scope).where(records.c.kind == kind).distinct()).scalars())
