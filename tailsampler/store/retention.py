"""Which traces are forgotten, and how: the oldest arrivals first, a slice at a time.

Removed pages are used again: the file stays as large as it once was, and grows no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tailsampler.store import body
from tailsampler.store.options import Options
from tailsampler.store.postings import Change
from tailsampler.store.schema import sums, terms, traces
from tailsampler.store.terms import Dictionary, Key

SLICE: Final = 256
"""Traces that are removed at once: some 20 ms of work."""
# What a row, its indexes and each of its postings take beside the body, roughly.
_ROW_BYTES: Final = 250
_POSTING_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Removed:
    """What one slice did."""

    traces: int
    more: bool
    """There is more to remove at once."""


def trim(
    connection: Connection, dictionary: Dictionary, options: Options, now_ns: int, log_bytes: int
) -> Removed:
    """Remove up to ``SLICE`` traces that are too old, or too many for the disk."""
    # A log that a reader holds open may be as large as a small bound: it shrinks by itself, and
    # traces are not given up for it.
    log_bytes = min(log_bytes, options.max_bytes // 2)
    over = _bytes_in_use(connection) + log_bytes - options.max_bytes
    cutoff_ns = now_ns - int(options.max_age.total_seconds() * 1e9)
    query = (
        sa.select(
            traces.c.id,
            traces.c.start_ns,
            traces.c.spans,
            traces.c.stored_ns,
            traces.c.terms,
            sa.func.length(traces.c.body),
        )
        .order_by(traces.c.id)
        .limit(SLICE)
    )
    gone: list[tuple[int, int, frozenset[int]]] = []
    spans = 0
    for number, start_ns, count_of_spans, stored_ns, packed, size in connection.execute(query):
        if stored_ns >= cutoff_ns and over <= 0:
            break
        ids = body.unpack_ids(packed)
        gone.append((number, start_ns, ids))
        spans += count_of_spans
        over -= size + _ROW_BYTES + _POSTING_BYTES * len(ids)
    if gone:
        _remove(connection, dictionary, gone, spans)
    return Removed(len(gone), more=len(gone) == SLICE)


def _remove(
    connection: Connection,
    dictionary: Dictionary,
    gone: list[tuple[int, int, frozenset[int]]],
    spans: int,
) -> None:
    change = Change()
    for number, start_ns, ids in gone:
        change.remove(number, start_ns, ids)
    change.carry_out(connection)
    connection.execute(
        sa.delete(traces).where(traces.c.id == sa.bindparam("an_id")),
        [{"an_id": number} for number, _, _ in gone],
    )
    connection.execute(
        sa.update(sums).values(traces=sums.c.traces - len(gone), spans=sums.c.spans - spans)
    )
    dictionary.forget(_unused(connection, sorted(change.counts)))


def _unused(connection: Connection, ids: list[int]) -> list[Key]:
    """Remove those terms that no trace has any more."""
    gone: list[Key] = []
    for first in range(0, len(ids), 500):
        statement = (
            sa.delete(terms)
            .where(terms.c.id.in_(ids[first : first + 500]), terms.c.traces <= 0)
            .returning(terms.c.scope, terms.c.key, terms.c.kind, terms.c.value)
        )
        for scope, key, kind, value in connection.execute(statement):
            gone.append((scope, key, kind, value))
    return gone


def _bytes_in_use(connection: Connection) -> int:
    def pragma(name: str) -> int:
        found: int = connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
        return found

    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
