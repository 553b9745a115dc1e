"""The oracle sees what it is there to see: a lie of each kind is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.faults.crash.books import Answer, Books
from tests.faults.crash.workload import Part, Workload


def kept(part: Part) -> ExportTraceServiceRequest:
    """What a right gateway exports of a request that is all there is."""
    out = ExportTraceServiceRequest()
    out.CopyFrom(part.message)
    spans = out.resource_spans[0].scope_spans[0].spans
    chosen = []
    for span, trace in zip(list(spans), part.traces, strict=True):
        if not trace.verdict.kept:
            continue
        others = [member for member in [span.trace_state] if member]
        span.trace_state = ",".join([f"ot=th:{trace.verdict.threshold}", *others])
        for attribute in [each for each in span.attributes if each.key == "tailsampler.policy"]:
            span.attributes.remove(attribute)
        if span.span_id == trace.root:
            policy = span.attributes.add(key="tailsampler.policy")
            policy.value.string_value = trace.verdict.policy
        chosen.append(span)
    answer = ExportTraceServiceRequest()
    answer.CopyFrom(out)
    del answer.resource_spans[0].scope_spans[0].spans[:]
    answer.resource_spans[0].scope_spans[0].spans.extend(chosen)
    return answer


def spans_of(message: ExportTraceServiceRequest) -> Iterable[Span]:
    """The spans of a message with one resource."""
    return message.resource_spans[0].scope_spans[0].spans


def acknowledged(books: Books, seed: int) -> ExportTraceServiceRequest:
    """A request that was taken, and what must come out of it."""
    part = Workload(seed).request()
    right = kept(part)
    books.answered(books.send(part), Answer.ACKNOWLEDGED)
    return right


def test_a_right_gateway_has_nothing_to_fear() -> None:
    """What was kept and arrives once, marked as it should be, is no finding."""
    books = Books()
    books.arrived(acknowledged(books, 1), 1)
    totals = books.judge()
    assert dict(books.finding.counts) == {}, books.finding.examples
    assert totals["delivered"] == totals["kept"] > 0


def lose(message: ExportTraceServiceRequest) -> None:
    del message.resource_spans[0].scope_spans[0].spans[0]


def alter(message: ExportTraceServiceRequest) -> None:
    next(iter(spans_of(message))).end_time_unix_nano += 1


def rename_service(message: ExportTraceServiceRequest) -> None:
    message.resource_spans[0].resource.attributes[0].value.string_value = "another"


def mark_wrongly(message: ExportTraceServiceRequest) -> None:
    next(iter(spans_of(message))).trace_state = "ot=th:1"


def invent(message: ExportTraceServiceRequest) -> None:
    message.resource_spans[0].scope_spans[0].spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        (lose, "missing"),
        (alter, "altered"),
        (rename_service, "altered"),
        (mark_wrongly, "wrong_threshold"),
        (invent, "invented"),
    ],
)
def test_a_lie_is_found(lie: Callable[[ExportTraceServiceRequest], None], kind: str) -> None:
    """One span lost, altered, marked wrongly or made up is named for what it is."""
    books = Books()
    answer = acknowledged(books, 2)
    lie(answer)
    books.arrived(answer, 1)
    books.judge()
    assert books.finding.counts[kind] > 0


def test_a_dropped_trace_that_is_exported_is_found() -> None:
    """A span whose trace the chain drops must not arrive."""
    books = Books()
    part = next(
        part
        for part in iter(Workload(3).request, None)
        if any(trace.verdict.kept is False for trace in part.traces)
    )
    everything = ExportTraceServiceRequest()
    everything.CopyFrom(part.message)
    books.answered(books.send(part), Answer.ACKNOWLEDGED)
    books.arrived(everything, 1)
    books.judge()
    assert books.finding.counts["wrong_verdict"] > 0


@pytest.mark.parametrize(("lives", "found"), [((1, 2), False), ((1, 1), True)])
def test_a_duplicate_needs_a_death(lives: tuple[int, int], found: bool) -> None:
    """What arrives again after a death was under way then; without one it is a finding."""
    books = Books()
    answer = acknowledged(books, 4)
    for life in lives:
        again = ExportTraceServiceRequest()
        again.CopyFrom(answer)
        books.arrived(again, life)
    books.judge()
    assert ("twice_in_one_life" in books.finding.counts) is found


def test_what_was_settled_must_not_come_again() -> None:
    """A span of an earlier, settled time is a finding when it arrives once more."""
    books = Books()
    answer = acknowledged(books, 5)
    again = ExportTraceServiceRequest()
    again.CopyFrom(answer)
    books.arrived(answer, 1)
    books.judge()
    books.arrived(again, 2)
    books.judge()
    assert books.finding.counts["again_after_settled"] > 0


def test_a_request_without_an_answer_is_in_or_out_as_a_whole() -> None:
    """If its first trace came out, all that is kept of it must; if not, nothing may."""
    books = Books()
    part = Workload(6).request()
    right = kept(part)
    books.send(part)
    books.judge()
    assert dict(books.finding.counts) == {}
    lose(right)
    books.send(part := Workload(7).request())
    torn = kept(part)
    del torn.resource_spans[0].scope_spans[0].spans[-1]
    books.arrived(torn, 1)
    books.judge()
    assert books.finding.counts["missing"] == 1
