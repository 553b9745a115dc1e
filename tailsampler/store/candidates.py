"""Which traces may fulfil ``Needs``: a plan made of the terms that are there, and its queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tailsampler.store.fold import SERVICE
from tailsampler.store.query import Needs, Term
from tailsampler.store.schema import indexed, postings, traces
from tailsampler.store.terms import INTRINSICS, SCOPES, Key, bucket_of, key_of, look_up
from tailsampler.store.writer import LAST_NS

# Past this many traces of a term, it costs more to look up how long each lasted than to walk over
# the durations of all traces, which stand side by side.
_MANY: Final = 100_000
# Past this many terms in a clause, its postings are not merged; the traces are walked by start.
_MOST_MERGED: Final = 50

Place = tuple[int, int]
"""Start and id of a trace: where a search has come to."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look for, in terms of the database."""

    clauses: tuple[tuple[int, ...], ...]
    """Ids of terms, of each clause at least one; the clause with the fewest traces first."""
    fewest: int
    """Traces of the first clause."""
    min_duration_ns: int
    max_duration_ns: int | None
    start_ns: int | None
    end_ns: int | None


def plan(connection: Connection, needs: Needs, *, exact: bool = False) -> Plan | None:
    """How to find the traces; None if there can be none.

    Without ``exact``, clauses that there is no index for are left out. With it, they raise
    ``ValueError``.
    """
    usable = _usable(connection)
    clauses: list[tuple[int, tuple[int, ...]]] = []
    for clause in needs.clauses:
        missing = [term for term in clause if not _has_index(term, usable)]
        if missing and exact:
            raise ValueError(f"there is no index for {missing[0].scope} {missing[0].key}")
        if missing:
            continue
        found = look_up(connection, _keys(clause))
        if exact and any(key[2] == bucket_of(key)[2] for key in found):
            raise ValueError("this key has too many values to be found without decoding")
        if not found:
            return None
        ids = tuple(sorted(number for number, _ in found.values()))
        clauses.append((sum(count for _, count in found.values()), ids))
    clauses.sort()
    return Plan(
        tuple(ids for _, ids in clauses),
        clauses[0][0] if clauses else 0,
        min(needs.min_duration_ns, LAST_NS),
        _bound(needs.max_duration_ns),
        None if needs.start_ns is None else max(-LAST_NS, min(needs.start_ns, LAST_NS)),
        _bound(needs.end_ns),
    )


def chunk(connection: Connection, asked: Plan, after: Place | None, limit: int) -> list[Place]:
    """The next candidates, the newest start first."""
    merged = asked.clauses[0] if asked.clauses else ()
    walk = asked.fewest > _MANY and bool(_lasts(asked))
    if 0 < len(merged) <= _MOST_MERGED and not walk:
        arms = [_of_term(asked, term, after) for term in merged]
        query: Any = arms[0] if len(arms) == 1 else sa.union(*arms)
        query = query.order_by(sa.desc("start_ns"), sa.desc("trace")).limit(limit)
    else:
        query = _by_start(asked, after).limit(limit)
    return [(start, number) for start, number in connection.execute(query)]


def _of_term(asked: Plan, term: int, after: Place | None) -> sa.Select[Any]:
    column = postings.c
    query = sa.select(column.start_ns, column.trace).where(column.term == term)
    query = query.where(*_window(asked, column.start_ns, column.trace, after))
    query = query.where(*(_has(ids, column) for ids in asked.clauses[1:]))
    lasts = _lasts(asked)
    if lasts:
        # By its start, a trace is found in an index that has the duration, and beside the one
        # that was looked at before. The plus keeps SQLite from reading the row instead.
        same = traces.c.start_ns == column.start_ns, traces.c.id + 0 == column.trace
        query = query.where(sa.exists(sa.select(sa.literal(1)).where(*same, *lasts)))
    return query


def _by_start(asked: Plan, after: Place | None) -> sa.Select[Any]:
    column = traces.c
    query = sa.select(column.start_ns, column.id)
    query = query.where(*_window(asked, column.start_ns, column.id, after), *_lasts(asked))
    for ids in asked.clauses:
        same = postings.c.start_ns == column.start_ns, postings.c.trace == column.id
        having = sa.select(sa.literal(1)).where(postings.c.term.in_(ids), *same)
        query = query.where(sa.exists(having))
    return query.order_by(column.start_ns.desc(), column.id.desc())


def _has(ids: Sequence[int], driver: Any) -> sa.ColumnElement[bool]:
    other = postings.alias()
    return sa.exists(
        sa.select(sa.literal(1)).where(
            other.c.term.in_(ids),
            other.c.start_ns == driver.start_ns,
            other.c.trace == driver.trace,
        )
    )


def _window(asked: Plan, start: Any, number: Any, after: Place | None) -> list[Any]:
    found = []
    if asked.start_ns is not None:
        found.append(start >= asked.start_ns)
    if asked.end_ns is not None:
        found.append(start < asked.end_ns)
    if after is not None:
        found += [start <= after[0], sa.or_(start < after[0], number < after[1])]
    return found


def _lasts(asked: Plan) -> list[Any]:
    found: list[Any] = []
    if asked.min_duration_ns > 0:
        found.append(traces.c.duration_ns >= asked.min_duration_ns)
    if asked.max_duration_ns is not None:
        found.append(traces.c.duration_ns <= asked.max_duration_ns)
    return found


def _usable(connection: Connection) -> frozenset[str]:
    """Attributes that every stored trace is indexed by."""
    oldest = connection.execute(sa.select(sa.func.min(traces.c.id))).scalar()
    query = sa.select(indexed.c.key)
    if oldest is not None:
        query = query.where(indexed.c.after < oldest)
    return frozenset(connection.execute(query).scalars())


def _has_index(term: Term, usable: frozenset[str]) -> bool:
    if term.scope == "intrinsic":
        return term.key in INTRINSICS
    return term.key == SERVICE or term.key in usable


def _keys(clause: frozenset[Term]) -> set[Key]:
    """Of a value, its own term and the one it may share."""
    found = set()
    for term in clause:
        key = key_of(SCOPES.index(term.scope), term.key, term.value)
        # Text that is no Unicode (half a surrogate pair) stands in no trace.
        if key is not None and (not isinstance(key[3], str) or _is_unicode(key[3])):
            found |= {key, bucket_of(key)}
    return found


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bound(most: int | None) -> int | None:
    """No bound, where rows cannot tell what is past it."""
    return None if most is None or most > LAST_NS else max(most, -LAST_NS)
