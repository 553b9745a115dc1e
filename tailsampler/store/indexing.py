"""What the file says about indexed attributes, against what the settings say."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tailsampler.store.schema import indexed


def agree_on_indexed(connection: Connection, wanted: frozenset[str]) -> None:
    """Note from which trace on an attribute is indexed.

    One that is new to a store with traces finds all of them only once those from before are gone;
    until then, searches by it read traces instead.
    """
    there = set(connection.execute(sa.select(indexed.c.key)).scalars())
    gone, new = there - wanted, wanted - there
    if gone:
        connection.execute(sa.delete(indexed).where(indexed.c.key.in_(sorted(gone))))
    if new:
        last = last_id(connection)
        connection.execute(sa.insert(indexed), [{"key": key, "after": last} for key in sorted(new)])


def last_id(connection: Connection) -> int:
    """The id of the newest trace there ever was: an id is not given twice."""
    found: int | None = connection.exec_driver_sql(
        "SELECT seq FROM sqlite_sequence WHERE name = 'traces'"
    ).scalar()
    return found or 0
