"""Changes of a scope by several processes, in SQL: refused where one rests on what is no longer so, told to the others.

The row with a scope's stamp is written first by every change and locked by every reading, so all that happens in one
scope happens one after the other, on however many machines. The names of what was changed lately are kept, so that
who knows an older state reads no more than has changed since; who is further behind reads everything.
"""

import json
from collections.abc import Mapping, Sequence

from attrs import frozen
from sqlalchemy import BigInteger, Column, Connection, Table, Text, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ec2proxy.state import records
from ec2proxy.state.records import Row
from ec2proxy.state.stamps import NONE, number_of

KEPT = 512
"""How many changes of a scope are kept, at least."""

_TRIMMED = 64
"""After so many changes the older ones are deleted."""

MOST_NAMES = 1000
"""How many names one change may list; after more than that everything is read."""

_AT_ONCE = 400
"""How many keys one statement asks for."""

stamps = Table(
    "ec2proxy_stamps",
    records.records.metadata,
    Column("scope", Text, primary_key=True),
    Column("stamp", Text, nullable=False),
)

changes = Table(
    "ec2proxy_changes",
    records.records.metadata,
    Column("scope", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("stamp", Text, nullable=False),
    Column("names", Text, nullable=False, comment="JSON: [[kind, key], ...]; empty for too many"),
)

_first = {
    name: dialect.insert(stamps).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
_next = (
    update(stamps)
    .where(stamps.c.scope == bindparam("of_scope"), stamps.c.stamp == bindparam("before"))
    .values(stamp=bindparam("after"))
)
_trim = delete(changes).where(changes.c.scope == bindparam("of_scope"), changes.c.number <= bindparam("last"))
# SQLite's dialect leaves the lock out: its transactions are one after the other anyway.
_head = select(stamps.c.stamp).where(stamps.c.scope == bindparam("of_scope")).with_for_update()


@frozen
class Found:
    """What was read of a scope.

    :param stamp: what it goes with.
    :param whole: whether it is everything there is, rather than what has changed.
    :param values: by kind and key, as texts; None for what is gone.
    """

    stamp: str
    whole: bool
    values: Mapping[tuple[str, str], str | None]


def change(
    connection: Connection, scope: str, before: str, after: str, values: Mapping[Row, str | None], now: float
) -> bool:
    """Write and delete values unless another change came after ``before``; tells whether that was so."""
    if before == NONE:
        moved = connection.execute(_first[connection.dialect.name], {"scope": scope, "stamp": after})
    else:
        moved = connection.execute(_next, {"of_scope": scope, "before": before, "after": after})
    if moved.rowcount != 1:
        return False
    records.apply(connection, values, now)
    names = json.dumps([[kind, key] for kind, _, key in values]) if len(values) <= MOST_NAMES else ""
    number = number_of(after)
    connection.execute(insert(changes), {"scope": scope, "number": number, "stamp": after, "names": names})
    if number % _TRIMMED == 0:
        connection.execute(_trim, {"of_scope": scope, "last": number - KEPT})
    return True


def read(connection: Connection, scope: str, since: str | None, kinds: Sequence[str]) -> Found:
    """Values of some kinds, as they are at one moment.

    :param since: the stamp of what is known already; None for nothing.
    """
    stamp = connection.execute(_head, {"of_scope": scope}).scalar() or NONE
    if stamp == since:
        return Found(stamp, False, {})
    names = None if since is None else _names_since(connection, scope, since)
    if names is None:
        where = records.records.c.scope == scope, records.records.c.kind.in_(kinds)
        columns = records.records.c.kind, records.records.c.key, records.records.c.value
        rows = connection.execute(select(*columns).where(*where)).tuples()
        return Found(stamp, True, {(kind, key): value for kind, key, value in rows})
    return Found(stamp, False, _values(connection, scope, {name for name in names if name[0] in kinds}))


def _names_since(connection: Connection, scope: str, since: str) -> set[tuple[str, str]] | None:
    """What was changed since a stamp; None where that is not known any more."""
    wanted = changes.c.scope == scope, changes.c.number >= number_of(since)
    query = select(changes.c.stamp, changes.c.names).where(*wanted).order_by(changes.c.number)
    rows = connection.execute(query).tuples().all()
    known = number_of(rows[0][0]) == 1 if rows and since == NONE else bool(rows) and rows[0][0] == since
    later = rows if since == NONE else rows[1:]
    if not known or not all(names for _, names in later):
        return None
    return {(kind, key) for _, names in later for kind, key in json.loads(names)}


def _values(connection: Connection, scope: str, names: set[tuple[str, str]]) -> Mapping[tuple[str, str], str | None]:
    found: dict[tuple[str, str], str | None] = dict.fromkeys(names)
    table = records.records.c
    for kind in sorted({kind for kind, _ in names}):
        keys = sorted(key for of, key in names if of == kind)
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            query = select(table.key, table.value).where(table.kind == kind, table.scope == scope, table.key.in_(some))
            found.update({(kind, key): value for key, value in connection.execute(query).tuples()})
    return found
