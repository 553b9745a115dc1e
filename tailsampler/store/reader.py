"""Find and decode traces. Each chunk of a search is one short transaction of SQLite's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from sqlalchemy.engine import Connection, Engine

from tailsampler.store import body
from tailsampler.store.candidates import chunk, plan
from tailsampler.store.fold import SERVICE, Reader
from tailsampler.store.query import (
    Deadline,
    Found,
    M,
    Matches,
    Needs,
    Row,
    Scope,
    Stored,
    Term,
)
from tailsampler.store.schema import indexed, keys, terms, traces
from tailsampler.store.terms import BUCKET, INTRINSIC, SCOPES, term_of
from tailsampler.traces.model import decode

_COLUMNS: Final = tuple(traces.c[name] for name in Row.__slots__)
_BODY: Final = (traces.c.encoding, traces.c.body)
_LEAST, _MOST = 32, 256
# Traces that are decoded for the values of an attribute that has no index.
_SAMPLED: Final = 200
# Steps of SQLite's machine between two looks at the deadline: some 100 us.
_STEPS: Final = 10_000
_ROWS_AT_ONCE: Final = 500


def search(
    engine: Engine, needs: Needs, matches: Matches[M], *, limit: int, deadline: Deadline
) -> Found[M]:
    """As ``TraceReader.search``."""
    hits: list[tuple[Row, M]] = []
    seen: set[bytes] = set()
    oldest: int | None = None
    complete = True
    with engine.connect() as connection, _until(connection, deadline):
        try:
            for row, data in _candidates(connection, needs):
                if len(hits) >= limit:
                    break
                if deadline():
                    complete = False
                    break
                # A late span may move a trace to an earlier start, where it is met again.
                if row.trace_id in seen:
                    continue
                seen.add(row.trace_id)
                oldest = row.start_ns
                match = matches(row, next(decode(data)))
                if match is not None:
                    hits.append((row, match))
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_INTERRUPT:
                raise
            complete = False
    return Found(
        hits=tuple(hits),
        inspected=len(seen),
        complete=complete,
        oldest_ns=None if complete else oldest,
    )


def _candidates(connection: Connection, needs: Needs) -> Iterator[tuple[Row, bytes]]:
    with connection.begin():
        asked = plan(connection, needs)
    after, size = None, _LEAST
    while asked is not None:
        with connection.begin():
            places = chunk(connection, asked, after, size)
            for place in places:
                found = _whole(connection, traces.c.id == place[1])
                if found is not None:
                    yield found.row, found.data
        if len(places) < size:
            return
        after, size = places[-1], min(size * 2, _MOST)


def rows(engine: Engine, needs: Needs, *, limit: int) -> Sequence[Row]:
    """As ``TraceReader.rows``."""
    with engine.connect() as connection, connection.begin():
        asked = plan(connection, needs, exact=True)
        if asked is None or limit <= 0:
            return []
        numbers = [number for _, number in chunk(connection, asked, None, limit)]
        found: dict[int, Row] = {}
        for first in range(0, len(numbers), _ROWS_AT_ONCE):
            some = numbers[first : first + _ROWS_AT_ONCE]
            query = sa.select(traces.c.id, *_COLUMNS).where(traces.c.id.in_(some))
            for number, *values in connection.execute(query):
                found[number] = _row(values)
        return [found[number] for number in numbers]


def get(engine: Engine, trace_id: bytes) -> Stored | None:
    """As ``TraceReader.get``."""
    with engine.connect() as connection, connection.begin():
        return _whole(connection, traces.c.trace_id == trace_id)


def tag_names(engine: Engine) -> Sequence[tuple[Scope, str]]:
    """As ``TraceReader.tag_names``."""
    with engine.connect() as connection, connection.begin():
        found = connection.execute(sa.select(keys.c.scope, keys.c.key))
        return sorted((SCOPES[scope], key) for scope, key in found)


def tag_values(engine: Engine, scopes: Sequence[Scope], key: str, *, limit: int) -> Sequence[Term]:
    """As ``TraceReader.tag_values``: from the index, else from the newest traces."""
    numbers = [SCOPES.index(scope) for scope in scopes]
    with engine.connect() as connection, connection.begin():
        known = set(connection.execute(sa.select(indexed.c.key)).scalars()) | {SERVICE}
        has_index = [number for number in numbers if number == INTRINSIC or key in known]
        columns = terms.c.scope, terms.c.key, terms.c.kind, terms.c.value
        query = (
            sa.select(*columns)
            .where(terms.c.scope.in_(has_index), terms.c.key == key, terms.c.kind != BUCKET)
            .order_by(terms.c.traces.desc(), terms.c.id.desc())
            .limit(limit)
        )
        found = [term_of(*values) for values in connection.execute(query)]
        rest = [number for number in numbers if number not in has_index]
        return (found + _sampled(connection, rest, key))[:limit] if rest else found


def _sampled(connection: Connection, scopes: Sequence[int], key: str) -> list[Term]:
    reader, found = Reader(frozenset({key})), dict[Term, None]()
    query = sa.select(traces.c.trace_id, *_BODY).order_by(traces.c.id.desc()).limit(_SAMPLED)
    for trace_id, encoding, packed in connection.execute(query):
        data = body.unpack(trace_id, encoding, packed) or b""
        for one in reader.terms_in(TracesData.FromString(data)):
            if one[0] in scopes:
                found.setdefault(term_of(*one))
    return list(found)


def _whole(connection: Connection, which: Any) -> Stored | None:
    record = connection.execute(sa.select(*_COLUMNS, *_BODY).where(which)).one_or_none()
    if record is None:
        return None
    *values, encoding, packed = record
    row = _row(values)
    data = body.unpack(row.trace_id, encoding, packed)
    return None if data is None else Stored(row, data)


def _row(values: Sequence[Any]) -> Row:
    found = dict(zip(Row.__slots__, values, strict=True))
    return Row(**found | {"has_root": bool(found["has_root"])})


@contextmanager
def _until(connection: Connection, deadline: Deadline) -> Iterator[None]:
    """Have SQLite ask for the deadline, too: one statement may look at a million postings."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(f"{type(driver)} is no connection of SQLite's")
    driver.set_progress_handler(lambda: int(deadline()), _STEPS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
