"""From a plan to spans of the OpenTelemetry SDK, with the times that the plan says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)

from tailsampler.demo.plan import SpanPlan, TracePlan
from tailsampler.demo.shop import SERVICES

_AHEAD_NS: Final = {service.name: service.clock_ahead_ns for service in SERVICES}


class SeededIds(IdGenerator):
    """Ids from a random number generator of ours, so that a run can be repeated."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def generate_span_id(self) -> int:
        """64 bits, not 0."""
        return self._random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        """128 bits, not 0; all of them random, as consistent sampling asks of the last 56."""
        return self._random.getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        """Yes: the flag is set in the trace context."""
        return True


@dataclass(frozen=True, slots=True)
class Late:
    """A span that is yet to be made."""

    due_ns: int
    """Wall clock."""
    plan: SpanPlan
    start_ns: int
    """Start of its trace."""
    parent: Context
    scenario: str


@dataclass(frozen=True, slots=True)
class Emitted:
    """What became of a plan."""

    trace_ids: tuple[int, ...]
    spans: int
    late: tuple[Late, ...]


class Emitter:
    """Makes spans; they are handed to the exporters as soon as they end, which is at once."""

    def __init__(self, tracers: Mapping[str, Tracer]) -> None:
        """``tracers``: one a service, by its name."""
        self._tracers = tracers

    def emit(self, plan: TracePlan, start_ns: int) -> Emitted:
        """Make all spans but the late ones. ``start_ns``: when the trace began, wall clock."""
        made: list[tuple[SpanPlan, Span]] = []
        late = tuple(self._tree(plan.root, start_ns, Context(), (), plan.scenario, made))
        trace_ids = [made[0][1].get_span_context().trace_id]
        if plan.follow_up is not None:
            links = [_context(span) for part, span in made if part.kind == "producer"]
            at_ns, first = start_ns + plan.root.end_ns, len(made)
            late += tuple(self._tree(plan.follow_up, at_ns, Context(), links, plan.scenario, made))
            trace_ids.append(made[first][1].get_span_context().trace_id)
        return Emitted(tuple(trace_ids), len(made), late)

    def emit_late(self, late: Late) -> int:
        """Make a span that was due later, and what is below it; returns how many."""
        made: list[tuple[SpanPlan, Span]] = []
        list(self._tree(late.plan, late.start_ns, late.parent, (), late.scenario, made))
        return len(made)

    def _tree(
        self,
        root: SpanPlan,
        start_ns: int,
        parent: Context,
        links: list[SpanContext] | tuple[()],
        scenario: str,
        made: list[tuple[SpanPlan, Span]],
    ) -> Iterator[Late]:
        """Start parents first, end children first; yields what is late. Appends to ``made``."""
        first = len(made)
        todo = [(root, parent)]
        while todo:
            plan, context = todo.pop()
            if plan.late and plan is not root:
                yield Late(start_ns + plan.end_ns, plan, start_ns, context, scenario)
                continue
            span = self._start(plan, start_ns, context, links if plan is root else ())
            made.append((plan, span))
            inside = set_span_in_context(span, context)
            todo += ((child, inside) for child in reversed(plan.children))
        for plan, span in reversed(made[first:]):
            span.end(start_ns + plan.end_ns + _AHEAD_NS[plan.service])

    def _start(
        self,
        plan: SpanPlan,
        start_ns: int,
        context: Context,
        links: list[SpanContext] | tuple[()],
    ) -> Span:
        zero_ns = start_ns + _AHEAD_NS[plan.service]
        span = self._tracers[plan.service].start_span(
            plan.name,
            context,
            SpanKind[plan.kind.upper()],
            dict(plan.attributes),
            links=[Link(link) for link in links],
            start_time=zero_ns + plan.start_ns,
        )
        for event in plan.events:
            span.add_event(event.name, dict(event.attributes), timestamp=zero_ns + event.at_ns)
        if plan.error is not None:
            span.set_status(Status(StatusCode.ERROR, plan.error))
        return span


def _context(span: Span) -> SpanContext:
    return span.get_span_context()
