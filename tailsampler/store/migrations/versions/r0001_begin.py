"""The first schema.

It is written out rather than taken from ``schema.py``, which shows the newest one.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE traces (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        trace_id BLOB NOT NULL UNIQUE,
        service TEXT NOT NULL,
        name TEXT NOT NULL,
        has_root INTEGER NOT NULL,
        start_ns INTEGER NOT NULL,
        duration_ns INTEGER NOT NULL,
        errors INTEGER NOT NULL,
        policy TEXT NOT NULL,
        reason TEXT NOT NULL,
        spans INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        stored_ns INTEGER NOT NULL,
        terms BLOB NOT NULL,
        encoding INTEGER NOT NULL,
        body BLOB NOT NULL
    )
    """,
    "CREATE INDEX traces_by_start ON traces (start_ns, duration_ns)",
    """
    CREATE TABLE terms (
        id INTEGER NOT NULL PRIMARY KEY,
        scope INTEGER NOT NULL,
        key TEXT NOT NULL,
        kind INTEGER NOT NULL,
        value BLOB NOT NULL,
        traces INTEGER NOT NULL,
        UNIQUE (scope, key, kind, value)
    )
    """,
    """
    CREATE TABLE postings (
        term INTEGER NOT NULL,
        start_ns INTEGER NOT NULL,
        trace INTEGER NOT NULL,
        PRIMARY KEY (term, start_ns, trace)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE indexed (key TEXT NOT NULL PRIMARY KEY, after INTEGER NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE keys (
        scope INTEGER NOT NULL,
        key TEXT NOT NULL,
        PRIMARY KEY (scope, key)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE sums (traces INTEGER NOT NULL, spans INTEGER NOT NULL)",
    "INSERT INTO sums VALUES (0, 0)",
)


def upgrade() -> None:
    """Make the tables in a file that has none."""
    for statement in TABLES:
        op.execute(statement)
    op.execute(f"PRAGMA application_id = {0x7461696C}")
