"""What a trace is before it is made: pure data, the same for the same random numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

Value = str | bool | int | float | Sequence[str]
Kind = Literal["internal", "server", "client", "producer", "consumer"]

MS: Final = 1_000_000
"""Nanoseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlan:
    """Something that happened within a span."""

    name: str
    at_ns: int
    """After the start of the trace."""
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanPlan:
    """One span and what is below it. Times are as a right clock would show them."""

    service: str
    name: str
    kind: Kind
    start_ns: int
    """After the start of the trace."""
    duration_ns: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: tuple[EventPlan, ...] = ()
    error: str | None = None
    """Span status ERROR with this description; None leaves the status unset."""
    children: tuple["SpanPlan", ...] = ()
    late: bool = False
    """Begins and is sent at its ``start_ns``, while the rest of the trace is sent at once."""

    @property
    def end_ns(self) -> int:
        """After the start of the trace."""
        return self.start_ns + self.duration_ns

    def spans(self) -> Iterator["SpanPlan"]:
        """The span and all below it."""
        todo = [self]
        while todo:
            span = todo.pop()
            yield span
            todo += span.children

    def shifted(self, by_ns: int) -> "SpanPlan":
        """The same, later."""
        return replace(
            self,
            start_ns=self.start_ns + by_ns,
            events=tuple(replace(one, at_ns=one.at_ns + by_ns) for one in self.events),
            children=tuple(child.shifted(by_ns) for child in self.children),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TracePlan:
    """One trace."""

    scenario: str
    root: SpanPlan
    follow_up: SpanPlan | None = None
    """Root of a second trace, which a link connects with the last span of the first."""

    @property
    def traces(self) -> int:
        """How many it is."""
        return 1 if self.follow_up is None else 2

    @property
    def duration_ns(self) -> int:
        """From the start to the end of what is sent at once, both traces together."""
        after = 0 if self.follow_up is None else self.follow_up.end_ns
        return max(span.end_ns for span in self.at_once()) + after

    def at_once(self) -> Iterator[SpanPlan]:
        """The spans that are not late."""
        todo = [self.root]
        while todo:
            span = todo.pop()
            yield span
            todo += (child for child in span.children if not child.late)
