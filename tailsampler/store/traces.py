"""The trace store: one SQLite file, written by one thread and read by any.

Slow to import (SQLAlchemy); ``options.py`` and ``query.py`` are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine

from tailsampler.clock import Clock
from tailsampler.errors import Place, StartError
from tailsampler.store import database, reader
from tailsampler.store.file import Engines, StoreFile
from tailsampler.store.options import Options, StoreUnavailableError, Written
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
    Totals,
)
from tailsampler.store.retention import Removed, trim
from tailsampler.store.schema import sums, traces
from tailsampler.store.terms import MOST_VALUES
from tailsampler.store.writer import Writer

log = structlog.get_logger("tailsampler.store")

T = TypeVar("T")


@dataclass(slots=True)
class TraceStore:
    """``TraceReader``, and the writing half.

    Every call may block: call it in a thread. It raises ``StoreUnavailableError`` while the file
    is locked, full or unreadable; a file that is damaged is moved aside, and a fresh one begun.
    """

    path: Path
    options: Options
    clock: Clock
    most_values: int = MOST_VALUES
    """Of a key that get terms of their own."""
    _file: StoreFile = field(init=False)
    _writer: Writer = field(init=False)

    def __post_init__(self) -> None:
        self._file = StoreFile(self.path, self.options.indexed)
        self._writer = Writer(self.options, self.most_values)

    @classmethod
    def open(cls, path: Path, options: Options, clock: Clock) -> TraceStore:
        """Open the file now, so that what is wrong with it is known at the start.

        Raises ``StartError`` for a file of a newer version, of another program, or in a place that
        cannot be used. A file that is locked is opened later.
        """
        store = cls(path, options, clock)
        try:
            store._file.opened()
        except StoreUnavailableError as error:
            log.warning("store.not_open", error=str(error), message="It is tried again.")
        except OSError as error:
            say = f"{path} cannot be used ({error.strerror}); write another path:"
            raise StartError("trace_store_unusable", say, Place(key="export.path")) from error
        return store

    def write(self, payload: bytes) -> Written:
        """Store spans (``TracesData``); they are on the disk when this returns.

        What is stored already is not stored twice. Raises ``ValueError`` if it is no such message.
        """
        return self._change(lambda connection, now_ns: self._write(connection, payload, now_ns))

    def tidy(self) -> bool:
        """Remove a slice of what is too old; says whether there is more. For idle times."""
        return self._change(lambda connection, now_ns: self._trim(connection, now_ns).more)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._file.close()

    def get(self, trace_id: bytes) -> Stored | None:
        """As ``TraceReader.get``."""
        return self._read(lambda engine: reader.get(engine, trace_id))

    def search(
        self, needs: Needs, matches: Matches[M], *, limit: int, deadline: Deadline
    ) -> Found[M]:
        """As ``TraceReader.search``."""
        return self._read(
            lambda engine: reader.search(engine, needs, matches, limit=limit, deadline=deadline)
        )

    def rows(self, needs: Needs, *, limit: int) -> Sequence[Row]:
        """As ``TraceReader.rows``."""
        return self._read(lambda engine: reader.rows(engine, needs, limit=limit))

    def tag_names(self) -> Sequence[tuple[Scope, str]]:
        """As ``TraceReader.tag_names``."""
        return self._read(reader.tag_names)

    def tag_values(self, scopes: Sequence[Scope], key: str, *, limit: int) -> Sequence[Term]:
        """As ``TraceReader.tag_values``."""
        return self._read(lambda engine: reader.tag_values(engine, scopes, key, limit=limit))

    def totals(self) -> Totals:
        """As ``TraceReader.totals``."""
        return self._read(self._totals)

    def _read(self, ask: Callable[[Engine], T]) -> T:
        return self._file.use(lambda engines: ask(engines.readers))

    def _change(self, work: Callable[[Connection, int], T]) -> T:
        def change(engines: Engines) -> T:
            with engines.writer.begin() as connection:
                return work(connection, self.clock.wall_ns())

        with self._file.lock:
            try:
                return self._file.use(change)
            except BaseException:
                # What it knows of the database may have been rolled back.
                self._writer.forget()
                raise

    def _write(self, connection: Connection, payload: bytes, now_ns: int) -> Written:
        written = self._writer.write(connection, payload, now_ns)
        removed = 0
        # As many again as came, and more, so that it catches up where it is behind.
        while removed <= 2 * written.traces:
            done = self._trim(connection, now_ns)
            removed += done.traces
            if not done.more:
                break
        return written

    def _trim(self, connection: Connection, now_ns: int) -> Removed:
        log_bytes = database.log_bytes(self.path)
        return trim(connection, self._writer.dictionary, self.options, now_ns, log_bytes)

    def _totals(self, engine: Engine) -> Totals:
        with engine.connect() as connection, connection.begin():
            count, spans = connection.execute(sa.select(sums.c.traces, sums.c.spans)).one()
            oldest = sa.select(traces.c.stored_ns).order_by(traces.c.id).limit(1)
            return Totals(
                traces=count,
                spans=spans,
                bytes=database.bytes_on_disk(self.path),
                oldest_ns=connection.execute(oldest).scalar(),
            )
