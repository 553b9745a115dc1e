"""The tables of the trace store. ``migrations/`` makes them; a test compares the two."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

APPLICATION_ID: Final = 0x7461696C  # "tail", in the header of the file: it is ours
REVISION: Final = "0001"
"""The newest migration: a file of this revision is opened without asking Alembic."""


class AsItIs(sa.types.UserDefinedType[Any]):
    """A column without affinity: text stays text, and 500 equals 500.0."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """SQLite converts nothing that goes into a BLOB column."""
        return "BLOB"


metadata: Final = sa.MetaData()

traces: Final = sa.Table(
    "traces",
    metadata,
    # The order of arrival, in which traces are removed; never given twice.
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("trace_id", AsItIs, nullable=False, unique=True),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("has_root", sa.Integer, nullable=False),
    sa.Column("start_ns", sa.Integer, nullable=False),
    sa.Column("duration_ns", sa.Integer, nullable=False),
    sa.Column("errors", sa.Integer, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("spans", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("stored_ns", sa.Integer, nullable=False),
    # Ids of its terms, 32 bits each, little-endian: what has to be removed with it.
    sa.Column("terms", AsItIs, nullable=False),
    sa.Column("encoding", sa.Integer, nullable=False),
    # Last, so that the other columns are read without it.
    sa.Column("body", AsItIs, nullable=False),
    sqlite_autoincrement=True,
)
# Holds all that a search by time and duration looks at.
by_start: Final = sa.Index("traces_by_start", traces.c.start_ns, traces.c.duration_ns)

terms: Final = sa.Table(
    "terms",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("scope", sa.Integer, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Integer, nullable=False),
    sa.Column("value", AsItIs, nullable=False),
    # Traces that have it: which clause of a search to begin with, and when to forget it.
    sa.Column("traces", sa.Integer, nullable=False),
    sa.UniqueConstraint("scope", "key", "kind", "value"),
)

# Within a term by start, so that the newest traces of a term are read off its end.
postings: Final = sa.Table(
    "postings",
    metadata,
    sa.Column("term", sa.Integer, primary_key=True),
    sa.Column("start_ns", sa.Integer, primary_key=True),
    sa.Column("trace", sa.Integer, primary_key=True),
    sqlite_with_rowid=False,
)

indexed: Final = sa.Table(
    "indexed",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    # Traces up to this one were stored before the attribute was indexed.
    sa.Column("after", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

keys: Final = sa.Table(
    "keys",
    metadata,
    sa.Column("scope", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sqlite_with_rowid=False,
)

# One row: sums, which a count over a million traces would be too slow for.
sums: Final = sa.Table(
    "sums",
    metadata,
    sa.Column("traces", sa.Integer, nullable=False),
    sa.Column("spans", sa.Integer, nullable=False),
)
