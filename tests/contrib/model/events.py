"""What a processor tells: decisions, late spans, and traces that it lost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from tests.contrib.model import ot
from tests.contrib.model.trace import Arrival
from tests.contrib.model.votes import Decision


class Kind(Enum):
    """Why an event is told."""

    JUDGED = "judged"  # the decision, made on a tick, at shutdown, or at ingest
    TOO_LARGE = "too_large"  # the decision, for its size
    LATE = "late"  # spans of a trace that was decided before
    FORGOTTEN = "forgotten"  # undecided, and had to make room
    ABANDONED = "abandoned"  # undecided at shutdown


@dataclass(frozen=True)
class Event:
    """Something that happened to a trace; ``out`` is what was sent on.

    ``policy`` is credited with the decision; late spans know it only from a cache.
    ``threshold`` is T of 56 bits for the tracestate of ``out``; None leaves it as it is.
    ``last_only``: what the gates write stands on the piece that decided, not on those before it.
    """

    kind: Kind
    trace_id: bytes
    decision: Decision | None = None
    policy: str | None = None
    composite_policy: str | None = None
    out: tuple[Arrival, ...] = ()
    threshold: int | None = None
    cached: bool = False
    last_only: bool = False

    def resource_spans(self, *, record_policy: bool = False) -> list[ResourceSpans]:
        """``out`` as it leaves; ``record_policy`` is the gate of that name."""
        written = self.out[-1:] if self.last_only else self.out
        return [self._leaving(each, record_policy, written=each in written) for each in self.out]

    def unparseable(self) -> int:
        """How many spans that went out have a tracestate that could not be rewritten."""
        if self.threshold is None:
            return 0
        written = self.out[-1:] if self.last_only else self.out
        spans = (held.span for arrival in written for held in arrival.spans)
        return sum(ot.parse(span.trace_state) is None for span in spans)

    def _leaving(self, arrival: Arrival, record_policy: bool, *, written: bool) -> ResourceSpans:
        whole = ResourceSpans(resource=arrival.resource, schema_url=arrival.schema_url)
        for held in arrival.scopes:
            scope = whole.scope_spans.add(scope=held.scope, schema_url=held.schema_url)
            scope.spans.extend(
                self._with_threshold(each.span) if written else each.span for each in held.spans
            )
            if record_policy and written:
                scope.scope.attributes.extend(self._record())
        return whole

    def _with_threshold(self, span: Span) -> Span:
        if self.threshold is None:
            return span
        copy = Span()
        copy.CopyFrom(span)
        copy.trace_state = ot.with_threshold(span.trace_state, self.threshold) or span.trace_state
        return copy

    def _record(self) -> list[KeyValue]:
        names = {
            "tailsampling.composite_policy": self.composite_policy,
            "tailsampling.policy": self.policy,
        }
        found = [
            KeyValue(key=key, value=AnyValue(string_value=name))
            for key, name in names.items()
            if name is not None
        ]
        if self.cached:
            found.append(
                KeyValue(key="tailsampling.cached_decision", value=AnyValue(bool_value=True))
            )
        return found
