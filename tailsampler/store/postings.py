"""Which traces stand in which terms: the changes of one transaction, in few statements."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

from tailsampler.store.schema import postings, terms


def _statement(made: sa.ClauseElement) -> str:
    return str(made.compile(dialect=sqlite.dialect()))


# Thousands of rows a transaction: tuples go to the driver as they are, which takes a third of the
# time that naming each of their values would.
_INSERT: Final = _statement(
    sa.insert(postings).values(
        term=sa.bindparam("a"), start_ns=sa.bindparam("b"), trace=sa.bindparam("c")
    )
)
_DELETE: Final = _statement(
    sa.delete(postings).where(
        postings.c.term == sa.bindparam("a"),
        postings.c.start_ns == sa.bindparam("b"),
        postings.c.trace == sa.bindparam("c"),
    )
)
_COUNT: Final = _statement(
    sa.update(terms)
    .values(traces=terms.c.traces + sa.bindparam("a"))
    .where(terms.c.id == sa.bindparam("b"))
)


@dataclass(slots=True)
class Change:
    """What came and what went."""

    come: list[tuple[int, int, int]] = field(default_factory=list)
    """Term, start and trace."""
    gone: list[tuple[int, int, int]] = field(default_factory=list)
    counts: Counter[int] = field(default_factory=Counter)
    """By how many traces a term has more now, or fewer."""

    def move(
        self,
        trace: int,
        start_ns: int,
        now: frozenset[int],
        *,
        was_ns: int | None,
        before: frozenset[int],
    ) -> None:
        """A trace has these terms now; before it had others, or another start, or was not there."""
        stays = now & before if was_ns == start_ns else frozenset[int]()
        self.come += [(term, start_ns, trace) for term in now - stays]
        self.gone += [(term, was_ns or 0, trace) for term in before - stays]
        self.counts.update(now - before)
        self.counts.subtract(before - now)

    def remove(self, trace: int, start_ns: int, before: frozenset[int]) -> None:
        """A trace is no longer there."""
        self.gone += [(term, start_ns, trace) for term in before]
        self.counts.subtract(before)

    def carry_out(self, connection: Connection) -> None:
        """Write it down. In order: neighbours are changed together."""
        counts = [(more, term) for term, more in self.counts.items() if more]
        for statement, rows in (
            (_DELETE, sorted(self.gone)),
            (_INSERT, sorted(self.come)),
            (_COUNT, counts),
        ):
            if rows:
                connection.exec_driver_sql(statement, rows)
