"""What can be asked of the trace store, as values. The store answers; TraceQL and pages ask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

from tailsampler.traces.model import Trace

M = TypeVar("M")

Scope: TypeAlias = Literal["resource", "span", "intrinsic"]
"""Intrinsics that the store keeps as terms: ``name`` (of any span), ``rootName``,
``rootServiceName``, ``kind`` and ``status`` (words, as ``server`` and ``error``), ``policy``."""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A value that stands on some span of a trace.

    500 equals 500.0, as in TraceQL; true does not equal 1, as it does in Python.
    """

    scope: Scope
    key: str
    value: str | int | float | bool

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Term):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, str, bool, str | int | float]:
        return self.scope, self.key, isinstance(self.value, bool), self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a trace must have to match: necessary, never more than that.

    The store may use as much of it as it has indexes for, and asks ``matches`` about the rest.
    """

    clauses: tuple[frozenset[Term], ...] = ()
    """Of each set at least one term stands in the trace."""
    min_duration_ns: int = 0
    """The trace lasts this long or longer (a span of 1 s lies within a trace of 1 s)."""
    max_duration_ns: int | None = None
    start_ns: int | None = None
    """The trace starts at or after this, wall clock."""
    end_ns: int | None = None
    """The trace starts before this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the store knows of a trace without decoding it."""

    trace_id: bytes
    service: str
    """Of the root span, else of the earliest span."""
    name: str
    """As ``service``."""
    has_root: bool
    start_ns: int
    duration_ns: int
    errors: int
    """Spans whose status is an error."""
    policy: str
    """That kept it; empty if unknown."""
    reason: str
    spans: int
    bytes: int
    """Of the stored protobuf, before compression."""
    stored_ns: int
    """When its first span was stored, wall clock."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A trace as it is kept."""

    row: Row
    data: bytes
    """``TracesData``, protobuf."""


Matches: TypeAlias = Callable[[Row, Trace], M | None]
"""Whether a trace matches, and what of it; None if it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[M]):
    """Traces that match, the newest first."""

    hits: tuple[tuple[Row, M], ...]
    inspected: int
    """Traces that were looked at."""
    complete: bool
    """False: the bound on time was reached before all traces had been looked at."""
    oldest_ns: int | None
    """Start of the oldest trace that was looked at, where it is not complete."""


class Deadline(Protocol):
    """A bound on work; asked between traces."""

    def __call__(self) -> bool:
        """Whether time is up."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the store holds."""

    traces: int
    spans: int
    bytes: int
    """On disk, the log of the database included."""
    oldest_ns: int | None
    """When the oldest trace was stored, wall clock; None if there is none."""


class TraceReader(Protocol):
    """The reading half of the store. Every call may take a while: call it in a thread."""

    def get(self, trace_id: bytes) -> Stored | None:
        """The trace, whole; None if it is not stored. ``trace_id`` has 16 bytes."""

    def search(
        self, needs: Needs, matches: Matches[M], *, limit: int, deadline: Deadline
    ) -> Found[M]:
        """Traces for which ``matches`` says something, the newest start first, at most ``limit``.

        Only traces that fulfil ``needs`` are asked about.
        """

    def rows(self, needs: Needs, *, limit: int) -> Sequence[Row]:
        """The newest traces that fulfil the whole of ``needs``, without decoding any.

        Raises ``ValueError`` if ``needs`` names a term that the store keeps no index for.
        """

    def tag_names(self) -> Sequence[tuple[Scope, str]]:
        """Every attribute key seen (``resource`` and ``span``), bounded, sorted."""

    def tag_values(self, scopes: Sequence[Scope], key: str, *, limit: int) -> Sequence[Term]:
        """Values of a key, the more frequent or newer first; bounded."""

    def totals(self) -> Totals:
        """What the store holds."""
