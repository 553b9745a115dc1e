"""The traces of one side, in memory that does not grow with them."""

from __future__ import annotations

import heapq
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple

MOST_IN_MEMORY: Final = 250_000
"""Traces of one side in memory at once, at about 350 bytes each: 90 MB. More are written to a
temporary file as a sorted run, 44 bytes a trace."""

_RECORD: Final = struct.Struct(">16sIQQQ")
_READ: Final = 1_024 * _RECORD.size
_MOST_SPANS: Final = (1 << 32) - 1
_MASK: Final = (1 << 64) - 1


class Summary(NamedTuple):
    """One trace as one side has it. What a side does not know is 0."""

    trace_id: bytes
    spans: int
    """As they came: one that was sent twice counts twice."""
    digest: int
    """A sum of hashes of the span ids, the same for the same spans within this process."""
    first_ns: int
    """When its first span begins, since 1970."""
    last_ns: int
    """When its last span ends."""


Combine = Callable[[list[int], list[int]], None]
"""Adds what is said of a trace to what was said of it before: spans, digest, first, last."""


def in_parts(known: list[int], more: list[int]) -> None:
    """The spans of a trace come in several requests."""
    known[0] = min(known[0] + more[0], _MOST_SPANS)
    known[1] = (known[1] + more[1]) & _MASK
    _widen(known, more)


def again(known: list[int], more: list[int]) -> None:
    """A whole trace is found more than once, each time as far as the finder knows it."""
    known[0] = max(known[0], more[0])
    _widen(known, more)


def _widen(known: list[int], more: list[int]) -> None:
    known[2] = min(known[2], more[2]) if known[2] and more[2] else known[2] or more[2]
    known[3] = max(known[3], more[3])


@dataclass
class Collected:
    """What one side has. Close it: it may hold a temporary file."""

    combine: Combine = in_parts
    most_in_memory: int = MOST_IN_MEMORY
    first_ns: int = 0
    """When the first span of all begins; 0 where no times are known."""
    last_ns: int = 0
    notes: list[str] = field(default_factory=list)
    """What a person should know of how it was read."""
    _traces: dict[bytes, list[int]] = field(default_factory=dict)
    _file: IO[bytes] | None = None
    _runs: list[tuple[int, int]] = field(default_factory=list)
    """Where each run begins and ends in the file."""

    def add(self, trace_id: bytes, spans: int, digest: int, first_ns: int, last_ns: int) -> None:
        """Take a span, or several of one trace."""
        if first_ns and not 0 < self.first_ns <= first_ns:
            self.first_ns = first_ns
        self.last_ns = max(self.last_ns, last_ns)
        said = [spans, digest, first_ns, last_ns]
        known = self._traces.get(trace_id)
        if known is not None:
            self.combine(known, said)
            return
        self._traces[trace_id] = said
        if len(self._traces) >= self.most_in_memory:
            self._spill()

    def sorted(self) -> Iterator[Summary]:
        """Every trace once, by its id."""
        file = self._file
        runs = [] if file is None else [_run(file, begin, end) for begin, end in self._runs]
        runs.append(Summary(trace_id, *said) for trace_id, said in sorted(self._traces.items()))
        return self._combined(heapq.merge(*runs) if len(runs) > 1 else runs[0])

    def close(self) -> None:
        """Give the temporary file back."""
        if self._file is not None:
            self._file.close()

    def _combined(self, records: Iterator[Summary]) -> Iterator[Summary]:
        last: Summary | None = None
        for record in records:
            if last is None or record.trace_id != last.trace_id:
                if last is not None:
                    yield last
                last = record
                continue
            known = list(last[1:])
            self.combine(known, list(record[1:]))
            last = Summary(last.trace_id, *known)
        if last is not None:
            yield last

    def _spill(self) -> None:
        if self._file is None:
            # No name in any directory: nobody else can open it, and it goes with the process.
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 - lives as long as this does
                prefix="tailsampler-compare-"
            )
        begin = self._file.seek(0, os.SEEK_END)
        for trace_id, said in sorted(self._traces.items()):
            self._file.write(_RECORD.pack(trace_id, *said))
        self._file.flush()
        self._runs.append((begin, self._file.tell()))
        self._traces.clear()


def _run(file: IO[bytes], begin: int, end: int) -> Iterator[Summary]:
    while begin < end:
        # By position: all runs are read at once, from one file.
        block = os.pread(file.fileno(), min(_READ, end - begin), begin)
        yield from map(Summary._make, _RECORD.iter_unpack(block))
        begin += len(block)
